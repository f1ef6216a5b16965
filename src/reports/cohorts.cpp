// D10: what became of those who came in a month.
#include "reports/mrr_figures.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
struct CohortsRequest {
  std::optional<std::string> from, to, currency, timezone;
  std::optional<ledger::Policy> policy;
  std::optional<std::string> plan, country;
  std::optional<Time> as_of;
  static constexpr auto rules() {
    using R = CohortsRequest;
    return ::rules(
        rule(&R::from, {.doc = "First month; eleven before the last one unless told",
                        .example = "2026-01",
                        .max_length = 7}),
        rule(&R::to, {.doc = "Last month; the present one unless told",
                      .example = "2026-12",
                      .max_length = 7}),
        rule(&R::currency, {.doc = "ISO 4217, lower case, or reporting: all of them in that of the "
                                   "reports, by the rates that staff keep (D11); that of the "
                                   "reports alone unless told",
                            .example = "eur",
                            .check = MrrRequest::is_currency}),
        rule(&R::timezone, {.doc = "Whose days they are; that of the reports unless told",
                            .example = "Europe/Madrid",
                            .min_length = 1,
                            .max_length = 60}),
        rule(&R::policy, {.doc = "Which discounts count (D4); recurring unless told"}),
        rule(&R::plan, {.doc = "Only items whose price belongs to this plan: who changes to it "
                               "comes then",
                        .example = "team",
                        .max_length = 40}),
        rule(&R::country, {.doc = "Only customers whose present country it is, ISO 3166-1 alpha-2",
                           .example = "ES",
                           .min_length = 2,
                           .max_length = 2,
                           .check = checks::country}),
        rule(&R::as_of, {.doc = "As it was known then; what came later does not count"}));
  }
  [[nodiscard]] MrrRequest by_month() const {
    return {from, to, series::Granularity::month, currency, timezone, policy, plan, country, as_of};
  }
};

struct CohortRow {
  std::string cohort;
  std::int64_t size;
  std::optional<std::int64_t> mrr0{};
  std::vector<std::optional<double>> logo{};
  std::vector<std::int64_t> customers{};
  std::vector<std::optional<std::int64_t>> mrr{};
  std::vector<std::optional<double>> revenue_retention{};
  std::optional<i18n::Message> missing_rate{};
  static constexpr auto rules() {
    using C = CohortRow;
    return ::rules(
        rule(&C::cohort, {.doc = "The month of their first MRR", .example = "2026-01"}),
        rule(&C::size, {.doc = "How many came; whoever comes back stays in it"}),
        rule(&C::mrr0, {.doc = "Their MRR at the end of that month; minor units"}),
        rule(&C::logo, {.doc = "Who pays at the end of that month and of each later one ÷ size; "
                               "the last is that of now"}),
        rule(&C::customers, {.doc = "How many those are"}),
        rule(&C::mrr, {.doc = "What they pay then; minor units"}),
        rule(&C::revenue_retention, {.doc = "mrr ÷ mrr0"}),
        rule(&C::missing_rate,
             {.doc = "Why an amount is null: nobody has told that rate; the first of those"}));
  }
};

struct Cohorts {
  std::string currency, timezone;
  ledger::Policy policy;
  std::optional<Time> as_of;
  std::vector<CohortRow> cohorts;
};

CohortRow said(Cohort const& cohort) {
  CohortRow out{.cohort = series::day_text(cohort.month).substr(0, 7), .size = cohort.size};
  for (auto const& end : cohort.ends) {
    out.customers.push_back(end.customers);
    out.logo.push_back(ratio(end.customers, cohort.size));
  }
  for (auto const& end : cohort.ends) {
    auto const amount = end.missing ? std::nullopt : std::optional{end.amount};
    if (end.missing && !out.missing_rate) out.missing_rate = end.missing->message();
    out.mrr.push_back(amount);
    out.revenue_retention.push_back(amount && out.mrr.front() ? ratio(*amount, *out.mrr.front())
                                                              : std::nullopt);
  }
  out.mrr0 = out.mrr.front();
  return out;
}

Cohorts answer(db::Tx& tx, MrrQuestion const& question) {
  auto quick = cohorts_from_rollups(tx, question);
  auto const cohorts = quick ? std::move(*quick) : cohorts_from_steps(tx, question);
  Cohorts out{question.currency, question.timezone, question.policy, question.as_of, {}};
  for (auto const& cohort : cohorts) out.cohorts.push_back(said(cohort));
  return out;
}
}  // namespace

void add_cohorts(http::Api& api, settings::Groups const& groups) {
  api.add(http::Endpoint<CohortsRequest, Cohorts>{
      .route = "GET /api/reports/cohorts",
      .summary = "Read what became of the customers who came in each month",
      .tag = "Reports",
      .scope = "reports:read",
      .handle =
          [&groups](http::Context& context, CohortsRequest const& request) {
            db::Tx tx{context.worker.connection, db::Mode::snapshot};
            return answer(tx, understood(tx, request.by_month(), groups));
          },
  });
}

}  // namespace reports
