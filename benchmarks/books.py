"""The books: how soon an event of Stripe's has had its effect, how long everything again takes, and whether
one more event costs the same however much there was before."""

import http.client
import json
import os
import re
import subprocess
import threading
import time

import measure
import stripe_wire
from installation import BINARY, ROOT, Installation
from stripe_wire import DAY, MONTH, Stripe

CUSTOMERS, RENEWALS_A_SECOND, SECONDS = 1000, 15, 20
REPLAYED = 10_000
REBUILT = int(os.environ.get("BENCH_REBUILT", 100_000))
SHORT, LONG, PEOPLE = 10, 1000, 10


class Session:
    """psql that stays: a look at the database costs no new session of PostgreSQL."""

    def __init__(self, url):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, cwd="/")

    def rows(self, sql):
        self.psql.stdin.write(sql + ";\n\\echo =\n")
        self.psql.stdin.flush()
        out = []
        while (line := self.psql.stdout.readline()) != "=\n":
            if not line:
                raise SystemExit(f"psql failed at {sql}")
            out.append(line.rstrip("\n"))
        return out

    def value(self, sql):
        return self.rows(sql)[0]

    def end(self):
        self.psql.stdin.close()
        self.psql.wait(20)


class Business:
    """A node of its own whose Stripe is at the wire. Its schedules are put off: they are measured on
    their own."""

    def __init__(self, bench, name, customers=0):
        bench.start_host()
        self.bench, self.name, self.stripe = bench, name, Stripe()
        self.url = bench.host.make_database(name, customers)
        if customers:
            bench.host.sql("DROP TRIGGER hold_back ON jobs", name)
        self.program = Installation(on_loopback=True, database=self.url, settings=self.stripe.settings())
        self.program.start()
        self.postmaster, self.session = bench.host.postmaster(), Session(self.url)
        self.session.rows("UPDATE job_schedules SET next_run_at = now() + interval '1 day'")
        self.until("SELECT count(*) FROM jobs WHERE state = 'running' OR state = 'waiting' AND run_at <= now()")

    def until(self, sql, seconds=300):
        """Until nothing is left of it."""
        end = time.monotonic() + seconds
        while self.session.value(sql) != "0":
            if time.monotonic() > end:
                raise SystemExit(f"it did not end: {sql}\n" + "\n".join(self.session.rows(
                    "SELECT state, kind, attempt, last_error, count(*) FROM jobs WHERE state <> 'done' GROUP BY 1, 2, 3, 4")))
            time.sleep(0.05)

    def cpu(self):
        return measure.cpu_of([self.program.process.pid]), measure.postgres_cpu(self.postmaster)

    def deliver(self, events, a_second=None, connections=8):
        """Sends them through the door, each (seconds from the beginning, event, what Stripe has from then
        on); returns how long that took."""
        events, lock, began, errors = list(reversed(events)), threading.Lock(), time.monotonic(), []

        def send():
            made = http.client.HTTPConnection("127.0.0.1", self.program.loopback, timeout=30)
            while not errors:
                with lock:
                    if not events:
                        break
                    due, told, there = events.pop()
                    for path, found in there.items():
                        self.stripe.put(path, found)
                if (early := began + due - time.monotonic()) > 0:
                    time.sleep(early)
                made.request("POST", "/webhook/stripe", *stripe_wire.signed(told))
                answer = made.getresponse()
                content = answer.read()
                if answer.status != 200:
                    errors.append(content)
            made.close()

        senders = [threading.Thread(target=send) for _ in range(connections)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        if errors:
            raise SystemExit(f"an event was refused: {errors[0]}")
        return time.monotonic() - began

    def until_applied(self):
        self.until("SELECT count(*) FROM stripe_events WHERE state = 'received'")
        wrong = self.session.rows("SELECT type, state, last_error FROM stripe_events WHERE state = 'dead' LIMIT 3")
        if wrong:
            raise SystemExit(f"events were given up: {wrong}")

    def renewals(self, first, count):
        now = int(time.time())
        return [stripe_wire.renewal(self.stripe, number, f"cus_bench{1 + number % CUSTOMERS}",
                                    f"sub_bench{1 + number % CUSTOMERS}", now + number % 7)
                for number in range(first, first + count)]

    def end(self):
        self.session.end()
        self.program.remove()
        self.stripe.shutdown()
        self.bench.host.sql(f"DROP DATABASE {self.name} WITH (FORCE)", "postgres")


def each(cpu, count):
    return f"server {cpu[0] / count * 1e6:.0f}, PostgreSQL {cpu[1] / count * 1e6:.0f} µs CPU each"


def spent(business, before):
    return [after - past for after, past in zip(business.cpu(), before)]


def applied(bench, report):
    """A stream of renewals, as Stripe tells of them; then many events that wait, all at once."""
    business = Business(bench, "stream", CUSTOMERS)
    try:
        warm = [told for renewal in business.renewals(0, 20) for told in renewal]
        business.deliver([(place / 100, *told) for place, told in enumerate(warm)])
        business.until_applied()
        # Invoices are made an hour before they are paid; here two seconds.
        stream = []
        for place, renewal in enumerate(business.renewals(20, RENEWALS_A_SECOND * SECONDS)):
            begins = place / RENEWALS_A_SECOND
            stream += [(begins + (0 if number < 2 else 2) + number / 20, *told) for number, told in enumerate(renewal)]
        stream.sort(key=lambda one: one[0])
        asked, before = business.stripe.asked, business.cpu()
        took = business.deliver(stream)
        business.until_applied()
        cpu = spent(business, before)
        p50, p95, most = map(float, business.session.value(
            "SELECT string_agg(at::text, ' ') FROM unnest((SELECT percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP ("
            "ORDER BY extract(epoch FROM processed_at - received_at)) FROM stripe_events WHERE id LIKE 'evt\\_new%' "
            "AND split_part(substr(id, 8), '_', 1)::int >= 20)) AS at").split())
        report.value("event applied after it came, 150 a second: p95", p95 * 1000, "ms", 1000,
                     f"p50 {p50 * 1000:.0f}, the last {most * 1000:.0f} ms by the wall clock; "
                     f"{len(stream) / took:.0f} a second; {each(cpu, len(stream))}, "
                     f"{(business.stripe.asked - asked) / len(stream):.2f} questions to Stripe")
        report.value("event applied, server and PostgreSQL", sum(cpu) / len(stream) * 1e6, "µs CPU")
        replay(business, report)
    finally:
        business.end()


def replay(business, report):
    """Stored events that were given up, of invoices that nobody has seen."""
    rows = []
    for renewal in business.renewals(100_000, REPLAYED // 10):
        for told, there in renewal:
            rows.append("\t".join([told["id"], told["type"], told["data"]["object"]["id"],
                                   time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(told["created"])),
                                   json.dumps(told).replace("\\", "\\\\"), "dead", "2026-01-01"]))
            for path, found in there.items():
                business.stripe.put(path, found)
    business.bench.host.sql("COPY stripe_events (id, type, object_id, created, payload, state, processed_at) FROM STDIN;\n"
                            + "\n".join(rows) + "\n\\.\nANALYZE stripe_events;\n",
                            business.name)
    asked, before, began = business.stripe.asked, business.cpu(), time.monotonic()
    subprocess.run([BINARY, "events", "replay", "--dead"], check=True, capture_output=True, cwd="/",
                   env=business.program.environment())
    business.until_applied()
    took, cpu = time.monotonic() - began, spent(business, before)
    report.value(f"{REPLAYED} stored events once more", took, "s", 60,
                 f"{each(cpu, REPLAYED)}, {(business.stripe.asked - asked) / REPLAYED:.2f} questions to Stripe")
    business.until("SELECT count(*) FROM jobs WHERE state = 'running' OR state = 'waiting' AND run_at <= now()")


def templates():
    """Stripe's objects for books.sql."""
    found = stripe_wire.subscription("sub_book«customer»", "cus_book«customer»", 0, "«quantity»")
    words = json.dumps(found, ensure_ascii=False)
    for name in ("billing_cycle_anchor", "created", "current_period_start", "start_date"):
        words = words.replace(f'"{name}": 0', f'"{name}": "«at»"')
    bill = stripe_wire.invoice("in_book«customer»_«number»", "cus_book«customer»", "sub_book«customer»", 0)
    bill["payments"]["data"][0]["payment"]["payment_intent"] = "pi_book«customer»_«number»"
    text = json.dumps(bill, ensure_ascii=False)
    for name in ("created", "start", "finalized_at", "paid_at", "period_end", "effective_at"):
        text = re.sub(rf'"{name}": [012],', f'"{name}": "«at»",', text)
        text = re.sub(rf'"{name}": [012]}}', f'"{name}": "«at»"}}', text)
    text = text.replace(f'"end": {MONTH}', '"end": "«at»"')
    return {"subscription": words, "invoice": text}


def load(bench, name, first, customers, history, seconds):
    bench.host.sql((ROOT / "benchmarks/books.sql").read_text(), name, first=first, customers=customers, history=history,
                   seconds=seconds, **templates())


def rebuild_books(environment):
    """Returns seconds and the last line."""
    began, before = time.monotonic(), os.times()
    done = subprocess.Popen([BINARY, "ledger", "rebuild"], stdout=subprocess.PIPE, cwd="/", env=environment)
    last = b""
    for last in done.stdout:
        pass
    if done.wait():
        raise SystemExit("the rebuild failed")
    after = os.times()
    return (time.monotonic() - began, after.children_user + after.children_system - before.children_user
            - before.children_system, last.decode().strip())


def rebuilt(bench, report):
    """Everything again for many customers, of each a year: twelve states of a subscription and twelve invoices."""
    bench.start_host()
    url = bench.host.make_database("rebuilt")
    environment = bench.host.environment() | {"ONBOARDING_DATABASE_URL": url}
    parts = 20
    began = time.monotonic()
    for part in range(parts):
        load(bench, "rebuilt", 1 + part * REBUILT // parts, REBUILT // parts, 12, MONTH)
    bench.host.sql("VACUUM (ANALYZE)", "rebuilt")
    print(f"  loaded in {time.monotonic() - began:.0f} s", flush=True)
    for what, target in (("the first time, all of them written", None), ("again, nothing differs", 300)):
        before = measure.postgres_cpu(bench.host.postmaster())
        seconds, cpu, said = rebuild_books(environment)
        postgres = measure.postgres_cpu(bench.host.postmaster()) - before
        report.value(f"books of {REBUILT} customers, {what}", seconds, "s", target,
                     f"program {cpu / REBUILT * 1e6:.0f}, PostgreSQL {postgres / REBUILT * 1e6:.0f} µs CPU a customer; {said}")
        bench.host.sql("VACUUM (ANALYZE)", "rebuilt")
    bench.host.sql("DROP DATABASE rebuilt WITH (FORCE)", "postgres")


def bounded(bench, report, rounds=3, at_once=20):
    """One more event for customers of whom there is little, and for those of whom there is much."""
    business = Business(bench, "bounded")
    sides = {SHORT: 1, LONG: 1 + PEOPLE}  # the first customer of each
    try:
        for history, first in sides.items():
            load(bench, "bounded", first, PEOPLE, history, DAY)
        rebuild_books(business.program.environment())
        bench.host.sql("VACUUM (ANALYZE)", "bounded")
        serial = 0
        now = int(time.time())

        def events(kind, place, history, first):
            nonlocal serial
            out = []
            for person in range(first, first + PEOPLE):
                for _ in range(at_once):
                    serial += 1
                    # Late: between two days in the middle, or after everything.
                    at = now - history * DAY // 2 + serial if place == "middle" else now + serial
                    of, customer = f"sub_book{person}", f"cus_book{person}"
                    if kind == "subscription":
                        found = stripe_wire.subscription(of, customer, at, 3 + serial % 2)
                        present = found if place == "end" else stripe_wire.subscription(of, customer, now, 1)
                        told = stripe_wire.event(f"evt_more{serial}", "customer.subscription.updated", found, at,
                                                 {"latest_invoice": None})
                        there = {f"/v1/subscriptions/{of}": present}
                    else:
                        found = stripe_wire.invoice(f"in_more{serial}", customer, of, at, item=f"ii_more{serial}")
                        told = stripe_wire.event(f"evt_more{serial}", "invoice.paid", found, at)
                        there = {f"/v1/invoices/in_more{serial}": found}
                    out.append((0, told, there))
            return out

        for kind in ("subscription", "invoice"):
            for place in ("middle", "end"):
                costs = {history: [] for history in sides}
                for number in range(rounds + 1):  # the first one warms up
                    for history, first in sides.items():
                        more = events(kind, place, history, first)
                        before = business.cpu()
                        business.deliver(more, connections=2)
                        business.until_applied()
                        if number:
                            costs[history].append([part / len(more) * 1e6 for part in spent(business, before)])
                few, many = (min(costs[history], key=sum) for history in sides)
                report.value(f"one more {kind}, {place}: times as dear with {LONG} as with {SHORT} before",
                             sum(many) / sum(few), "×", 1.25,
                             f"server {many[0]:.0f} and {few[0]:.0f}, PostgreSQL {many[1]:.0f} and {few[1]:.0f} µs CPU")
    finally:
        business.end()


def dunning(bench, report, count=10_000):
    """So many owe something and were written to once: what comes next is decided for each, and nothing is due yet."""
    business = Business(bench, "dunning", count)
    try:
        bench.host.sql("""
            UPDATE billing_invoices SET status = 'open', amount_paid = 0, paid_at = NULL, late_outcome = NULL, counted_paid = 0,
                   first_failed_at = now() - interval '36 hours', next_payment_attempt = now() + interval '5 days'
             WHERE stripe_invoice_id LIKE '%\\_5';
            INSERT INTO dunning_cases (tenant_id, invoice_id, ladder, began_at, next_at)
            SELECT s.tenant_id, i.id, '{"first_mail": 0, "second_mail": 3, "third_mail": 7, "warning": 10, "hold": 14}',
                   now() - interval '36 hours', now() - interval '1 minute'
              FROM billing_invoices AS i JOIN subscriptions AS s ON s.id = i.subscription_id
             WHERE i.status = 'open';
            INSERT INTO dunning_steps (case_id, step, outcome, acted_at, mail_id)
            SELECT id, 'first_mail', 'done', began_at, 1 FROM dunning_cases;
            ANALYZE;""", business.name)
        before, began = business.cpu(), time.monotonic()
        business.session.rows("UPDATE job_schedules SET next_run_at = now() WHERE kind = 'dunning.round'")
        business.until("SELECT count(*) FROM dunning_cases WHERE closed_at IS NULL AND next_at <= now()")
        took, cpu = time.monotonic() - began, spent(business, before)
        if business.session.value("SELECT count(*) FROM mails WHERE template LIKE 'dunning%'") != "0":
            raise SystemExit("nobody was to be written to")
        report.value(f"{count} decisions about who owes", took, "s", 5, each(cpu, count))
    finally:
        business.end()
