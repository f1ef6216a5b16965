// D17: what was earned of what was invoiced, and what is still to be earned.
#include "ledger/recognition.hpp"
#include "reports/periods.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
struct RecognisedPeriod {
  std::string period;
  bool incomplete;
  std::int64_t revenue = 0, contra = 0, net = 0, deferred = 0;
  static constexpr auto rules() {
    using P = RecognisedPeriod;
    return ::rules(
        rule(&P::period, {.doc = "A month, a quarter, the first day of a week, or a day",
                          .example = "2026-01"}),
        rule(&P::incomplete, {.doc = "It has not ended, or the months hold a part of it"}),
        rule(&P::revenue, {.doc = "Earned in it, less what is taken back of that; minor units"}),
        rule(&P::contra, {.doc = "Earned before and taken back in it: negative"}),
        rule(&P::net, {.doc = "revenue + contra"}),
        rule(&P::deferred, {.doc = "Booked and still to be earned at the period's end"}));
  }
};

struct Recognised {
  std::string currency, timezone;
  std::optional<Time> as_of;
  std::vector<RecognisedPeriod> periods;
};

struct Booked {
  bool is_mirror;
  Time booked, starts, ends;
  std::int64_t amount;
  [[nodiscard]] ledger::Obligation obligation() const { return {booked, starts, ends, amount}; }
};
// What was earned before the first period says nothing about any of them.
db::Query const obligations{"reports.obligations", R"sql(
  SELECT reverses IS NOT NULL AS is_mirror, at AS booked, service_start AS starts,
         service_end AS ends, sum(amount)::bigint AS amount
    FROM book_entries
   WHERE book = 'revenue' AND currency = $1::char(3) AND greatest(at, service_end) >= $2
     AND at < $3 AND believed_at <= coalesce($4::timestamptz, 'infinity')
   GROUP BY document, part, kind, reverses, at, service_start, service_end HAVING sum(amount) <> 0
)sql"};

void add(RecognisedPeriod& to, Booked const& booked, Time starts, Time ends) {
  if (ends <= booked.booked) return;
  auto const obligation = booked.obligation();
  auto const [revenue, contra] =
      ledger::recognised_between(obligation, booked.is_mirror, starts, ends);
  to.revenue = money::add(to.revenue, revenue);
  to.contra = money::add(to.contra, contra);
  auto const later = money::subtract(booked.amount, ledger::recognised_before(obligation, ends));
  to.deferred = money::add(to.deferred, later);
}

Recognised recognised(db::Tx& tx, Question const& question) {
  Recognised out{question.currency, question.timezone, question.as_of, {}};
  auto const& periods = question.periods;
  // A period that has not ended is one up to now.
  auto const until = std::chrono::floor<std::chrono::seconds>(question.until);
  auto const by_now = [&](Time edge) { return std::min<Time>(edge, until); };
  auto const rows = tx.all<Booked>(obligations, question.currency, periods.front().starts,
                                   by_now(periods.back().ends), question.as_of);
  for (auto const& period : periods) {
    RecognisedPeriod one{.period = period.name, .incomplete = period.incomplete};
    for (auto const& row : rows) add(one, row, by_now(period.starts), by_now(period.ends));
    one.net = money::add(one.revenue, one.contra);
    out.periods.push_back(one);
  }
  return out;
}
}  // namespace

void add_recognised(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<Request, Recognised>{
      .route = "GET /api/reports/recognised",
      .summary = "Read what was earned in each period, what was taken back, and what is deferred",
      .tag = "Reports",
      .scope = "reports:read",
      .handle =
          [&groups](http::Context& context, Request const& request) {
            return recognised(context.tx, understood(context.tx, request, groups));
          },
  });
}

}  // namespace reports
