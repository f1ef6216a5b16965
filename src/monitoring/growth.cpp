// Series out of the counters of days. Those are days of UTC: where a range's days are another
// zone's, the few hours between its midnights and theirs are taken from the movements themselves,
// so the cost is that of days and hours and not of customers.
#include "monitoring/growth.hpp"

#include "organisation/organisation.hpp"
#include "platform/money/money.hpp"
#include "platform/series/series.hpp"

namespace monitoring {

namespace {
using series::Series;

struct RangeRequest {
  std::optional<series::Word> range;
  std::optional<std::string> from, to;
  std::optional<series::Granularity> granularity;
  static constexpr auto rules() {
    using R = RangeRequest;
    return ::rules(
        rule(&R::range, {.doc = "In words, instead of from and to; last_12_months unless told"}),
        rule(&R::from, {.doc = "First day", .example = "2026-01-01", .max_length = 10}),
        rule(&R::to,
             {.doc = "Last day; today unless told", .example = "2026-03-31", .max_length = 10}),
        rule(&R::granularity, {.doc = "Of the periods; as the range's length suggests"}));
  }
};

constexpr FieldCode not_a_currency{"not_a_currency", "must be three lower-case letters"};

struct MrrRequest {
  std::optional<series::Word> range;
  std::optional<std::string> from, to;
  std::optional<series::Granularity> granularity;
  std::optional<series::Compare> compare;
  std::optional<std::string> currency;
  static constexpr auto rules() {
    using R = MrrRequest;
    return ::rules(
        rule(&R::range, {.doc = "In words, instead of from and to; last_12_months unless told"}),
        rule(&R::from, {.doc = "First day", .example = "2026-01-01", .max_length = 10}),
        rule(&R::to,
             {.doc = "Last day; today unless told", .example = "2026-03-31", .max_length = 10}),
        rule(&R::granularity, {.doc = "Of the periods; as the range's length suggests"}),
        rule(&R::compare, {.doc = "With an earlier range"}),
        rule(&R::currency, {.doc = "ISO 4217, lower case; that of the reports unless told",
                            .example = "eur",
                            .min_length = 3,
                            .max_length = 3,
                            .check = [](std::string_view code) -> FieldCode const* {
                              for (char const c : code)
                                if (c < 'a' || c > 'z') return &not_a_currency;
                              return nullptr;
                            }}));
  }
};

/// The wall clock of a zone.
struct LocalTime {
  std::string day, clock;
};
db::Query const local_time{"monitoring.local_time", R"sql(
  SELECT to_char($1::timestamptz AT TIME ZONE $2, 'YYYY-MM-DD') AS day,
         to_char($1::timestamptz AT TIME ZONE $2, 'HH24:MI:SS.US') AS clock
)sql"};

// Of periods that begin at the given local times: 1 is the first one, the last is all that came
// after. 0 stands for the present level. One snapshot, folded or not.
db::Query const sums_of_periods{"monitoring.sums_of_periods", R"sql(
  WITH edges AS MATERIALIZED (
    SELECT n::int AS n, at, midnight, (midnight AT TIME ZONE 'UTC')::date AS day
      FROM unnest($1::timestamp[]) WITH ORDINALITY AS local (time, n),
           LATERAL (SELECT time AT TIME ZONE $2 AS at) AS moments,
           LATERAL (SELECT date_trunc('day', at + interval '12 hours', 'UTC') AS midnight) AS nearest)
  SELECT period, metric, sum(amount)::bigint AS amount FROM (
    SELECT width_bucket(day, (SELECT array_agg(day ORDER BY n) FROM edges)) AS period, metric, amount
      FROM (SELECT metric, currency, day, amount FROM rollups
            UNION ALL SELECT metric, currency, day, amount FROM rollup_deltas) AS days
     WHERE currency = $3 AND metric = ANY ($4::text[]) AND day >= (SELECT min(day) FROM edges)
    UNION ALL
    SELECT n - side, 'mrr_' || kind,
           CASE WHEN (at < midnight) = (side = 0) THEN amount ELSE -amount END
      FROM edges, (VALUES (0), (1)) AS sides (side),
           LATERAL (SELECT kind, sum(amount) AS amount FROM mrr_movements
                     WHERE currency = $3::char(3) AND occurred_at >= least(at, midnight)
                       AND occurred_at < greatest(at, midnight) GROUP BY kind) AS hours
     WHERE n > side AND 'mrr_' || kind = ANY ($4::text[])
    UNION ALL
    SELECT 0, metric, amount
      FROM (SELECT metric, currency, amount FROM rollup_totals
            UNION ALL SELECT metric, currency, amount FROM rollup_deltas) AS totals
     WHERE currency = $3 AND metric = $5) AS all_of_them
   GROUP BY period, metric
)sql"};

db::Query const currencies{"monitoring.mrr_currencies", R"sql(
  SELECT DISTINCT currency FROM (
    SELECT currency FROM rollup_totals WHERE metric = 'mrr'
    UNION ALL SELECT currency FROM rollup_deltas WHERE metric = 'mrr') AS all_of_them
   ORDER BY currency
)sql"};

struct Sum {
  std::int64_t period;
  std::string metric;
  std::int64_t amount;
};

/// What is counted, in the order of the columns, and whose total is the present level.
struct Counters {
  std::vector<std::string> metrics;
  std::string level;
  std::string currency{};
};

Counters mrr_counters(std::string currency) {
  return {{"mrr_new", "mrr_expansion", "mrr_reactivation", "mrr_contraction", "mrr_churn"},
          "mrr",
          std::move(currency)};
}

/// Rows with a value for each metric, what they add up to, and the level at the period's end.
std::vector<series::Row> rows_of(db::Tx& tx, series::Periods const& periods,
                                 std::string const& zone, Counters const& counters,
                                 std::optional<std::string> const& cut_at = {}) {
  std::vector<std::string> edges;
  for (auto const& period : periods.periods) edges.push_back(series::day_text(period.starts));
  edges.push_back(cut_at ? series::day_text(periods.ends - std::chrono::days{1}) + " " + *cut_at
                         : series::day_text(periods.ends));
  auto const width = counters.metrics.size();
  std::vector<std::vector<std::int64_t>> sums(edges.size() + 1,
                                              std::vector<std::int64_t>(width, 0));
  std::int64_t level = 0;
  for (auto const& sum : tx.all<Sum>(sums_of_periods, edges, zone, counters.currency,
                                     counters.metrics, counters.level)) {
    if (sum.period == 0) {
      level = sum.amount;
      continue;
    }
    auto const at = std::ranges::find(counters.metrics, sum.metric) - counters.metrics.begin();
    sums.at(std::size_t(sum.period)).at(std::size_t(at)) = sum.amount;
  }
  std::vector<series::Row> rows(periods.periods.size());
  auto const net_of = [&](std::size_t period) {
    std::int64_t net = 0;
    for (auto const amount : sums[period]) net = money::add(net, amount);
    return net;
  };
  level = money::subtract(level, net_of(edges.size()));
  for (auto index = rows.size(); index-- > 0;) {
    auto& row = rows[index];
    auto const& period = periods.periods[index];
    row.key = series::day_text(period.starts);
    row.complete = period.whole && !(cut_at && index + 1 == rows.size());
    row.values.assign(sums[index + 1].begin(), sums[index + 1].end());
    row.values.emplace_back(net_of(index + 1));
    row.values.emplace_back(level);
    level = money::subtract(level, net_of(index + 1));
  }
  return rows;
}

std::string currency_of(db::Tx& tx, std::optional<std::string> const& asked,
                        std::string const& reporting) {
  if (asked) return *asked;
  auto const known = tx.all<std::string>(currencies);
  return known.empty() || std::ranges::count(known, reporting) ? reporting : known.front();
}

Series mrr(http::Context& context, MrrRequest const& request,
           organisation::Organisation const& organisation) {
  auto& tx = context.tx;
  auto const& zone = organisation.reporting_zone;
  auto const now = tx.one<LocalTime>(local_time, clock_source::now(), zone);
  auto const today = *series::parse_day(now.day);
  auto const range = series::resolve({request.range, request.from, request.to, request.granularity},
                                     series::Word::last_12_months, today, zone);
  auto const currency = currency_of(tx, request.currency, organisation.reporting_currency);
  auto const counters = mrr_counters(currency);
  using series::Mark;
  Series out{
      .definition = "mrr_movements",
      .unit = {series::UnitKind::money, money::decimals(currency), currency},
      .range = range,
      .columns = {{"new", Mark::bar},
                  {"expansion", Mark::bar},
                  {"reactivation", Mark::bar},
                  {"contraction", Mark::bar},
                  {"churn", Mark::bar},
                  {"net", Mark::line},
                  {"end", Mark::none}},
      .rows = rows_of(tx, series::periods_of({range.from, range.to}, range.granularity, today),
                      zone, counters)};
  if (request.compare) {
    auto const [span, until_now] = series::compared(range, *request.compare, today);
    auto const periods = series::periods_of(span, range.granularity, today);
    out.comparison = series::Comparison{
        span.from, span.to,
        rows_of(tx, periods, zone, counters, until_now ? std::optional{now.clock} : std::nullopt)};
  }
  return out;
}

// Tenants are counted by the days of UTC only, and the range says so.
Series active_tenants(http::Context& context, RangeRequest const& request) {
  auto const today = std::chrono::floor<std::chrono::days>(clock_source::now());
  auto const range = series::resolve({request.range, request.from, request.to, request.granularity},
                                     series::Word::last_12_months, today, "UTC");
  Series out{.definition = "active_tenants",
             .range = range,
             .columns = {{"change", series::Mark::none}, {"active", series::Mark::line}},
             .rows = rows_of(context.tx,
                             series::periods_of({range.from, range.to}, range.granularity, today),
                             "UTC", {{"tenants_live"}, "tenants_live"})};
  // What one counter adds up to is that counter.
  for (auto& row : out.rows) row.values.erase(row.values.begin() + 1);
  if (range.to == series::day_text(today)) out.rows.back().drill = "/admin/tenants?state=live";
  return out;
}

}  // namespace

void add_growth(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<MrrRequest, Series>{
      .route = "GET /api/dashboard/mrr",
      .summary = "Read how recurring revenue moved, by period of the reports' zone",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .handle =
          [&groups](http::Context& context, MrrRequest const& request) {
            return mrr(context, request, *groups.now<organisation::Organisation>());
          },
  });
  api.add(http::Endpoint<RangeRequest, Series>{
      .route = "GET /api/dashboard/active-tenants",
      .summary = "Read how many tenants were active at each period's end",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .handle = active_tenants,
  });
}

}  // namespace monitoring
