"""Every declared list at every order, filter and search: whether a request costs the same however many
rows there are, and what memory PostgreSQL keeps for all those statements."""

import json
import urllib.parse
from datetime import datetime, timedelta, timezone

import measure
from installation import Installation

WARM_UP, REQUESTS, ROUNDS = 6, 12, 2  # after five executions PostgreSQL has settled on a plan
MOST_SECONDS = 0.5  # of CPU for one variant in one round: what is dear needs no average
TARGET = 1.3


def days_ago(days):
    return (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


# What benchmarks/load.sql has a few, many and none of. Of enumerations every value is asked for.
VALUES = {
    "plan": ["team", "nothing"], "kind": ["state_changed", "health_changed", "restored"], "outcome": ["refunded"],
    "customer": ["cus_7"], "tenant": ["ten_7"], "actor": ["owner@example.com", "nobody"], "role": ["owner", "nobody"],
    "action": ["tenant.", "tenant.changed", "tenant.deleted", "nothing."], "target": ["ten_775", "nothing"],
    "from": [days_ago(350), days_ago(10), days_ago(-1)], "to": [days_ago(-1), days_ago(350), days_ago(690), days_ago(800)]}
SEARCHES = {"/api/tenants": ["person777@", "tenant", "nobody there"],
            "/api/mails": ["person777@", "person", "nobody there"],
            "/api/audit": ["ten_775 192", "owner", "nobody there"]}
ANY_SEARCH = ["a", "nobody there"]


def values_of(parameter):
    """What a filter is asked for: each value of an enumeration, and two where several may be given."""
    schema = parameter["schema"]
    labels = schema.get("items", schema).get("enum")
    if not labels:
        return VALUES.get(parameter["name"], [])
    return labels + ([",".join(labels[:2]), ",".join(labels)] if schema["type"] == "array" else [])


def orders_of(program, path):
    """A list names its orders when it is asked for one that it has not."""
    status, content = program.request("GET", path + "?sort=none")
    if status == 404:
        return []  # beneath something that load.sql does not make
    detail = json.loads(content)["errors"][0]["detail"]
    return detail.removeprefix("must be one of ").split(", ")


def variants(program):
    """(list, order, what is asked for besides) of every list that the program has."""
    document = json.loads(program.request("GET", "/openapi.json")[1])
    for route, methods in document["paths"].items():
        parameters = {one["name"]: one for one in methods.get("get", {}).get("parameters", [])}
        if not {"cursor", "sort", "count"} <= parameters.keys():
            continue
        path = route.replace("{id}", "ten_1")
        for order in orders_of(program, path):
            yield path, order, {}
            for name, parameter in parameters.items():
                if parameter["in"] != "query" or name in ("cursor", "sort", "count", "limit"):
                    continue
                for value in SEARCHES.get(path, ANY_SEARCH) if name == "q" else values_of(parameter):
                    yield path, order, {name: value}


def url(path, order, asked, **more):
    return path + "?" + urllib.parse.urlencode({"limit": 50, "sort": order} | asked | more)


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
        self.connection = self.program.connection()
        self.sessions = []

    def get(self, address):
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


def cheapest(size, address):
    """(microseconds, rows, how they are divided) of the best round."""
    rows = len(json.loads(size.get(address))["data"])
    for _ in range(WARM_UP - 1):
        size.get(address)
    program, postgres = min((size.cost(address) for _ in range(ROUNDS)), key=sum)
    return program + postgres, rows, f"program {program:.0f}, PostgreSQL {postgres:.0f}"


def flat(bench, report, customers=(1_000, 100_000)):
    """What each variant costs with a hundred times the rows. Where the few had less to show, the
    measure is a whole page of theirs."""
    bench.start_host()
    sizes = []
    try:
        for count in customers:
            sizes.append(Size(bench, count))
        worst, whole_pages = {}, {}
        for path, order, asked in variants(sizes[0].program):
            addresses = [url(path, order, asked)] * 2
            costs = [cheapest(size, address) for size, address in zip(sizes, addresses)]
            if not asked:
                whole_pages[path, order] = costs[0][0]
                cursors = [json.loads(size.get(addresses[0]))["next_cursor"] for size in sizes]
                if all(cursors):
                    pages = [cheapest(size, url(path, order, {}, cursor=cursor)) for size, cursor in zip(sizes, cursors)]
                    note(worst, path, f"{order}, next page", pages, pages[0][0])
            few = costs[0][0] if costs[0][1] == costs[1][1] else max(costs[0][0], whole_pages[path, order])
            note(worst, path, " ".join([order, *(f"{name}={value}" for name, value in asked.items())]), costs, few)
        for path, found in worst.items():
            found.sort(key=lambda one: -one[0])
            ratio, what, more = found[0]
            report.value(f"{path}, {len(found)} variants: the worst", ratio, "×", TARGET, f"{what}; {more}")
    finally:
        for size in sizes:
            size.remove()


def note(worst, path, what, costs, few):
    ratio = costs[1][0] / few
    more = f"{few:.0f} and {costs[1][0]:.0f} µs ({costs[1][2]}), {costs[0][1]} and {costs[1][1]} rows"
    worst.setdefault(path, []).append((ratio, what, more))
    if ratio > TARGET:
        print(f"  {ratio:8.2f} × {path} {what}: {more}", flush=True)


def memory(bench, report, requests=5_000, customers=10_000):
    """What a session of PostgreSQL keeps for itself after so many requests of all kinds."""
    bench.start_host()
    size = Size(bench, customers)
    try:
        addresses = [url(path, order, asked, **more) for path, order, asked in variants(size.program)
                     for more in ({}, {"limit": 10}, {"count": "true"})]
        for number in range(requests):
            size.get(addresses[number % len(addresses)])
        size.look_for_sessions()
        kept = [measure.resident_kib(pid, "RssAnon") / 1024 for pid in size.sessions]
        report.value(f"memory of a session of PostgreSQL after {requests} requests for lists", max(kept), "MiB", 40,
                     f"{len(addresses)} different ones; without what sessions share")
    finally:
        size.remove()
