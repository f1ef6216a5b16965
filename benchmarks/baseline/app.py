"""The same doors by FastAPI and asyncpg, as fast as we know to make them: uvloop, httptools, one
process, statements prepared by asyncpg's cache, no reset query, no Pydantic on the way out, the
fastest JSON writer that is installed. It answers the same bytes but for the cursors, which are each
side's own; it does less beside that (no rate limits, no metrics, no audit, no origin checks), so the
comparison errs in its favour.

Settings come from the environment: BENCH_DSN, BENCH_PORT, BENCH_SIGNING_KEY (hexadecimal),
BENCH_WEBHOOK_SECRET, BENCH_TENANT_PORT.
"""

import base64
import hashlib
import hmac
import os
import time
from datetime import datetime, timezone

import asyncpg
import uvicorn
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

try:
    import orjson

    dumps, loads, json_writer = orjson.dumps, orjson.loads, "orjson"
except ImportError:
    import ujson

    def dumps(value):
        return ujson.dumps(value, ensure_ascii=False, escape_forward_slashes=False).encode()

    loads, json_writer = ujson.loads, "ujson"

DSN = os.environ["BENCH_DSN"]
TENANT_PORT = os.environ["BENCH_TENANT_PORT"]
WEBHOOK_SECRET = os.environ["BENCH_WEBHOOK_SECRET"].encode()
SIGNING_KEY = bytes.fromhex(os.environ["BENCH_SIGNING_KEY"])
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "4"))  # as many as the program's workers

COLUMNS = """
  SELECT page.id, page.subdomain, customers.company, page.customer_id,
         customers.email AS customer_email, page.plan_id AS plan, page.state, page.health,
         CASE WHEN page.state = 'live' THEN '{}' ELSE
           ARRAY(SELECT reason FROM tenant_holds WHERE tenant_id = page.id ORDER BY reason)
         END AS holds,
         subscription.status AS subscription_status, subscription.currency, subscription.mrr,
         page.provisioner, page.created_at, page.live_at, page.backed_up_at,
         page.maintenance AND coalesce(page.maintenance_from <= now(), true)
                          AND coalesce(page.maintenance_until > now(), true) AS maintenance
"""
JOINS = """
    JOIN customers ON customers.id = page.customer_id
    LEFT JOIN LATERAL (SELECT status, currency, mrr FROM subscriptions
                        WHERE tenant_id = page.id
                        ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid',
                                   'paused', 'incomplete', 'canceled', 'incomplete_expired']
                                   ::subscription_status[], status), id DESC
                        LIMIT 1) AS subscription ON true
   ORDER BY page.sort_key DESC, page.id DESC
"""
INNER = "SELECT tenants.*, tenants.created_at AS sort_key FROM tenants"
AFTER = " WHERE (tenants.created_at, tenants.id) < ($1, $2)"
INNER_ORDER = " ORDER BY tenants.created_at DESC, tenants.id DESC LIMIT "


def list_sql(limit, continued):
    # One statement per page size: a parameter in LIMIT is planned anew each time.
    return (COLUMNS + " FROM (" + INNER + (AFTER if continued else "") + INNER_ORDER
            + str(limit + 1) + ") AS page" + JOINS)


FIRST_PAGE = {limit: list_sql(limit, False) for limit in range(1, 101)}
NEXT_PAGE = {limit: list_sql(limit, True) for limit in range(1, 101)}

KEEP_EVENT = """
  WITH kept AS (
    INSERT INTO stripe_events (id, type, object_id, api_version, created, payload, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO NOTHING RETURNING id, object_id)
  SELECT enqueue_job('billing.apply_stripe_event',
                     jsonb_build_object('event_id', id, 'object_id', object_id), id, NULL, $8)
    FROM kept
"""

TOTALS = """
  SELECT metric, currency, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, amount FROM rollup_totals
    UNION ALL SELECT metric, currency, amount FROM rollup_deltas) AS all_of_them
   GROUP BY metric, currency ORDER BY metric, currency
"""
MONTHS = """
  SELECT metric, currency, to_char(month, 'YYYY-MM') AS day, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, month, amount FROM rollup_months
    UNION ALL SELECT metric, currency, date_trunc('month', day::timestamp)::date, amount
                FROM rollup_deltas) AS all_of_them
   WHERE (metric LIKE 'mrr%' OR metric = 'revenue')
     AND month >= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months')::date
   GROUP BY metric, currency, month ORDER BY month, currency, metric
"""
DAYS = """
  SELECT metric, currency, day::text AS day, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, day, amount FROM rollups
    UNION ALL SELECT metric, currency, day, amount FROM rollup_deltas) AS all_of_them
   WHERE (metric = 'revenue' OR metric LIKE 'signups%')
     AND day > (now() AT TIME ZONE 'UTC')::date - 30
   GROUP BY 1, 2, 3 ORDER BY 3, 2, 1
"""
# By aggregate over the movements, in one pass: what each month changed and what it began and ended with.
REVENUE = """
  WITH months AS (
    SELECT month::date AS starts, (month + interval '1 month')::date AS ends
      FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months',
                           date_trunc('month', now() AT TIME ZONE 'UTC'), interval '1 month') AS month),
  levels AS (
    SELECT starts, customer_id, coalesce(sum(change) FILTER (WHERE day < starts), 0) AS before, sum(change) AS after
      FROM months JOIN (SELECT customer_id, day, mrr_after - mrr_before AS change FROM mrr_movements
                         WHERE upper_inf(believed) AND policy = 'recurring' AND currency = $1) AS moved ON day < ends
     GROUP BY starts, customer_id),
  ends AS (
    SELECT starts, sum(before)::bigint AS mrr_start, sum(after)::bigint AS mrr_end,
           count(*) FILTER (WHERE before > 0) AS customers_start, count(*) FILTER (WHERE after > 0) AS customers_end,
           sum(after) FILTER (WHERE before > 0)::bigint AS retained,
           sum(least(before, after)) FILTER (WHERE before > 0)::bigint AS kept,
           count(*) FILTER (WHERE before > 0 AND after = 0) AS lost
      FROM levels GROUP BY starts),
  movements AS (
    SELECT starts, jsonb_object_agg(kind, amount) AS amounts FROM (
      SELECT starts, kind, sum(amount)::bigint AS amount FROM months
        JOIN mrr_movements ON day >= starts AND day < ends
       WHERE upper_inf(believed) AND policy = 'recurring' AND currency = $1 GROUP BY 1, 2) AS kinds GROUP BY 1)
  SELECT to_char(starts, 'YYYY-MM') AS period, ends.*, amounts FROM ends LEFT JOIN movements USING (starts) ORDER BY 1
"""
COHORTS = """
  WITH moved AS (
    SELECT customer_id, date_trunc('month', day::timestamp)::date AS month, mrr_after - mrr_before AS change,
           date_trunc('month', (min(day) OVER (PARTITION BY customer_id))::timestamp)::date AS cohort
      FROM mrr_movements WHERE upper_inf(believed) AND policy = 'recurring' AND currency = $1),
  levels AS (
    SELECT cohort, customer_id, month::date AS month,
           (SELECT sum(change) FROM moved AS m WHERE m.customer_id = c.customer_id AND m.month <= s.month) AS level
      FROM (SELECT DISTINCT customer_id, cohort FROM moved
             WHERE cohort >= date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months') AS c,
           generate_series(cohort, date_trunc('month', now() AT TIME ZONE 'UTC'), interval '1 month') AS s (month))
  SELECT to_char(cohort, 'YYYY-MM') AS cohort, to_char(month, 'YYYY-MM') AS month, sum(level)::bigint AS mrr,
         count(*) FILTER (WHERE level > 0) AS customers
    FROM levels GROUP BY 1, 2 ORDER BY 1, 2
"""
DURATIONS = """
  SELECT count(*) AS samples,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
         percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90_seconds
    FROM (SELECT extract(epoch FROM live_at - queued_at)::float8 AS seconds FROM tenants
           WHERE blueprint = 'sample' AND provisioner = 'process' AND live_at IS NOT NULL
             AND queued_at IS NOT NULL
           ORDER BY live_at DESC LIMIT 50) AS recent
"""
JOB_COUNTS = """
  SELECT (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'waiting'
                                 ORDER BY run_at LIMIT 1001) AS jobs) AS waiting,
         (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'running'
                                 ORDER BY lease_until LIMIT 1001) AS jobs) AS running,
         (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'dead'
                                 ORDER BY finished_at LIMIT 1001) AS jobs) AS dead
"""
ATTENTION = """
  SELECT *, NULL AS setting, NULL AS code, NULL AS detail, NULL AS advice,
         NULL AS parameters FROM (
    SELECT 'provision_failed' AS kind, 'high' AS severity, count(*) AS count,
           '/admin/tenants?state=provision_failed,rolled_back' AS href
      FROM tenants WHERE state IN ('provision_failed', 'rolled_back') AND failure_code IS NOT NULL
       AND state_since > now() - interval '7 days'
    UNION ALL
    SELECT 'tenant_down', 'high', count(*), '/admin/tenants?health=down'
      FROM tenants WHERE health = 'down' AND state = 'live'
    UNION ALL
    SELECT 'backup_damaged', 'high', count(*), '/admin/tenants/findings' FROM tenant_backups
     WHERE state = 'damaged'
    UNION ALL
    SELECT 'findings', 'medium', count(*), '/admin/tenants/findings' FROM world_findings
     WHERE resolved_at IS NULL
    UNION ALL
    SELECT 'events_dead', 'high', count(*), NULL
      FROM (SELECT FROM stripe_events WHERE state = 'dead' ORDER BY id LIMIT 1001) AS dead
    UNION ALL
    SELECT 'events_foreign', 'medium', count(*), NULL FROM stripe_events
     WHERE state = 'foreign' AND received_at > now() - interval '7 days'
    UNION ALL
    SELECT 'events_not_swept', 'high', count(*), NULL FROM stripe_sweeps
     WHERE swept_until < now() - CASE kind WHEN 'recent' THEN interval '2 hours'
                                           ELSE interval '3 days' END
    UNION ALL
    SELECT kind, 'high', count(*),
           CASE WHEN count(*) = 1 AND count(tenant_id) = 1 AND kind <> 'money_owed'
                THEN '/admin/tenants/ten_' || max(tenant_id) || '/config'
                ELSE '/admin/billing/findings?kind=' || kind END
      FROM billing_findings WHERE resolved_at IS NULL GROUP BY kind
    UNION ALL
    SELECT 'copy_waits', 'high', count(*), '/admin/tenants/findings'
      FROM installation_predecessors WHERE taken_over_at IS NULL AND id <> ''
    UNION ALL
    SELECT 'late_payment', 'medium', count(*), '/admin/billing/late-payments'
      FROM billing_invoices
     WHERE late_outcome IN ('runs', 'refunding', 'refunded', 'needs_person')
       AND paid_at > now() - interval '7 days'
    UNION ALL
    SELECT 'jobs_late', 'high', count(*), NULL
      FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at < now() - interval '1 minute'
             ORDER BY run_at LIMIT 1001) AS late
    UNION ALL
    SELECT 'jobs_dead', 'medium', count(*), NULL
      FROM (SELECT FROM jobs WHERE state = 'dead' ORDER BY finished_at LIMIT 1001) AS dead
    UNION ALL
    SELECT 'people_waiting', 'medium', count(*), NULL
      FROM (SELECT FROM waitlist LIMIT 1001) AS people
    UNION ALL
    SELECT 'mail_failed', 'medium', count(*), '/admin/mails?state=failed'
      FROM (SELECT FROM mails WHERE state = 'failed' ORDER BY id DESC LIMIT 1001) AS failed) AS all_of_them
   WHERE count > 0
"""
ACTIVITY = """
  SELECT id, at AS created_at, kind, customer_id, tenant_id, actor, actor_kind, actor_id, subject, data
    FROM activity ORDER BY id DESC LIMIT 15
"""


class Connection(asyncpg.Connection):
    def get_reset_query(self):
        return ""  # nothing here changes a session, so a round trip per request is spared


app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
revoked, known_tokens = set(), {}
no_store = {"cache-control": "no-store"}


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(
        DSN, min_size=CONNECTIONS, max_size=CONNECTIONS, connection_class=Connection,
        server_settings={"TimeZone": "UTC", "enable_memoize": "off", "application_name": "baseline"})


def decode(part):
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def is_allowed(request):
    """HS256; a token once verified is remembered by its digest, as the program does it."""
    header = request.headers.get("authorization", "")
    if not header.startswith("Bearer "):
        return False
    token = header[7:].encode()
    digest = hashlib.sha256(token).digest()
    claims = known_tokens.get(digest)
    if claims is None:
        signed, _, signature = token.rpartition(b".")
        if not hmac.compare_digest(decode(signature), hmac.digest(SIGNING_KEY, signed, "sha256")):
            return False
        claims = loads(decode(signed.partition(b".")[2]))
        if claims["iss"] != "onboarding" or claims["aud"] != "onboarding-console":
            return False
        if len(known_tokens) >= 2000:
            known_tokens.clear()
        known_tokens[digest] = claims
    return (claims["exp"] > time.time() and claims["jti"] not in revoked
            and claims["role"] in ("owner", "admin", "support", "finance", "auditor"))


def problem(status, code):
    return Response(dumps({"code": code, "status": status}), status, media_type="application/problem+json")


def moment(value):
    return None if value is None else value.isoformat(timespec="milliseconds")[:-6] + "Z"


def tenant(row):
    (key, subdomain, company, customer, email, plan, state, health, holds, status, currency, mrr,
     provisioner, created_at, live_at, backed_up_at, maintenance) = row
    return {"id": f"ten_{key}", "subdomain": subdomain,
            "url": f"http://{subdomain}.localhost:{TENANT_PORT}", "company": company,
            "customer_id": f"cus_{customer}", "customer_email": email, "plan": plan, "state": state,
            "health": health, "holds": holds, "subscription_status": status,
            "mrr": None if mrr is None else {"currency": currency, "amount": mrr},
            "provisioner": provisioner, "created_at": moment(created_at), "live_at": moment(live_at),
            "backed_up_at": moment(backed_up_at), "maintenance": maintenance}


@app.get("/api/tenants")
async def tenants(request: Request, limit: int = Query(50, ge=1, le=100),
                  cursor: str = Query(None, max_length=500)):
    if not is_allowed(request):
        return problem(401, "authentication_required")
    async with app.state.pool.acquire() as connection:
        if cursor:
            place = loads(decode(cursor.encode()))
            after = datetime.fromisoformat(place["after"].replace("Z", "+00:00"))
            rows = await connection.fetch(NEXT_PAGE[limit], after, place["id"])
        else:
            rows = await connection.fetch(FIRST_PAGE[limit])
    has_more = len(rows) > limit
    next_cursor = None
    if has_more:
        rows.pop()
        last = rows[-1]
        place = dumps({"after": last["created_at"].isoformat(timespec="microseconds")[:-6] + "Z", "id": last[0]})
        next_cursor = base64.urlsafe_b64encode(place).rstrip(b"=").decode()
    body = dumps({"data": [tenant(row) for row in rows], "next_cursor": next_cursor,
                  "has_more": has_more})
    tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    return Response(body, media_type="application/json",
                    headers={"cache-control": "no-store", "etag": tag})


@app.get("/api/dashboard/metrics")
async def metrics(request: Request):
    if not is_allowed(request):
        return problem(401, "authentication_required")
    async with app.state.pool.acquire() as connection:
        totals = await connection.fetch(TOTALS)
        months = await connection.fetch(MONTHS)
        days = await connection.fetch(DAYS)
        durations = await connection.fetchrow(DURATIONS)
        jobs = await connection.fetchrow(JOB_COUNTS)
        attention = await connection.fetch(ATTENTION)
        activity = await connection.fetch(ACTIVITY)
    by_month = {}
    for metric, currency, day, amount in months:
        by_month.setdefault((currency, day), {"month": day, "currency": currency})[metric] = amount
    body = dumps({
        "as_of": moment(datetime.now(timezone.utc)), "timezone": "UTC",
        "totals": [{"metric": m, "currency": c, "amount": a} for m, c, a in totals],
        "mrr_months": list(by_month.values()),
        "revenue_days": [{"day": d, "currency": c, "amount": a} for m, c, d, a in days if m == "revenue"],
        "provisioning": dict(durations), "jobs": dict(jobs),
        "attention": [dict(row) for row in attention],
        "activity": [{"id": f"act_{r[0]}", "created_at": moment(r[1]), "kind": r[2], "customer_id": f"cus_{r[3]}",
                      "tenant_id": r[4] and f"ten_{r[4]}", "actor": r[5], "actor_kind": r[6], "actor_id": r[7],
                      "subject": r[8], "data": loads(r[9])} for r in activity]})
    return Response(body, media_type="application/json", headers=no_store)


async def rows(request, sql):
    if not is_allowed(request):
        return problem(401, "authentication_required")
    async with app.state.pool.acquire() as connection:
        found = await connection.fetch(sql, "eur")
    return Response(dumps([{name: str(value) if name == "starts" else value for name, value in row.items()}
                           for row in found]), media_type="application/json", headers=no_store)


@app.get("/api/reports/revenue")
async def revenue(request: Request):
    return await rows(request, REVENUE)


@app.get("/api/reports/cohorts")
async def cohorts(request: Request):
    return await rows(request, COHORTS)


@app.post("/webhook/stripe")
async def webhook(request: Request):
    body = await request.body()
    signed_at, signatures = "", []
    for part in request.headers.get("stripe-signature", "").split(","):
        name, _, value = part.partition("=")
        if name == "t":
            signed_at = value
        elif name == "v1":
            signatures.append(value)
    expected = hmac.digest(WEBHOOK_SECRET, signed_at.encode() + b"." + body, "sha256").hex()
    if not any(hmac.compare_digest(expected, given) for given in signatures):
        return problem(400, "invalid_signature")
    if abs(time.time() - int(signed_at)) > 300:
        return problem(400, "invalid_signature")
    event = loads(body)
    async with app.state.pool.acquire() as connection:
        await connection.fetchval(
            KEEP_EVENT, event["id"], event["type"], event["data"]["object"]["id"],
            event.get("api_version"), datetime.fromtimestamp(event["created"], timezone.utc),
            body.decode(), "webhook", 12)
    return Response(b'{"received":true}', media_type="application/json")


@app.get("/healthz")
async def healthz():
    return Response(b'{"status":"ok"}', media_type="application/json", headers=no_store)


if __name__ == "__main__":
    print(f"JSON by {json_writer}", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), loop="uvloop",
                http="httptools", access_log=False, log_level="warning")
