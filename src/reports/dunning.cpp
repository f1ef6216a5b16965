// D14: of the invoices whose first attempt to collect failed in a period, what was paid later.
#include "reports/periods.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
struct DunningPeriod {
  std::string period;
  bool incomplete;
  std::int64_t entered = 0, entered_amount = 0, recovered = 0, recovered_amount = 0, pending = 0;
  std::optional<double> rate_count{}, rate_amount{};
  static constexpr auto rules() {
    using P = DunningPeriod;
    return ::rules(
        rule(&P::period, {.doc = "A month, a quarter, the first day of a week, or a day",
                          .example = "2026-01"}),
        rule(&P::incomplete, {.doc = "It has not ended, or the months hold a part of it"}),
        rule(&P::entered, {.doc = "Invoices whose first attempt to collect failed in it"}),
        rule(&P::entered_amount, {.doc = "What was open of them then; minor units"}),
        rule(&P::recovered, {.doc = "Those of them that were paid later, whenever that was"}),
        rule(&P::recovered_amount, {.doc = "What was paid of those after the first failure"}),
        rule(&P::pending, {.doc = "Those of them that are still open"}),
        rule(&P::rate_count, {.doc = "recovered ÷ entered; null: none entered"}),
        rule(&P::rate_amount, {.doc = "recovered_amount ÷ entered_amount; null: none entered"}));
  }
};

struct Dunning {
  std::string currency, timezone;
  std::optional<Time> as_of;
  std::vector<DunningPeriod> periods;
};

struct Sum {
  std::int64_t period, entered, entered_amount, recovered, recovered_amount, pending;
};
db::Query const dunning_sums{"reports.dunning_sums", R"sql(
  WITH failed AS (
    SELECT document, at, sum(amount) AS amount FROM book_entries
     WHERE book = 'dunning' AND kind = 'failed' AND currency = $1::char(3)
       AND at >= ($2::timestamptz[])[1] AND at < ($2::timestamptz[])[cardinality($2::timestamptz[])]
       AND believed_at <= coalesce($3::timestamptz, 'infinity')
     GROUP BY 1, 2 HAVING sum(amount) <> 0),
  ended AS (
    SELECT failed.*, recovered, open
      FROM failed, LATERAL (
        SELECT coalesce(sum(amount) FILTER (WHERE kind = 'recovered'), 0) AS recovered,
               coalesce(sum(amount) FILTER (WHERE book = 'receivable'), 0) AS open
          FROM book_entries AS e
         WHERE e.document = failed.document
           AND believed_at <= coalesce($3::timestamptz, 'infinity')) AS later)
  SELECT width_bucket(at, $2::timestamptz[]) AS period, count(*) AS entered,
         sum(amount)::bigint AS entered_amount, count(*) FILTER (WHERE recovered > 0) AS recovered,
         sum(recovered)::bigint AS recovered_amount,
         count(*) FILTER (WHERE recovered = 0 AND open > 0) AS pending
    FROM ended GROUP BY 1
)sql"};

Dunning dunning(db::Tx& tx, Question const& question) {
  Dunning out{question.currency, question.timezone, question.as_of, {}};
  for (auto const& period : question.periods)
    out.periods.push_back({.period = period.name, .incomplete = period.incomplete});
  for (auto const& sum :
       tx.all<Sum>(dunning_sums, question.currency, question.edges(), question.as_of)) {
    auto& period = out.periods.at(std::size_t(sum.period - 1));
    period.entered = sum.entered;
    period.entered_amount = sum.entered_amount;
    period.recovered = sum.recovered;
    period.recovered_amount = sum.recovered_amount;
    period.pending = sum.pending;
    period.rate_count = ratio(sum.recovered, sum.entered);
    period.rate_amount = ratio(sum.recovered_amount, sum.entered_amount);
  }
  return out;
}
}  // namespace

void add_dunning(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<Request, Dunning>{
      .route = "GET /api/reports/dunning",
      .summary = "Read what was recovered of invoices that could not be collected at first",
      .tag = "Reports",
      .scope = "reports:read",
      .handle =
          [&groups](http::Context& context, Request const& request) {
            return dunning(context.tx, understood(context.tx, request, groups));
          },
  });
}

}  // namespace reports
