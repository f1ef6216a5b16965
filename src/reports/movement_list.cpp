// The movements behind the reports, each with the event of Stripe's that it follows from.
#include "customers/customers.hpp"
#include "ledger/derive.hpp"
#include "ledger/movement.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "platform/money/money.hpp"
#include "reports/periods.hpp"
#include "reports/reports.hpp"

namespace reports {

namespace {
using MovementId = Id<"mov">;

struct MovementRow {
  MovementId id;
  std::string day;
  customers::CustomerId customer_id;
  std::string company;
  std::string country;
  std::string kind;
  std::int64_t amount;
  std::string currency;
  std::int64_t mrr_before, mrr_after;
  std::string policy;
  std::optional<std::string> stripe_event_id;
  Time recorded_at;
  static constexpr auto rules() {
    using M = MovementRow;
    return ::rules(
        rule(&M::day, {.doc = "Of the reports' zone", .example = "2026-01-10"}),
        rule(&M::country, {.doc = "The customer's present one"}),
        rule(&M::kind, {.doc = "new, reactivation, expansion, contraction or churn (D7)"}),
        rule(&M::amount, {.doc = "By how much; positive, minor units"}),
        rule(&M::mrr_before, {.doc = "The customer's MRR in this currency before that day"}),
        rule(&M::mrr_after, {.doc = "The same at its end"}),
        rule(&M::policy, {.doc = "Which discounts count (D4)"}),
        rule(&M::stripe_event_id, {.doc = "The last event of that day that it follows from"}),
        rule(&M::recorded_at, {.doc = "Since when it is known so"}));
  }
};
list::Codes const codes{"movements", {{"kind", "movement_kind"}, {"policy", "mrr_policy"}}};

list::List movement_list() {
  return {
      .name = "movements",
      .route = "GET /api/reports/movements",
      .summary = "List the movements of recurring revenue that reports count",
      .tag = "Reports",
      .scope = "reports:read",
      .row = &types::type_of<MovementRow>,
      .columns = R"sql(page.id, page.day::text AS day, page.customer_id, c.company, c.country,
          page.kind::text AS kind, page.amount, page.currency, page.mrr_before, page.mrr_after,
          page.policy::text AS policy, page.event_id AS stripe_event_id,
          lower(page.believed) AS recorded_at)sql",
      .source = "mrr_movements AS m",
      .key = "m.id",
      .joins = "JOIN customers AS c ON c.id = page.customer_id",
      // No order by amount: those of two currencies have none.
      .sorts = {{"day", "m.day", "date"}},
      .order = "-day",
      .filters = {list::is_or<ledger::Policy>(
                      "m.policy = 'recurring'", "policy", "m.policy = $",
                      {.doc = "Which discounts count (D4); recurring unless told"}),
                  list::any_of<ledger::Movement>("kind", "m.kind = $",
                                                 {.doc = "One or more, comma-separated"}),
                  list::is<std::string>("currency", "m.currency = $::char(3)",
                                        {.doc = "In this currency",
                                         .example = "eur",
                                         .min_length = 3,
                                         .max_length = 3,
                                         .check = money::currency}),
                  list::is<customers::CustomerId>("customer", "m.customer_id = $",
                                                  {.doc = "Of this customer"}),
                  list::is<std::string>(
                      "country",
                      "(SELECT c.country FROM customers AS c WHERE c.id = m.customer_id) = $",
                      {.doc = "Of customers whose present country it is",
                       .example = "ES",
                       .min_length = 2,
                       .max_length = 2,
                       .check = checks::country}),
                  list::is<std::string>(
                      "from", "m.day >= $::date",
                      {.doc = "First day", .example = "2026-01-01", .check = series::day}),
                  list::is<std::string>(
                      "to", "m.day <= $::date",
                      {.doc = "Last day", .example = "2026-01-31", .check = series::day}),
                  // What will move by itself has its row already.
                  list::is_or<Time>(
                      "upper_inf(m.believed) AND m.day <= mrr_day_of({now})", "as_of",
                      "m.believed @> $::timestamptz AND m.day <= mrr_day_of($::timestamptz)",
                      {.doc = "As it was known then, up to that day; now unless told",
                       .check = future})},
      .search = {{.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = m.customer_id)",
                  .ids = "SELECT m.id FROM customers AS c "
                         "JOIN mrr_movements AS m ON m.customer_id = c.id"}},
      .search_doc = "Part of a customer's company, name or email; one or two letters begin a word",
  };
}
}  // namespace

void add_movements(http::Api& api) { list::add(api, movement_list()); }

}  // namespace reports
