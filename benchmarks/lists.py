"""Every declared list at every order, filter and search: whether a request costs the same however many
rows there are, and what memory PostgreSQL keeps for all those statements."""

import http.client
import json
import urllib.parse
from datetime import datetime, timedelta, timezone

import measure
from installation import Installation

WARM_UP, REQUESTS, ROUNDS = 6, 12, 3  # after five executions PostgreSQL has settled on a plan
MOST_SECONDS = 0.5  # of CPU for one variant in one round: what is dear needs no average
TARGET = 1.3


def days_ago(days):
    return (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


# What benchmarks/load.sql has many, a few and none of. Of enumerations every value is asked for.
VALUES = {
    "plan": ["team", "nothing"], "outcome": ["refunded", "runs"],
    "/api/activity kind": ["state_changed", "health_changed", "restored"],
    "/api/tenants/ten_1/events kind": ["state_changed", "health_changed"],
    "/api/settings/security/events kind": ["new_address", "many_refusals", "nothing"],
    "/api/billing/findings kind": ["tenant_without_subscription", "tenant_pays_twice", "nothing"],
    "/api/system/jobs kind": ["billing.apply_stripe_event", "mail.send", "nothing"],
    "customer": ["cus_7"], "tenant": ["ten_7"], "actor": ["owner@example.com", "nobody"], "role": ["owner", "nobody"],
    "action": ["tenant.", "tenant.changed", "tenant.deleted", "nothing."], "target": ["ten_775", "nothing"],
    "from": [days_ago(350), days_ago(10), days_ago(-1)], "to": [days_ago(-1), days_ago(350), days_ago(690), days_ago(800)]}
# One that finds a row or none, some, what all rows share, words of theirs that no row has together, and what is too
# short for an index, found everywhere and nowhere.
SEARCHES = ["person777@", "775", "example", "there nobody", "e", "zq"]


def values_of(path, parameter):
    """What a filter is asked for: each value of an enumeration, and two where several may be given."""
    schema = parameter["schema"]
    labels = schema.get("items", schema).get("enum")
    if labels:
        return labels + ([",".join(labels[:2]), ",".join(labels)] if schema["type"] == "array" else [])
    name = parameter["name"]
    known = SEARCHES if name == "q" else VALUES.get(f"{path} {name}", VALUES.get(name))
    if known is None:
        raise SystemExit(f"benchmarks/lists.py knows no values for the filter {name} of {path}")
    return known


def orders_of(program, path):
    """A list names its orders when it is asked for one that it has not."""
    status, content = program.request("GET", path)
    if status != 200:
        raise SystemExit(f"benchmarks/load.sql makes nothing for {path}: {content[:200]}")
    _, content = program.request("GET", path + "?sort=none")
    detail = next(one["detail"] for one in json.loads(content)["errors"] if one["pointer"] == "?sort")
    return detail.removeprefix("must be one of ").split(", ")


def variants(program):
    """(list, what is asked for) of every list that the program has: its orders, with each filter, and in
    the first order counted; and the counts for the values of its filters."""
    document = json.loads(program.request("GET", "/openapi.json")[1])
    for route, methods in document["paths"].items():
        parameters = {one["name"]: one for one in methods.get("get", {}).get("parameters", [])}
        if not {"cursor", "sort", "count"} <= parameters.keys():
            continue
        path = route
        for name, parameter in parameters.items():
            if parameter["in"] == "path":  # "^ten_[0-9]+$"
                path = path.replace("{" + name + "}", parameter["schema"]["pattern"].removeprefix("^").split("_")[0] +
                                    ("_2" if "/job-batches/" in route else "_1"))
        filters = [{name: value} for name, parameter in parameters.items()
                   if parameter["in"] == "query" and name not in ("cursor", "sort", "count", "limit")
                   for value in values_of(path, parameter)]
        orders = orders_of(program, path)
        for order in orders:
            yield path, {"sort": order}
            for asked in filters:
                yield path, {"sort": order} | asked
        for asked in [{}, *filters]:
            yield path, {"sort": orders[0], "count": "true"} | asked
        if f"{route}/facets" in document["paths"]:
            for asked in [{}, *filters]:
                yield f"{path}/facets", asked


def url(path, asked, **more):
    limit = {} if path.endswith("/facets") else {"limit": 50}
    return path + "?" + urllib.parse.urlencode(limit | asked | more)


class Size:
    """One program over so many customers. It has one worker, so that each statement is planned by
    one session of PostgreSQL."""

    def __init__(self, bench, customers):
        self.name = f"lists_{customers}"
        self.host = bench.host
        self.program = Installation(on_loopback=True, database=bench.host.make_database(self.name, customers),
                                    jobs=False, settings={"DATABASE_WORKERS": "1"})
        self.program.start()
        self.program.log_in()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.program.loopback, timeout=60)
        self.sessions = []

    def get(self, address):
        status, content = self.program.request("GET", address, connection=self.connection)
        if status == 401:  # a session is shorter than all of this on a slow machine
            self.program.log_in()
            status, content = self.program.request("GET", address, connection=self.connection)
        if status != 200:
            raise SystemExit(f"{address} was answered {status}: {content[:500]}")
        return content

    def cpu(self):
        return measure.cpu_of([self.program.process.pid]), measure.cpu_of(self.sessions)

    def look_for_sessions(self):
        self.sessions = [int(pid) for pid in self.host.sql(
            f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.name}'", "postgres").split()]

    def cost(self, address):
        """Microseconds of the program and of PostgreSQL for one request."""
        self.look_for_sessions()
        before, count = self.cpu(), 0
        while count < REQUESTS:
            self.get(address)
            count += 1
            now = self.cpu()
            if sum(now) - sum(before) > MOST_SECONDS:
                break
        return [(late - early) / count * 1e6 for early, late in zip(before, now)]

    def remove(self):
        self.connection.close()
        self.program.remove()
        self.host.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)", "postgres")


class Variant:
    """One request, and the least that it ever cost: disturbance only adds."""

    def __init__(self, size, address):
        self.size, self.address = size, address
        self.rows = len(json.loads(size.get(address))["data"])
        for _ in range(WARM_UP - 1):
            size.get(address)
        self.parts = size.cost(address)

    def again(self):
        self.parts = min(self.parts, self.size.cost(self.address), key=sum)

    @property
    def cost(self):
        return sum(self.parts)


def flat(bench, report, customers=(1_000, 100_000)):
    """What each variant costs with a hundred times the rows. Where the few had less to show, the
    measure is a whole page of theirs."""
    bench.start_host()
    sizes, found = [], {}
    try:
        for count in customers:
            sizes.append(Size(bench, count))
        whole_page = None

        def look(path, what, addresses):
            few, many = (Variant(size, address) for size, address in zip(sizes, addresses))
            measure_of = few if few.rows == many.rows or whole_page is None else max(few, whole_page, key=lambda one: one.cost)
            for _ in range(ROUNDS):
                if many.cost <= TARGET * measure_of.cost:
                    break
                measure_of.again()
                many.again()
            ratio = many.cost / measure_of.cost
            more = (f"{measure_of.cost:.0f} and {many.cost:.0f} µs, of it PostgreSQL {measure_of.parts[1]:.0f} and "
                    f"{many.parts[1]:.0f}; {few.rows} and {many.rows} rows")
            found.setdefault(path, []).append((ratio, what, more))
            if ratio > TARGET:
                print(f"  {ratio:8.2f} × {path} {what}: {more}", flush=True)
            return few

        for path, asked in variants(sizes[0].program):
            what = " ".join(f"{name}={value}" for name, value in asked.items()) or "plain"
            if asked.keys() - {"sort", "count"}:
                look(path, what, [url(path, asked)] * 2)
                continue
            whole_page = None
            whole_page = look(path, what, [url(path, asked)] * 2)
            if asked.keys() != {"sort"}:
                continue
            cursors = [json.loads(size.get(url(path, asked)))["next_cursor"] for size in sizes]
            if all(cursors):
                look(path, f"{what}, next page", [url(path, asked, cursor=cursor) for cursor in cursors])
        for path, variants_of in found.items():
            ratio, what, more = max(variants_of)
            over = sum(one[0] > TARGET for one in variants_of)
            report.value(f"{path}: the worst of {len(variants_of)} variants", ratio, "×", TARGET,
                         f"{over} over the target; {what}: {more}")
    finally:
        for size in sizes:
            size.remove()


def memory(bench, report, requests=5_000, customers=1_000):
    """What a session of PostgreSQL keeps for itself after so many requests of all kinds."""
    bench.start_host()
    size = Size(bench, customers)
    try:
        addresses = [url(path, asked, **more) for path, asked in variants(size.program)
                     for more in ([{}] if path.endswith("/facets") else [{}, {"limit": 10}])]
        for number in range(requests):
            size.get(addresses[number % len(addresses)])
        size.look_for_sessions()
        kept = [measure.resident_kib(pid, "RssAnon") / 1024 for pid in size.sessions]
        report.value(f"memory of a session of PostgreSQL after {requests} requests for lists", max(kept), "MiB", 40,
                     f"{len(addresses)} different ones; without what sessions share")
    finally:
        size.remove()
