// Payment methods that customers keep at Stripe: which one is charged, and which will not work
// soon.
#include "billing/method_orders.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
enum class Expiry { valid, soon, expired };
constexpr auto names_of(Expiry) {
  return std::array<std::string_view, 3>{"valid", "soon", "expired"};
}
enum class MethodUse { charged, spare };
constexpr auto names_of(MethodUse) { return std::array<std::string_view, 2>{"charged", "spare"}; }

struct PaymentMethod {
  PaymentMethodId id;
  std::string stripe_pm_id;
  customers::CustomerId customer_id;
  std::string company, email, type;
  std::optional<std::string> brand, last4;
  std::optional<std::int64_t> expiry_month, expiry_year;
  Expiry expiry;
  bool is_default;
  std::int64_t charged_subscriptions;
  bool is_being_changed, is_at_stripe;
  static constexpr auto rules() {
    using M = PaymentMethod;
    return ::rules(
        rule(&M::type, {.doc = "card, sepa_debit and whatever else Stripe has"}),
        rule(&M::expiry,
             {.doc =
                  "soon: at the end of this month or the next; valid also where nothing expires"}),
        rule(&M::is_default, {.doc = "It is what is charged by itself"}),
        rule(&M::charged_subscriptions, {.doc = "How many that run are charged with it"}),
        rule(&M::is_being_changed, {.doc = "Something was asked of Stripe about it, and how that "
                                           "ended is not known yet"}),
        rule(&M::is_at_stripe, {.doc = "False: of the demo"}));
  }
};

list::Codes const codes{
    "payment_methods",
    {{"expiry", "method_expiry"}, {"type", "method_type"}, {"use", "method_use"}}};

// A card works until the end of its month.
constexpr std::string_view has_expired = "m.expires < date_trunc('month', {now})::date";
constexpr std::string_view expires_soon =
    "m.expires >= date_trunc('month', {now})::date "
    "AND m.expires < (date_trunc('month', {now}) + interval '2 months')::date";
constexpr std::string_view is_valid =
    "(m.expires IS NULL OR m.expires >= (date_trunc('month', {now}) + interval '2 months')::date)";

list::List method_list() {
  return {
      .name = "payment_methods",
      .route = "GET /api/billing/payment-methods",
      .summary = "List payment methods that customers keep at Stripe",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<PaymentMethod>,
      .columns = R"sql(page.id, page.stripe_pm_id, page.customer_id, c.company, c.email, page.type,
          page.brand, page.last4, extract(month FROM page.expires)::bigint AS expiry_month,
          extract(year FROM page.expires)::bigint AS expiry_year,
          CASE WHEN page.expires < date_trunc('month', {now})::date THEN 'expired'
               WHEN page.expires < (date_trunc('month', {now}) + interval '2 months')::date
               THEN 'soon' ELSE 'valid' END AS expiry,
          page."default" AS is_default, )sql" +
                 charged_with_sql("page", "p") + R"sql( AS charged_subscriptions,
          EXISTS (SELECT FROM billing_method_orders AS o
                   WHERE o.customer_id = page.customer_id AND o.stripe_pm_id = page.stripe_pm_id
                     AND o.outcome IS NULL) AS is_being_changed,
          c.stripe_customer_id IS NOT NULL AS is_at_stripe)sql",
      .source = "payment_methods AS m",
      .key = "m.id",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN billing_profiles AS p ON p.customer_id = page.customer_id)sql",
      .sorts = {{"id", "m.id", "bigint"}, {"expires", "m.expires", "date", true}},
      .order = "-id",
      .filters = {list::choice<Expiry>("expiry", {is_valid, expires_soon, has_expired},
                                       {.doc = "That has expired, or will soon"}),
                  list::choice<MethodUse>("use", {"m.\"default\"", "NOT m.\"default\""},
                                          {.doc = "Charged by itself, or kept besides"}),
                  list::is<std::string>("type", "m.type = $",
                                        {.doc = "Of this type of Stripe's", .max_length = 40}),
                  list::is<customers::CustomerId>("customer_id", "m.customer_id = $",
                                                  {.doc = "Of this customer"})},
      .search = {{.text = "lower(m.stripe_pm_id || ' ' || coalesce(m.last4, ''))",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = m.customer_id)",
                  .ids = "SELECT m.id FROM customers AS c "
                         "JOIN payment_methods AS m ON m.customer_id = c.id"}},
      .search_doc =
          "Part of Stripe's id, the last four digits, a company, a name or an e-mail; one or two "
          "letters begin a word",
  };
}
}  // namespace

void add_method_list(http::Api& api) { list::add(api, method_list()); }

}  // namespace billing
