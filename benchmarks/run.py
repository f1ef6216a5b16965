"""Runs the benchmarks named on the command line (all when none is named) and prints one table.

Only CPU time per request and ratios within one run mean something on a shared machine; times by the
wall clock are printed for what people feel: starting, signing up, checking a name.
"""

import argparse
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path

import books
import lists
import measure
import reports
import tenants
from installation import BINARY, ROOT, Baseline, FrontDoor, Installation, free_port

BENCH = ROOT / "benchmarks"
SECONDS, ROUNDS = 3, 2
report = measure.Report()
# Of the next hour, so that they stay waiting.
WAITING_JOBS = """
INSERT INTO jobs (kind, payload, run_at)
SELECT 'billing.apply_stripe_event', jsonb_build_object('event_id', 'evt_waits' || i), now() + interval '1 hour'
  FROM generate_series(1, :count) AS i;
ANALYZE jobs;
"""


def best(runs):
    """Disturbance only ever adds, so the cheaper round is the truer one."""
    for run in runs:
        if run.errors:
            raise SystemExit(f"{run.errors} of {run.requests} requests failed")
    return min(runs, key=lambda run: run.microseconds)


class Bench:
    best = staticmethod(best)

    def __init__(self):
        self.host = Installation()
        self.events_at = 0

    def start_host(self):
        if not self.host.process:
            self.host.start()
            self.host.log_in()

    # ---- on a fresh installation

    def start(self):
        first = self.host.start()
        self.host.log_in()
        time.sleep(4)
        report.value("resident memory at rest", measure.resident_kib(self.host.process.pid) / 1024, "MiB", 40,
                     f"of it anonymous {measure.resident_kib(self.host.process.pid, 'RssAnon') / 1024:.1f} MiB")
        self.host.stop()
        again = self.host.start()
        report.value("start with embedded cluster, first time", first, "s", 8)
        report.value("start with embedded cluster, again", again, "s", 4)

    def binary(self):
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory) / "onboarding"
            shutil.copy(BINARY, copy)
            subprocess.run(["strip", copy], check=True)
            report.value("stripped binary", copy.stat().st_size / 1024 / 1024, "MiB", 20)

    def sign_up(self, name):
        form = {"company": "Bench Ltd", "name": "Ada Smith", "email": f"{name}@example.com", "country": "ES",
                "locale": "en", "subdomain": name, "plan": "starter", "interval": "month", "currency": "eur"}
        status, content = self.host.request("POST", "/api/checkout", form, token=False)
        if status != 201:
            raise SystemExit(f"sign-up failed: {content}")
        return json.loads(content)

    def pay(self, address):
        """Fills in Stripe's page as a browser does."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        html = urllib.request.urlopen(address).read().decode()
        action, inner = re.search(r'<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>([\s\S]*?)</form>', html).groups()
        fields = {}
        for tag in re.findall(r"<input[^>]*>", inner):
            attribute = dict(re.findall(r'\b([a-z_]+)="([^"]*)"', tag))
            if attribute.get("type") == "radio" and " checked" not in tag:
                continue
            if "name" in attribute:
                fields[attribute["name"]] = attribute.get("value", "").replace("&amp;", "&")
        fields |= {"card_number": "4242 4242 4242 4242", "card_expiry": "12 / 34", "card_cvc": "123",
                   "cardholder_name": "Ada Smith"}
        target = urllib.parse.urljoin(address, action.replace("&amp;", "&"))
        pressed = time.time()
        try:
            urllib.request.build_opener(Stay).open(target, urllib.parse.urlencode(fields).encode())
        except urllib.error.HTTPError as answer:
            if answer.code != 303:
                raise SystemExit(f"the payment page answered {answer.code}") from None
        return pressed

    def paid_to_live(self, names):
        """Pays all at once; seconds from pressing "pay" until each tenant answers at its address, as
        the server wrote it down."""
        signups = [self.sign_up(name) for name in names]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as payers:
            pressed = list(payers.map(lambda signup: self.pay(signup["checkout_url"]), signups))
        seconds = []
        for signup, at in zip(signups, pressed):
            token = signup["status_url"].rstrip("/").rpartition("/")[2]
            while True:
                state = json.loads(self.host.request("GET", f"/api/signups/{token}")[1])
                if state["state"] == "live":
                    break
                if time.time() - at > 60:
                    raise SystemExit(f"not live after a minute: {state}")
                time.sleep(0.1)
            finished = state["finished_at"].replace("Z", "+00:00")
            seconds.append(datetime.fromisoformat(finished).timestamp() - at)
        return seconds

    def signups(self):
        """From pressing "pay" until the tenant answers at its address."""
        seconds = [self.paid_to_live([f"bench-{number}"])[0] for number in range(10)]
        report.value("from paid to live, sample, 10 sign-ups: p95", measure.percentile(seconds, 0.95), "s", 3,
                     f"p50 {measure.percentile(seconds, 0.5):.2f} s")

    def containers(self):
        tenants.containers(self, report)

    def ledger(self):
        tenants.ledger(self, report)

    def books(self):
        books.applied(self, report)
        books.bounded(self, report)

    def dunning(self):
        books.dunning(self, report)

    def rebuild(self):
        books.rebuilt(self, report)

    def subdomains(self):
        connection = self.host.connection()
        milliseconds, before = [], measure.cpu_of([self.host.process.pid])
        for number in range(200):
            started = time.perf_counter()
            status, _ = self.host.request("GET", f"/api/subdomains/name-{number}", connection=connection)
            milliseconds.append((time.perf_counter() - started) * 1000)
            if status != 200:
                raise SystemExit(f"the check answered {status}")
        report.value("subdomain check through the front door: p50", measure.percentile(milliseconds, 0.5), "ms", 5,
                     f"p95 {measure.percentile(milliseconds, 0.95):.1f} ms, p99 "
                     f"{measure.percentile(milliseconds, 0.99):.1f} ms by the wall clock; server CPU "
                     f"{(measure.cpu_of([self.host.process.pid]) - before) / 200 * 1e6:.0f} µs each")

    def start_beside_database(self):
        """From the call to the first answer, the database and its schema being there."""
        self.start_host()
        database = self.host.make_database("beside", 10)
        program, seconds = Installation(on_loopback=True, database=database, like=self.host), []
        program.start()  # the first time makes keys and certificates
        for _ in range(5):
            program.stop()
            seconds.append(program.start(program.answers_on_loopback))
        program.remove()
        report.value("start, database up: to the first answer", min(seconds) * 1000, "ms", 150,
                     f"the best of 5; the slowest {max(seconds) * 1000:.0f} ms")

    # ---- against the baseline, on the same database

    def events_file(self, program, count=24_000):
        secret, now = program.secret("sandbox_webhook_secret"), int(time.time())
        path = program.directory / "events.txt"
        with open(path, "w") as file:
            for number in range(self.events_at, self.events_at + count):
                body = json.dumps({
                    "id": f"evt_bench{number}", "object": "event", "api_version": "2026-10-28.endive", "created": now,
                    "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None},
                    "type": "invoice.paid",
                    "data": {"object": {"id": f"in_bench{number}", "object": "invoice", "amount_due": 1900,
                                        "currency": "eur", "customer": "cus_bench1", "status": "paid",
                                        "metadata": {}, "lines": {"object": "list", "data": [
                                            {"id": f"il_{line}", "amount": 1900, "description": "Starter plan, monthly",
                                             "period": {"start": now, "end": now + 2592000}} for line in range(3)]}}}})
                signature = hmac.digest(secret, f"{now}.{body}".encode(), hashlib.sha256).hex()
                file.write(f"t={now},v1={signature}\t{body}\n")
        self.events_at += count
        return path

    def compare(self):
        self.start_host()
        database = self.host.make_database("compare", 10_000)
        postmaster = self.host.postmaster()
        # A node that answers and works nothing off, as the baseline does.
        program = Installation(on_loopback=True, database=database, jobs=False)
        program.start()
        program.log_in()
        baseline = Baseline(database, program)
        print(f"  baseline: {baseline.about}", flush=True)
        try:
            bearers = [f"Authorization: Bearer {side.token}" for side in (program, baseline)]
            first_page = "/api/tenants?limit=50"

            def pages(paths):
                """What both sides answer, which has to be the same but for the cursors; their next pages."""
                answers = (program.request("GET", paths[0])[1], baseline.get(paths[1], baseline.token))
                cursors = [json.loads(answer)["next_cursor"] for answer in answers]
                mine, theirs = [answer.replace(json.dumps(cursor).encode(), b"null")
                                for answer, cursor in zip(answers, cursors)]
                if mine != theirs:
                    raise SystemExit(f"the lists differ:\n{mine[:2000]}\n{theirs[:2000]}")
                return [f"{first_page}&cursor={urllib.parse.quote(cursor)}" for cursor in cursors]

            next_pages = pages([first_page, first_page])
            pages(next_pages)

            ours, theirs = f"http://127.0.0.1:{program.loopback}", f"http://127.0.0.1:{baseline.port}"
            pids = [program.process.pid], [baseline.process.pid]
            costs = {}

            def case(name, paths, target, headers=((), ())):
                runs = [], []
                for _ in range(ROUNDS):
                    for side, url in enumerate((ours, theirs)):
                        runs[side].append(measure.wrk(url + paths[side], pids[side], postmaster, SECONDS, headers=headers[side]))
                costs[name] = [best(side) for side in runs]
                show(name, costs[name], target)

            def show(name, sides, target):
                report.ratio(name, sides[0].microseconds, sides[1].microseconds, target,
                             f"PostgreSQL {sides[0].postgres_microseconds:.0f} and "
                             f"{sides[1].postgres_microseconds:.0f}; {threads_of(sides[0])}")

            case("list of 50 tenants", [first_page] * 2, 0.15, [[one] for one in bearers])
            case("list of 50 tenants, next page", next_pages, 0.15, [[one] for one in bearers])
            case("health", ["/healthz"] * 2, 0.25)
            runs = [], []
            for _ in range(ROUNDS):
                for side, url in enumerate((ours, theirs)):
                    runs[side].append(measure.wrk(url, pids[side], postmaster, SECONDS, script=BENCH / "webhook.lua",
                                                  arguments=[self.events_file(program)]))
            costs["webhook"] = [best(side) for side in runs]
            show("webhook", costs["webhook"], 0.25)
            case("dashboard by roll-ups", ["/api/dashboard/metrics"] * 2, 0.25, [[one] for one in bearers])
        finally:
            baseline.stop()
            program.stop()

        # The same through the front door, TLS included, against the baseline alone.
        behind = Installation(database=database, like=program)
        program.remove()
        door = None
        try:
            behind.start()
            behind.log_in()
            door = FrontDoor(behind)
            pids = [behind.process.pid, door.process.pid]
            bearer = f"Authorization: Bearer {behind.token}"
            url = f"https://127.0.0.1:{door.port}"
            for name, path, headers in (("list of 50 tenants", first_page, [bearer]), ("health", "/healthz", [])):
                run = best([measure.wrk(url + path, pids, postmaster, SECONDS, headers=headers) for _ in range(ROUNDS)])
                report.ratio(f"{name}, HAProxy and TLS included", run.microseconds, costs[name][1].microseconds, 1.0,
                             threads_of(run))
        finally:
            if door:
                door.stop()
            behind.remove()

    def dashboard(self):
        """The same document for a thousand and for a hundred thousand customers, and with many jobs
        that wait."""
        self.start_host()
        postmaster, costs = self.host.postmaster(), []
        for customers, waiting in ((1_000, 0), (10_000, 0), (100_000, 0), (1_000, 50_000)):
            name = f"size_{customers}_{waiting}"
            program = Installation(on_loopback=True, database=self.host.make_database(name, customers))
            if waiting:
                self.host.sql(WAITING_JOBS, name, count=waiting)
            program.start()
            program.log_in()
            run = best([measure.wrk(f"http://127.0.0.1:{program.loopback}/api/dashboard/metrics", [program.process.pid],
                                    postmaster, SECONDS, headers=[f"Authorization: Bearer {program.token}"])
                        for _ in range(ROUNDS)])
            program.remove()
            costs.append(run.microseconds + run.postgres_microseconds)
            report.value(f"dashboard, {customers} customers" + (f", {waiting} jobs wait" if waiting else ""), costs[-1],
                         "µs CPU/request", 1.25 * costs[0] if len(costs) > 1 else None,
                         f"server {run.microseconds:.0f}, PostgreSQL {run.postgres_microseconds:.0f}")
            self.host.sql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")

    def reports(self):
        reports.reports(self, report)

    def lists(self):
        lists.flat(self, report)

    def memory(self):
        lists.memory(self, report)

    def sockets(self, count=200):
        """Clients that follow a sign-up in which nothing happens."""
        self.start_host()
        database = self.host.make_database("sockets", 10)
        program = Installation(on_loopback=True, database=database)
        program.start()
        host, self.host = self.host, program
        try:
            token = self.sign_up("idle-clients")["status_url"].rstrip("/").rpartition("/")[2]
        finally:
            self.host = host
        open_sockets = []

        def connect():
            made = socket.create_connection(("127.0.0.1", program.loopback))
            made.sendall((f"GET /ws/signups/{token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            if b" 101 " not in made.recv(4096):
                raise SystemExit("no WebSocket was opened")
            made.setblocking(False)
            open_sockets.append(made)

        def drain():
            for made in open_sockets:
                try:
                    while made.recv(65536):
                        pass
                except BlockingIOError:
                    pass

        for _ in range(40):  # buffers that all clients share are there from now on
            connect()
        time.sleep(2)
        drain()
        before = measure.resident_kib(program.process.pid)
        for _ in range(count):
            connect()
        time.sleep(2)
        drain()
        after = measure.resident_kib(program.process.pid)
        report.value(f"memory of an idle WebSocket, {count} clients", (after - before) / count, "KiB", 12)
        for made in open_sockets:
            made.close()
        self.delivery(program)
        program.remove()

    def on_loopback(self, name):
        self.start_host()
        program = Installation(on_loopback=True, database=self.host.make_database(name, 100))
        program.start()
        program.log_in()
        return program

    def audit(self, writes=50):
        """What the audit trail adds to a write, as PostgreSQL's log counts it."""
        program = self.on_loopback("audit")
        log = self.host.directory / "logs/postgresql.log"
        try:
            self.host.sql("ALTER DATABASE audit SET log_statement = 'all'", "postgres")
            program.stop()
            program.start()
            program.log_in()
            before = log.stat().st_size
            for number in range(writes):
                status, content = program.request("PUT", "/api/settings/security/hours", {
                    "time_zone": "UTC", "opens_hour": number % 12, "closes_hour": 20, "working_days": [1]})
                if status not in (200, 204):
                    raise SystemExit(f"the change was refused: {content}")
            with open(log, "rb") as file:
                file.seek(before)
                statements = file.read().count(b"audit_append(")
            report.value("statements that audit adds to a write", statements / writes, "", 1)
        finally:
            program.remove()

    def storm(self, wave=1000):
        """A thousand log-ins at one moment, each from an address and for an account of its own, while
        somebody else works; and how soon a socket of an ended session is closed."""
        program = self.on_loopback("storm")
        body = json.dumps({"email": "nobody-{}@example.com", "password": "a guess"})

        def log_ins(number):
            made = socket.socket()
            made.bind((f"127.{1 + number // 60000}.{number // 250 % 240 + 1}.{number % 250 + 1}", 0))
            made.connect(("127.0.0.1", program.loopback))
            text = body.replace("{}", str(number))
            made.sendall((f"POST /api/admin/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode())
            return made

        def p99(seconds):
            made = http.client.HTTPConnection("127.0.0.1", program.loopback, timeout=30)
            milliseconds, end = [], time.monotonic() + seconds
            while time.monotonic() < end:
                started = time.perf_counter()
                made.request("GET", "/api/tenants?limit=50", headers={"Authorization": f"Bearer {program.token}"})
                answer = made.getresponse()
                answer.read()
                if answer.status != 200:
                    raise SystemExit(f"somebody else was answered {answer.status}")
                milliseconds.append((time.perf_counter() - started) * 1000)
            made.close()
            return measure.percentile(milliseconds, 0.99)

        try:
            quiet = p99(5)
            answers, over = {}, threading.Event()

            def storm():
                number = 0
                while not over.is_set():
                    waiting = []
                    for _ in range(wave):
                        waiting.append(log_ins(number))
                        number += 1
                    for made in waiting:
                        status = made.recv(4096)[9:12].decode()
                        answers[status] = answers.get(status, 0) + 1
                        made.close()

            storming = threading.Thread(target=storm)
            storming.start()
            loud = p99(5)
            over.set()
            storming.join()
            said = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
            report.value("p99 of other requests in a storm of log-ins, times as long", loud / quiet, "×", 2,
                         f"{loud:.1f} and {quiet:.1f} ms by the wall clock, the storm's client on the same cores; {said}")

            made = socket.create_connection(("127.0.0.1", program.loopback), timeout=30)
            made.sendall((f"GET /ws/metrics HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          f"Authorization: Bearer {program.token}\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            made.recv(65536)
            status, _ = program.request("POST", "/api/admin/logout")
            started = time.perf_counter()
            frame = b""
            while frame[:1] != b"\x88":  # a close frame
                frame = made.recv(65536)
                if not frame:
                    break
                if b"\x88\x0f\x11\x31" in frame:  # behind a message: 15 bytes, code 4401
                    break
            report.value("a socket of an ended session is closed after", (time.perf_counter() - started) * 1000, "ms", 1000)
            made.close()
        finally:
            program.remove()

    def delivery(self, program, count=200, rounds=20):
        """One announcement to many screens of the dashboard: CPU for each message that arrives."""
        program.log_in()
        screens = []
        for _ in range(count):
            made = socket.create_connection(("127.0.0.1", program.loopback))
            made.sendall((f"GET /ws/metrics HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          f"Authorization: Bearer {program.token}\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            if b" 101 " not in made.recv(200):
                raise SystemExit("no WebSocket was opened")
            made.setblocking(False)
            screens.append(made)

        def arrived():
            total = 0
            for made in screens:
                try:
                    while part := made.recv(1 << 20):
                        total += part.count(b'{"type":"metrics"')
                except BlockingIOError:
                    pass
            return total

        time.sleep(2)
        arrived()
        before, messages = measure.cpu_of([program.process.pid]), 0
        for _ in range(rounds):
            self.host.sql("NOTIFY onboarding, 'dashboard'", "sockets")
            time.sleep(0.3)
            messages += arrived()
        spent = measure.cpu_of([program.process.pid]) - before
        size = len(program.request("GET", "/api/dashboard/metrics")[1])
        report.value(f"WebSocket message to one of {count} dashboards", spent / messages * 1e6, "µs CPU", 8,
                     f"{messages} messages of {size} bytes")
        for made in screens:
            made.close()

    def build(self):
        """A clean build on this machine without ccache, then one file again."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            environment = os.environ | {"CCACHE_DISABLE": "1"}

            def timed(*command):
                before, started = os.times(), time.monotonic()
                subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
                after = os.times()
                return time.monotonic() - started, (after.children_user + after.children_system
                                                    - before.children_user - before.children_system)

            subprocess.run(["cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                            "-DONBOARDING_TESTS=OFF"], check=True, env=environment, stdout=subprocess.DEVNULL)
            ninja = ("ninja", "-C", directory, "-j2", "onboarding")
            seconds, cpu = timed(*ninja)
            report.value("clean build, two cores", seconds, "s", 300, f"{cpu:.0f} s CPU, so {cpu / 2:.0f} s on two free cores")
            (Path(directory) / "CMakeFiles/core.dir/src/tenants/tenants.cpp.o").unlink()
            seconds, cpu = timed(*ninja)
            report.value("one file again, linked", seconds, "s", 20, f"{cpu:.0f} s CPU")

    def micro(self):
        """Functions by Google Benchmark, and the job engine alone."""
        self.start_host()
        programs = BINARY.parent / "benchmarks"
        if (programs / "bench_micro").exists():
            done = subprocess.run([programs / "bench_micro", "--benchmark_format=json", "--benchmark_min_time=0.3"],
                                  capture_output=True, text=True, check=True)
            targets = {"verify a token": 10, "decide about a limit": 2, "write an invoice as PDF": 20_000}
            for row in json.loads(done.stdout)["benchmarks"]:
                scale = {"ns": 1e-3, "us": 1, "ms": 1e3}[row["time_unit"]]
                report.value(row["name"], row["cpu_time"] * scale, "µs CPU", targets.get(row["name"]))
        if (programs / "bench_routes").exists():
            done = subprocess.run([programs / "bench_routes", str(free_port()), str(free_port())], capture_output=True,
                                  text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            result = json.loads(done.stdout)
            report.value("change of a route beside a thousand: p95", result["p95"], "ms", 5,
                         f"median {result['median']:.2f} ms, by the wall clock")
        if (programs / "bench_jobs").exists():
            database = self.host.make_database("jobs", 10)
            self.host.sql("DROP TRIGGER hold_back ON jobs", "jobs")
            done = subprocess.run([programs / "bench_jobs", database], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            result = json.loads(done.stdout)
            report.value("empty jobs, one by one", result["per_second"], "jobs/s", 1200, at_least=True,
                         more=f"by the wall clock; {result['cpu_microseconds']:.0f} µs CPU each")


def threads_of(run):
    dearest = sorted(run.threads.items(), key=lambda item: -item[1])[:4]
    return ", ".join(f"{thread} {spent / run.requests * 1e6:.1f}" for thread, spent in dearest)


def main():
    names = ["binary", "start", "start_beside_database", "signups", "subdomains", "containers", "ledger", "books", "dunning",
             "compare", "dashboard", "reports", "lists", "memory", "sockets", "audit", "storm", "micro"]
    asked = [*names, "rebuild", "build"]  # the last ones take minutes: only when they are named
    parser = argparse.ArgumentParser(prog="./bench", description="CPU per request beside a tuned FastAPI, and what "
                                     "people wait for.", epilog=f"names: {', '.join(names)}; only when named: rebuild, build")
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--json", metavar="FILE", help="also write the table as JSON")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in asked]
    if unknown:
        parser.error(f"there is no {unknown[0]}; names: {', '.join(asked)}")
    bench = Bench()
    try:
        for name in arguments.names or names:
            print(f"{name}", flush=True)
            if name in ("signups", "subdomains"):
                bench.start_host()
            getattr(bench, name)()
    finally:
        bench.host.remove()
    report.print()
    if arguments.json:
        report.write(arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
