// Series out of the counters of days, so that the cost is that of days and not of customers: MRR by
// the days of the ledger's zone. What was believed at another time, or by another policy, is asked
// of the movements themselves.
#include "monitoring/growth.hpp"

#include "ledger/ledger.hpp"
#include "organisation/organisation.hpp"
#include "platform/money/money.hpp"
#include "platform/series/series.hpp"
#include "reports/periods.hpp"

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
  std::optional<ledger::Policy> policy;
  std::optional<Time> as_of;
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
                            }}),
        rule(&R::policy, {.doc = "Which discounts count (D4); recurring unless told"}),
        rule(&R::as_of, {.doc = "As it was believed then; what came later does not count"}));
  }
};

db::Query const local_day{"monitoring.local_day",
                          "SELECT ($1::timestamptz AT TIME ZONE $2)::date::text"};

// Of periods that begin on the given days: 1 is the first one, the last is all that came after. 0
// stands for the present level. One snapshot, folded or not.
db::Query const sums_of_periods{"monitoring.sums_of_periods", R"sql(
  SELECT period, metric, sum(amount)::bigint AS amount FROM (
    SELECT width_bucket(day, $1::date[]) AS period, metric, amount
      FROM (SELECT metric, currency, day, amount FROM rollups
            UNION ALL SELECT metric, currency, day, amount FROM rollup_deltas) AS days
     WHERE currency = $2 AND metric = ANY ($3::text[]) AND day >= ($1::date[])[1]
    UNION ALL
    SELECT 0, metric, amount
      FROM (SELECT metric, currency, amount FROM rollup_totals
            UNION ALL SELECT metric, currency, amount FROM rollup_deltas) AS totals
     WHERE currency = $2 AND metric = $4) AS all_of_them
   GROUP BY period, metric
)sql"};

// The same of MRR as it was believed at an instant.
db::Query const believed_sums{"monitoring.believed_sums", R"sql(
  SELECT CASE WHEN metric = 'mrr' THEN 0 ELSE width_bucket(day, $1::date[]) END AS period, metric,
         sum(mrr_after - mrr_before)::bigint AS amount
    FROM mrr_movements, LATERAL (VALUES ('mrr'), ('mrr_' || kind)) AS counted (metric)
   WHERE policy = $3::mrr_policy AND currency = $2::char(3) AND believed @> $4::timestamptz
     AND (metric = 'mrr' OR day >= ($1::date[])[1])
   GROUP BY 1, 2
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

/// Of MRR otherwise than it is believed now by the usual policy.
struct Belief {
  ledger::Policy policy;
  Time at;
};

/// Rows with a value for each metric, what they add up to, and the level at the period's end.
std::vector<series::Row> rows_of(db::Tx& tx, series::Periods const& periods,
                                 Counters const& counters,
                                 std::optional<Belief> const& belief = {}) {
  std::vector<std::string> edges;
  for (auto const& period : periods.periods) edges.push_back(series::day_text(period.starts));
  edges.push_back(series::day_text(periods.ends));
  auto const width = counters.metrics.size();
  std::vector<std::vector<std::int64_t>> sums(edges.size() + 1,
                                              std::vector<std::int64_t>(width, 0));
  std::int64_t level = 0;
  for (auto const& sum :
       belief ? tx.all<Sum>(believed_sums, edges, counters.currency, belief->policy, belief->at)
              : tx.all<Sum>(sums_of_periods, edges, counters.currency, counters.metrics,
                            counters.level)) {
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
    row.complete = period.whole;
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
  auto const zone = ledger::zone(tx);
  auto const now = clock_source::now();
  auto const today = *series::parse_day(tx.one<std::string>(local_day, now, zone));
  auto const range = series::resolve({request.range, request.from, request.to, request.granularity},
                                     series::Word::last_12_months, today, zone);
  auto const currency = currency_of(tx, request.currency, organisation.reporting_currency);
  Counters const counters{
      {"mrr_new", "mrr_expansion", "mrr_reactivation", "mrr_contraction", "mrr_churn"},
      "mrr",
      currency};
  reports::require_past(request.as_of);
  std::optional<Belief> belief;
  if (request.as_of || request.policy)
    belief = {request.policy.value_or(ledger::Policy::recurring), request.as_of.value_or(now)};
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
                      counters, belief)};
  if (request.compare) {
    auto const [span, until_now] = series::compared(range, *request.compare, today);
    auto const periods = series::periods_of(span, range.granularity, today);
    out.comparison = series::Comparison{span.from, span.to, rows_of(tx, periods, counters, belief)};
    // Movements are those of whole days: of a period that runs, all of the day that it has come to.
    if (until_now) out.comparison->rows.back().complete = false;
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
                             {{"tenants_live"}, "tenants_live"})};
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
