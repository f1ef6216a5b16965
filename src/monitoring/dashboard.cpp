// GET /api/dashboard/metrics and WS /ws/metrics.
#include "monitoring/dashboard.hpp"

#include "activity/activity.hpp"
#include "invariants/invariants.hpp"
#include "ledger/ledger.hpp"
#include "monitoring/months.hpp"
#include "organisation/organisation.hpp"
#include "platform/readiness/readiness.hpp"

namespace monitoring {

namespace {
using money::Amount;

constexpr std::chrono::milliseconds fresh_for{200}, held_up_after{500};

struct Day {
  std::string day, currency;
  std::int64_t amount;
};

struct Funnel {
  std::int64_t days, started, paid, live;
};

struct Durations {
  std::int64_t samples;
  std::optional<double> p50_seconds, p90_seconds;
};

struct Jobs {
  std::int64_t waiting, running, dead;
  static constexpr auto fields() {
    constexpr auto counted = "Counted up to 1,001: that many means more than a thousand";
    return ::fields(field("waiting", &Jobs::waiting, {.doc = counted}),
                    field("running", &Jobs::running, {.doc = counted}),
                    field("dead", &Jobs::dead, {.doc = counted}));
  }
};

struct Attention {
  std::string kind, severity;
  std::int64_t count;
  std::optional<std::string> href;
  std::optional<std::string> setting{}, code{}, detail{}, advice{};
  std::optional<RawJson> parameters{};
  static constexpr auto rules() {
    return ::rules(
        rule(&Attention::kind, {.doc = "check_… for something outside that fails; invariant for "
                                       "what is not true of the rows: code names it"}),
        rule(&Attention::count, {.doc = "More than a thousand are not counted"}),
        rule(&Attention::setting, {.doc = "The setting that leads there"}),
        rule(&Attention::code, {.doc = "What the check found, or which invariant it is"}),
        rule(&Attention::detail, {.doc = "The same in English"}),
        rule(&Attention::advice, {.doc = "What to do"}),
        rule(&Attention::parameters, {.doc = "What it is about, by name"}));
  }
};

struct Definitions {
  std::string mrr = "D3", net_new_mrr = "D7", revenue = "D12";
};

struct Metrics {
  Time as_of;
  std::string timezone;
  std::vector<Amount> mrr, net_new_mrr, revenue, revenue_previous_month;
  std::int64_t active_tenants, pending, failed_payments;
  std::vector<Amount> failed_payments_amount;
  std::int64_t customers;
  std::vector<MrrMonth> mrr_months;
  std::vector<Day> revenue_days;
  Funnel signups_funnel;
  Durations provisioning;
  Jobs jobs;
  std::vector<Attention> attention;
  std::vector<activity::Entry> activity;
  Host host;
  Definitions definitions;
  static constexpr auto fields() {
    using M = Metrics;
    return ::fields(
        field("as_of", &M::as_of),
        field("timezone", &M::timezone,
              {.doc = "Whose months they are: that of the reports", .example = "Europe/Madrid"}),
        field("mrr", &M::mrr, {.doc = "D3, one amount per currency"}),
        field("net_new_mrr", &M::net_new_mrr, {.doc = "D7, this month"}),
        field("revenue", &M::revenue,
              {.doc = "D12, this month: payments less refunds and lost disputes"}),
        field("revenue_previous_month", &M::revenue_previous_month),
        field("active_tenants", &M::active_tenants, {.doc = "Tenants that are live"}),
        field("pending", &M::pending,
              {.doc = "Tenants queued, being built or waiting for a retry"}),
        field("failed_payments", &M::failed_payments,
              {.doc = "Open invoices whose last attempt failed"}),
        field("failed_payments_amount", &M::failed_payments_amount),
        field("customers", &M::customers), field("mrr_months", &M::mrr_months),
        field("revenue_days", &M::revenue_days, {.doc = "The last 30 days of UTC"}),
        field("signups_funnel", &M::signups_funnel, {.doc = "In the last days of UTC"}),
        field("provisioning", &M::provisioning, {.doc = "From paid to live, the last 50"}),
        field("jobs", &M::jobs), field("attention", &M::attention), field("activity", &M::activity),
        field("host", &M::host),
        field("definitions", &M::definitions, {.doc = "Ids of the report definitions"}));
  }
};

struct Total {
  std::string metric, currency;
  std::int64_t amount;
};

struct DayTotal {
  std::string metric, currency, day;
  std::int64_t amount;
};

// Each reads what is folded and what is not yet, in one snapshot. Discounts that will end have
// moved MRR on a day that is still to come: it does not count before that day. Both ends of the
// range are named so that the planner expects few days of it.
db::Query const totals{"monitoring.totals", R"sql(
  SELECT metric, currency, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, amount FROM rollup_totals
    UNION ALL SELECT metric, currency, amount FROM rollup_deltas
    UNION ALL SELECT metric, currency, -amount FROM rollups
               WHERE day BETWEEN $1::date + 1 AND 'infinity' AND metric = 'mrr'
    UNION ALL SELECT metric, currency, -amount FROM rollup_deltas
               WHERE day BETWEEN $1::date + 1 AND 'infinity' AND metric = 'mrr') AS all_of_them
   GROUP BY metric, currency ORDER BY metric, currency
)sql"};

// MRR moves on days of the ledger's zone. Revenue's roll-ups are by the months of UTC: the hours
// between their first midnight and that of the reports' zone are taken from payments themselves, so
// the cost is that of hours and not of customers; it is told of two months only.
db::Query const months{"monitoring.months", R"sql(
  WITH edges AS MATERIALIZED (
    SELECT month::date AS month, month AT TIME ZONE $1 AS at, month AT TIME ZONE 'UTC' AS midnight,
           month > this AS is_next
      FROM (SELECT date_trunc('month', now() AT TIME ZONE $1) AS this) AS now,
           (VALUES (-1), (0), (1)) AS months (later),
           LATERAL (SELECT this + make_interval(months => later) AS month) AS named),
  hours AS (
    SELECT month, at < midnight AS is_early, currency::text, sum(amount) AS amount
      FROM edges, LATERAL (
        SELECT currency, counted_paid AS amount FROM billing_invoices
         WHERE paid_at >= least(at, midnight) AND paid_at < greatest(at, midnight)
        UNION ALL
        SELECT currency, -counted FROM billing_refunds
         WHERE date >= least(at, midnight) AND date < greatest(at, midnight)
        UNION ALL
        SELECT currency, -counted FROM billing_disputes
         WHERE lost_at >= least(at, midnight) AND lost_at < greatest(at, midnight)) AS cash
     GROUP BY 1, 2, 3),
  known AS (
    SELECT metric, currency, month, amount FROM rollup_months
    UNION ALL
    SELECT metric, currency, date_trunc('month', day::timestamp)::date, amount FROM rollup_deltas)
  SELECT metric, currency, to_char(month, 'YYYY-MM') AS month, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, month, amount FROM known
     WHERE metric LIKE 'mrr%' AND month <= $2::date
       AND month >= (date_trunc('month', $2::date::timestamp) - interval '11 months')::date
    UNION ALL
    SELECT metric, currency, date_trunc('month', day::timestamp)::date, -amount
      FROM (SELECT metric, currency, day, amount FROM rollups
            UNION ALL SELECT metric, currency, day, amount FROM rollup_deltas) AS days
     WHERE metric LIKE 'mrr%' AND day BETWEEN $2::date + 1
           AND (date_trunc('month', $2::date::timestamp) + interval '1 month - 1 day')::date
    UNION ALL
    SELECT metric, currency, month, amount FROM known JOIN edges USING (month)
     WHERE metric = 'revenue' AND NOT is_next
    UNION ALL
    SELECT 'revenue', currency, edges.month,
           CASE WHEN is_early = (side = 0) THEN amount ELSE -amount END
      FROM hours, (VALUES (0), (1)) AS sides (side), edges
     WHERE edges.month = (hours.month - make_interval(months => side))::date
       AND NOT is_next) AS all_of_them
   GROUP BY metric, currency, month HAVING sum(amount) <> 0 ORDER BY month, currency, metric
)sql"};

db::Query const days{"monitoring.days", R"sql(
  SELECT metric, currency, day::text AS day, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, day, amount FROM rollups
    UNION ALL SELECT metric, currency, day, amount FROM rollup_deltas) AS all_of_them
   WHERE (metric = 'revenue' OR metric LIKE 'signups%')
     AND day > (now() AT TIME ZONE 'UTC')::date - 30
   GROUP BY 1, 2, 3 ORDER BY 3, 2, 1
)sql"};

db::Query const calendar{"monitoring.calendar", R"sql(
  SELECT (now() AT TIME ZONE $2)::date::text AS today,
         to_char(now() AT TIME ZONE $2, 'YYYY-MM') AS mrr_month,
         to_char(now() AT TIME ZONE $1, 'YYYY-MM') AS this,
         to_char((now() AT TIME ZONE $1) - interval '1 month', 'YYYY-MM') AS previous
)sql"};

struct Calendar {
  std::string today, mrr_month, current, previous;
  static constexpr auto fields() {
    using C = Calendar;
    return ::fields(field("today", &C::today), field("mrr_month", &C::mrr_month),
                    field("this", &C::current), field("previous", &C::previous));
  }
};

db::Query const durations{"monitoring.durations", R"sql(
  SELECT count(*) AS samples,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50_seconds,
         percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90_seconds
    FROM (SELECT extract(epoch FROM live_at - queued_at)::float8 AS seconds FROM tenants
           WHERE blueprint = $1 AND provisioner = $2 AND live_at IS NOT NULL
             AND queued_at IS NOT NULL
           ORDER BY live_at DESC LIMIT 50) AS recent
)sql"};

// Nobody reads how many more there are than a thousand, and counting them costs time at every look.
// In the order of an index, which holds nothing else: ended rows are not passed over one by one.
db::Query const job_counts{"monitoring.job_counts", R"sql(
  SELECT (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'waiting'
                                 ORDER BY run_at LIMIT 1001) AS jobs) AS waiting,
         (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'running'
                                 ORDER BY lease_until LIMIT 1001) AS jobs) AS running,
         (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'dead'
                                 ORDER BY finished_at LIMIT 1001) AS jobs) AS dead
)sql"};

db::Query const needs_attention{"monitoring.attention", R"sql(
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
    SELECT 'events_dead', 'high', count(*), '/admin/billing/events?state=dead'
      FROM (SELECT FROM stripe_events WHERE state = 'dead' ORDER BY id LIMIT 1001) AS dead
    UNION ALL
    SELECT 'events_foreign', 'medium', count(*), '/admin/billing/events?state=foreign'
      FROM stripe_events WHERE state = 'foreign' AND received_at > now() - interval '7 days'
    UNION ALL
    SELECT 'events_not_swept', 'high', count(*), NULL FROM stripe_sweeps
     WHERE swept_until < now() - CASE kind WHEN 'recent' THEN interval '2 hours'
                                           ELSE interval '3 days' END
    UNION ALL
    SELECT 'differences', 'medium', count(*), '/admin/billing/differences?state=open'
      FROM (SELECT FROM mirror_differences WHERE resolved_at IS NULL
             ORDER BY id DESC LIMIT 1001) AS differing
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
    SELECT 'jobs_late', 'high', count(*), '/admin/jobs?state=waiting'
      FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND run_at < now() - interval '1 minute'
             ORDER BY run_at LIMIT 1001) AS late
    UNION ALL
    SELECT 'jobs_dead', 'medium', count(*), '/admin/jobs?state=dead'
      FROM (SELECT FROM jobs WHERE state = 'dead' ORDER BY finished_at LIMIT 1001) AS dead
    UNION ALL
    SELECT 'people_waiting', 'medium', count(*), NULL
      FROM (SELECT FROM waitlist LIMIT 1001) AS people
    UNION ALL
    SELECT 'mail_failed', 'medium', count(*), '/admin/mails?state=failed'
      FROM (SELECT FROM mails WHERE state = 'failed' AND status_code IS NULL
             ORDER BY id DESC LIMIT 1001) AS failed
    UNION ALL
    SELECT 'mail_refused', 'high', count(*), '/admin/mails?state=failed'
      FROM (SELECT FROM mails WHERE state = 'failed' AND status_code IS NOT NULL
             ORDER BY id DESC LIMIT 1001) AS refused
    UNION ALL
    SELECT 'mail_bounced', 'medium', count(*), '/admin/mails?state=bounced'
      FROM (SELECT FROM mails WHERE state = 'bounced' AND created_at > now() - interval '7 days'
             ORDER BY id DESC LIMIT 1001) AS bounced
    UNION ALL
    SELECT 'mail_waits', 'high', count(*), '/admin/mails?state=queued,handed'
      FROM (SELECT FROM mails WHERE state IN ('queued', 'handed')
               AND created_at < now() - interval '15 minutes' LIMIT 1001) AS waiting) AS all_of_them
   WHERE count > 0
)sql"};

/// What the checks of the rows have found, each in a line of its own.
void add_invariants(db::Tx& tx, std::vector<Attention>& out) {
  std::string const page = "/admin/invariants";
  auto const now = invariants::standing(tx);
  for (auto const& [name, says, severity, offenders] : now.red)
    out.push_back({.kind = "invariant",
                   .severity = std::string{severity},
                   .count = offenders,
                   .href = name == "event_unlinked" ? "/admin/billing/events?state=unlinked"
                                                    : page + "#" + name,
                   .code = name,
                   .detail = says});
  if (now.unchecked > 0) out.push_back({"invariants_unchecked", "medium", now.unchecked, page});
  if (now.late) out.push_back({"invariants_late", "medium", 1, page});
}

Metrics collect(db::Tx& tx, config::Settings const& settings, std::string zone, HostProbe& host) {
  Metrics out{};
  out.as_of = clock_source::now();
  auto const names = tx.one<Calendar>(calendar, zone, ledger::zone(tx));
  for (auto const& total : tx.all<Total>(totals, names.today)) {
    if (total.metric == "mrr")
      out.mrr.push_back({total.currency, total.amount});
    else if (total.metric == "tenants_live")
      out.active_tenants = total.amount;
    else if (total.metric == "tenants_pending")
      out.pending = total.amount;
    else if (total.metric == "failed_payments")
      out.failed_payments = total.amount;
    else if (total.metric == "failed_amount" && total.amount)
      out.failed_payments_amount.push_back({total.currency, total.amount});
    else if (total.metric == "customers")
      out.customers = total.amount;
  }
  auto const totals_of_months = tx.all<MonthTotal>(months, zone, names.today);
  for (auto const& row : totals_of_months) {
    if (row.metric == "mrr" && row.month == names.mrr_month)
      out.net_new_mrr.push_back({row.currency, row.amount});
    if (row.metric == "revenue" && row.month == names.current)
      out.revenue.push_back({row.currency, row.amount});
    if (row.metric == "revenue" && row.month == names.previous)
      out.revenue_previous_month.push_back({row.currency, row.amount});
  }
  out.mrr_months = mrr_months(totals_of_months, out.mrr);
  out.timezone = std::move(zone);

  out.signups_funnel.days = 30;
  for (auto& row : tx.all<DayTotal>(days)) {
    if (row.metric == "revenue")
      out.revenue_days.push_back({row.day, row.currency, row.amount});
    else if (row.metric == "signups_started")
      out.signups_funnel.started += row.amount;
    else if (row.metric == "signups_paid")
      out.signups_funnel.paid += row.amount;
    else if (row.metric == "signups_live")
      out.signups_funnel.live += row.amount;
  }
  out.provisioning =
      tx.one<Durations>(durations, settings.blueprint, name_of(settings.provisioner));
  out.jobs = tx.one<Jobs>(job_counts);
  for (auto const& check : readiness::failures(tx))
    out.attention.push_back({"check_" + check.name,
                             check.building || check.name.starts_with("stripe") ? "high" : "medium",
                             1,
                             {},
                             check.setting,
                             check.code,
                             check.detail,
                             check.advice,
                             check.parameters});
  for (auto& item : tx.all<Attention>(needs_attention)) out.attention.push_back(std::move(item));
  add_invariants(tx, out.attention);
  if (out.failed_payments > 0)
    out.attention.push_back({"payment_failed", "medium", out.failed_payments, {}});
  out.activity = activity::newest(tx);
  out.host = host.read();
  return out;
}

}  // namespace

std::shared_ptr<Dashboard::Reading const> Dashboard::read(db::Connection& connection) {
  try {
    db::Tx tx{connection, db::Mode::autocommit};
    auto text = json::text(
        collect(tx, settings_, groups_.now<organisation::Organisation>()->reporting_zone, host_));
    auto const fresh =
        std::make_shared<Reading const>(std::move(text), std::chrono::steady_clock::now());
    last_ = fresh;
    return fresh;
  } catch (db::Busy const&) {  // a table is locked: what was known a moment ago tells more than 503
    if (auto const last = last_.load()) return last;
    throw;
  }
}

std::shared_ptr<Dashboard::Reading const> Dashboard::follow(db::Connection& connection) {
  std::unique_lock const turn{reading_, std::try_to_lock};
  auto const last = last_.load();
  auto const now = std::chrono::steady_clock::now();
  if (last && (!turn || now - last->at < fresh_for)) return last;
  if (turn) reading_since_ = now;
  return read(connection);
}

std::shared_ptr<Dashboard::Reading const> Dashboard::ask(db::Connection& connection) {
  std::unique_lock const turn{reading_, std::try_to_lock};
  auto const last = last_.load();
  auto const now = std::chrono::steady_clock::now();
  if (last && !turn && now - reading_since_.load() > held_up_after) return last;
  if (turn) reading_since_ = now;
  return read(connection);
}

void Dashboard::add_endpoints(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, RawJson>{
      .route = "GET /api/dashboard/metrics",
      .summary = "Read the business and the machine at a glance",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .lane = http::Lane::live,
      .answer_type = &types::type_of<Metrics>,
      .handle = [this](
                    http::Context& context,
                    http::Nothing const&) { return RawJson{ask(context.worker.connection)->text}; },
  });
  api.add_socket(
      "/ws/metrics", "Follow the dashboard: the same document every two seconds", "dashboard:read",
      [](http::Worker&, http::Request const&) {
        return http::Socket::Plan{.topics = {"dashboard"}, .interval_ms = 2000};
      },
      [this](http::Worker& worker, http::Request const&) {
        return R"({"type":"metrics","data":)" + follow(worker.connection)->text + "}";
      });
}

}  // namespace monitoring
