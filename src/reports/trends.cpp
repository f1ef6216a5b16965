// D12 over time, as the desk of money looks at it: what was invoiced, what came in and went out,
// and what could not be collected at first.
#include "ledger/entries.hpp"
#include "ledger/ledger.hpp"
#include "organisation/organisation.hpp"
#include "platform/series/series.hpp"
#include "reports/periods.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
using ledger::Book;
using ledger::Kind;
using series::Series;

struct TrendsRequest {
  std::optional<series::Word> range;
  std::optional<std::string> from, to;
  std::optional<series::Granularity> granularity;
  std::optional<series::Compare> compare;
  std::optional<std::string> currency;
  static constexpr auto rules() {
    using R = TrendsRequest;
    return ::rules(
        rule(&R::range, {.doc = "In words, instead of from and to; last_12_months unless told"}),
        rule(&R::from, {.doc = "First day", .example = "2026-01-01", .max_length = 10}),
        rule(&R::to,
             {.doc = "Last day; today unless told", .example = "2026-03-31", .max_length = 10}),
        rule(&R::granularity, {.doc = "Of the periods; as the range's length suggests"}),
        rule(&R::compare, {.doc = "With an earlier range"}),
        rule(&R::currency, {.doc = "ISO 4217, lower case; that of the reports unless told",
                            .example = "eur",
                            .check = Request::is_currency}));
  }
};

db::Query const today_in{"reports.trends_today",
                         "SELECT ($1::timestamptz AT TIME ZONE $2)::date::text"};
db::Query const currencies{"reports.trends_currencies", R"sql(
  SELECT DISTINCT currency FROM (
    SELECT currency FROM rollup_totals WHERE metric = 'revenue'
    UNION ALL SELECT currency FROM rollup_deltas WHERE metric = 'revenue') AS all_of_them
   ORDER BY currency
)sql"};
db::Query const trend_sums{"reports.trend_sums", R"sql(
  SELECT width_bucket(at, $2::timestamptz[]) AS period, book, kind, sum(amount)::bigint AS amount
    FROM book_entries
   WHERE book IN ('cash', 'invoiced', 'dunning') AND kind <> 'recovered'
     AND currency = $1::char(3)
     AND at >= ($2::timestamptz[])[1] AND at < ($2::timestamptz[])[cardinality($2::timestamptz[])]
   GROUP BY 1, 2, 3
)sql"};

struct Sum {
  std::int64_t period;
  Book book;
  Kind kind;
  std::int64_t amount;
};

enum Column : std::size_t { invoiced, collected, refunded, disputed, failed, other, columns };

Column column_of(Sum const& sum) {
  if (sum.book == Book::invoiced) return invoiced;
  if (sum.book == Book::dunning) return failed;
  switch (sum.kind) {
    case Kind::payment:
      return collected;
    case Kind::other:
      return other;
    case Kind::dispute_lost:
      return disputed;
    default:
      return refunded;
  }
}

std::vector<series::Row> rows_of(db::Tx& tx, series::Periods const& periods,
                                 std::string const& currency, std::string const& zone) {
  std::vector<std::string> days;
  for (auto const& period : periods.periods) days.push_back(series::day_text(period.starts));
  days.push_back(series::day_text(periods.ends));
  std::vector<std::vector<std::int64_t>> sums(periods.periods.size(),
                                              std::vector<std::int64_t>(columns, 0));
  for (auto const& sum : tx.all<Sum>(trend_sums, currency, beginnings(tx, days, zone))) {
    auto& figure = sums.at(std::size_t(sum.period - 1)).at(column_of(sum));
    figure = money::add(figure, sum.amount);
  }
  std::vector<series::Row> rows;
  for (std::size_t i = 0; i < periods.periods.size(); ++i) {
    auto const last = *series::parse_day(days[i + 1]) - std::chrono::days{1};
    rows.push_back({.key = days[i],
                    .complete = periods.periods[i].whole,
                    .values = {sums[i].begin(), sums[i].end()},
                    .drill = "/admin/billing?from=" + days[i] + "&to=" + series::day_text(last) +
                             "&currency=" + currency});
  }
  return rows;
}

std::string currency_of(db::Tx& tx, std::optional<std::string> const& asked,
                        std::string const& reporting) {
  if (asked) return *asked;
  auto const known = tx.all<std::string>(currencies);
  return known.empty() || std::ranges::count(known, reporting) ? reporting : known.front();
}

Series trends(db::Tx& tx, TrendsRequest const& request,
              organisation::Organisation const& organisation) {
  auto const zone = ledger::zone(tx);
  auto const today = *series::parse_day(tx.one<std::string>(today_in, clock_source::now(), zone));
  auto const range = series::resolve({request.range, request.from, request.to, request.granularity},
                                     series::Word::last_12_months, today, zone);
  auto const currency = currency_of(tx, request.currency, organisation.reporting_currency);
  using series::Mark;
  Series out{
      .definition = "billing_trends",
      .unit = {series::UnitKind::money, money::decimals(currency), currency},
      .range = range,
      .columns = {{"invoiced", Mark::line},
                  {"collected", Mark::bar},

                  {"refunded", Mark::bar},
                  {"disputed", Mark::bar},
                  {"failed", Mark::line},
                  {"paid_otherwise", Mark::none}},
      .rows = rows_of(tx, series::periods_of({range.from, range.to}, range.granularity, today),
                      currency, zone)};
  if (request.compare) {
    auto const [span, until_now] = series::compared(range, *request.compare, today);
    out.comparison = series::Comparison{
        span.from, span.to,
        rows_of(tx, series::periods_of(span, range.granularity, today), currency, zone)};
    if (until_now) out.comparison->rows.back().complete = false;
  }
  return out;
}
}  // namespace

void add_trends(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<TrendsRequest, Series>{
      .route = "GET /api/billing/trends",
      .summary = "Read what was invoiced, collected, given back and not collected, by period",
      .tag = "Billing",
      .scope = "billing:read",
      .handle =
          [&groups](http::Context& context, TrendsRequest const& request) {
            return trends(context.tx, request, *groups.now<organisation::Organisation>());
          },
  });
}

}  // namespace reports
