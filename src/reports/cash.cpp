// D12 and D13: what came in and went out, what is still to come, and how long it takes.
#include "ledger/entries.hpp"
#include "reports/periods.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
using ledger::Book;
using ledger::Kind;

struct CashPeriod {
  std::string period;
  bool incomplete;
  std::int64_t gross = 0, other = 0, refunds = 0, disputes = 0, net = 0;
  std::int64_t receivables = 0, invoiced = 0, days = 0;
  std::optional<double> dso{};
  static constexpr auto rules() {
    using P = CashPeriod;
    return ::rules(
        rule(&P::period, {.doc = "A month, a quarter, the first day of a week, or a day",
                          .example = "2026-01"}),
        rule(&P::incomplete, {.doc = "It has not ended, or the months hold a part of it"}),
        rule(&P::gross, {.doc = "Paid through Stripe, by the day of payment; minor units"}),
        rule(&P::other, {.doc = "Paid otherwise; not in gross nor in net"}),
        rule(&P::refunds, {.doc = "By their own day, less those that failed on theirs"}),
        rule(&P::disputes, {.doc = "By the day on which they were lost"}),
        rule(&P::net, {.doc = "gross − refunds − disputes"}),
        rule(&P::receivables, {.doc = "Open at the period's end"}),
        rule(&P::invoiced, {.doc = "Totals of the invoices that were finalised"}),
        rule(&P::days, {.doc = "Days of the calendar"}),
        rule(&P::dso, {.doc = "receivables ÷ invoiced × days; null: nothing was invoiced"}));
  }
};

struct Cash {
  std::string currency, timezone;
  std::optional<Time> as_of;
  std::vector<CashPeriod> periods;
};

struct Sum {
  std::int64_t period;  // 0: before the first one
  Book book;
  Kind kind;
  std::int64_t amount;
};
// What is open at the end of a period is the sum of all that happened before.
db::Query const cash_sums{"reports.cash_sums", R"sql(
  SELECT width_bucket(at, $2::timestamptz[]) AS period, book, kind, sum(amount)::bigint AS amount
    FROM book_entries
   WHERE book IN ('cash', 'invoiced') AND currency = $1::char(3)
     AND at >= ($2::timestamptz[])[1] AND at < ($2::timestamptz[])[cardinality($2::timestamptz[])]
     AND believed_at <= coalesce($3::timestamptz, 'infinity')
   GROUP BY 1, 2, 3
  UNION ALL
  SELECT width_bucket(at, $2::timestamptz[]), book, 'settled', sum(amount)::bigint
    FROM book_entries
   WHERE book = 'receivable' AND currency = $1::char(3)
     AND at < ($2::timestamptz[])[cardinality($2::timestamptz[])]
     AND believed_at <= coalesce($3::timestamptz, 'infinity')
   GROUP BY 1, 2
)sql"};

void add(CashPeriod& to, Sum const& sum) {
  auto const grow = [&](std::int64_t& figure, std::int64_t amount) {
    figure = money::add(figure, amount);
  };
  if (sum.book == Book::receivable) return grow(to.receivables, sum.amount);
  if (sum.book == Book::invoiced) return grow(to.invoiced, sum.amount);
  switch (sum.kind) {
    case Kind::payment:
      return grow(to.gross, sum.amount);
    case Kind::other:
      return grow(to.other, sum.amount);
    case Kind::dispute_lost:
      return grow(to.disputes, -sum.amount);
    default:
      return grow(to.refunds, -sum.amount);
  }
}

Cash cash(db::Tx& tx, Question const& question) {
  Cash out{question.currency, question.timezone, question.as_of, {}};
  // The first is all that was before.
  std::vector<CashPeriod> periods(1);
  for (auto const& period : question.periods)
    periods.push_back(
        {.period = period.name, .incomplete = period.incomplete, .days = period.days});
  for (auto const& sum :
       tx.all<Sum>(cash_sums, question.currency, question.edges(), question.as_of))
    add(periods.at(std::size_t(sum.period)), sum);
  for (std::size_t i = 1; i < periods.size(); ++i) {
    auto& period = periods[i];
    period.net = money::subtract(money::subtract(period.gross, period.refunds), period.disputes);
    period.receivables = money::add(period.receivables, periods[i - 1].receivables);
    period.dso = ratio(money::Wide{period.receivables} * period.days, period.invoiced);
    out.periods.push_back(period);
  }
  return out;
}
}  // namespace

void add_cash(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<Request, Cash>{
      .route = "GET /api/reports/cash",
      .summary = "Read what was paid, given back and invoiced, and what is still open",
      .tag = "Reports",
      .scope = "reports:read",
      .handle =
          [&groups](http::Context& context, Request const& request) {
            return cash(context.tx, understood(context.tx, request, groups));
          },
  });
}

}  // namespace reports
