"""Reports about recurring revenue: out of sums at 1 k and 100 k customers, and beside aggregates over the movements."""

import measure
from installation import Baseline, Installation

SECONDS, ROUNDS = 3, 2
# Each customer expands every other month since he came, and one in ten leaves in the end.
MOVEMENTS = """
INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, mrr_after, run_id, believed)
SELECT customer_id, currency, policy, day + n * 61, 'expansion', 100, mrr_after + (n - 1) * 100, mrr_after + n * 100,
       run_id, believed
  FROM mrr_movements, generate_series(1, 6) AS n
 WHERE kind = 'new' AND upper_inf(believed) AND day + n * 61 < current_date - 1;
INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, mrr_after, run_id, believed)
SELECT DISTINCT ON (customer_id, currency, policy) customer_id, currency, policy, current_date - 1, 'churn', mrr_after,
       mrr_after, 0, run_id, believed
  FROM mrr_movements WHERE customer_id % 10 = 0 AND upper_inf(believed) ORDER BY customer_id, currency, policy, day DESC;
SELECT make_mrr_rollups();
VACUUM (ANALYZE) mrr_movements, mrr_rollup_days, mrr_rollup_months;
"""


def reports(bench, report):
    bench.start_host()
    postmaster, first = bench.host.postmaster(), {}
    for customers in (1_000, 100_000):
        name = f"reports_{customers}"
        url = bench.host.make_database(name, customers)
        bench.host.sql(MOVEMENTS, name)
        program = Installation(on_loopback=True, database=url)
        program.start()
        program.log_in()
        baseline = Baseline(url, program)
        try:
            for what in ("revenue", "cohorts"):
                path = f"/api/reports/{what}"
                runs = [], []
                sides = ((f"http://127.0.0.1:{program.loopback}", program.process.pid, program.token),
                         (f"http://127.0.0.1:{baseline.port}", baseline.process.pid, baseline.token))
                for _ in range(ROUNDS):
                    for side, (address, pid, token) in enumerate(sides):
                        runs[side].append(measure.wrk(address + path, [pid], postmaster, SECONDS,
                                                      headers=[f"Authorization: Bearer {token}"]))
                ours, theirs = (best.microseconds + best.postgres_microseconds for best in map(bench.best, runs))
                report.ratio(f"{what}, {customers} customers, PostgreSQL included", ours, theirs, 1 / 150)
                if what in first:
                    report.value(f"{what}: times as dear with {customers} customers as with 1000", ours / first[what], "×", 1.25)
                first.setdefault(what, ours)
        finally:
            baseline.stop()
            program.remove()
            bench.host.sql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")
