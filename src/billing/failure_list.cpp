// Invoices whose last attempt failed, and those of the last month that were given up.
#include "billing/declines.hpp"
#include "billing/failures.hpp"
#include "billing/invoice_view.hpp"
#include "customers/customers.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"
#include "tenants/tenants.hpp"

namespace billing {

namespace {
enum class FailureStatus { open, uncollectible };
constexpr auto names_of(FailureStatus) {
  return std::array<std::string_view, 2>{"open", "uncollectible"};
}

struct PaymentFailure {
  InvoiceId id;
  std::optional<std::string> number, stripe_invoice_id, stripe_url;
  customers::CustomerId customer_id;
  std::string company;
  std::optional<tenants::TenantId> tenant_id;
  std::optional<std::string> subdomain;
  FailureStatus status;
  std::int64_t amount;
  std::string currency;
  std::int64_t attempts;
  std::optional<std::string> decline_code;
  Advice advice;
  Time last_attempt_at;
  std::optional<Time> next_attempt_at;
  bool is_being_checked;
  static constexpr auto rules() {
    return ::rules(
        rule(&PaymentFailure::id, {.doc = "Id of the invoice"}),
        rule(&PaymentFailure::stripe_url,
             {.doc = "The invoice's page at Stripe, where it is paid"}),
        rule(&PaymentFailure::subdomain, {.doc = "Of the tenant that it pays for"}),
        rule(&PaymentFailure::status, {.doc = "uncollectible: given up, and can still be paid"}),
        rule(&PaymentFailure::amount, {.doc = "Minor units that remain to be paid"}),
        rule(&PaymentFailure::decline_code, {.doc = "Stripe's code for why the bank refused"}),
        rule(&PaymentFailure::advice, {.doc = "What to do about it"}),
        rule(&PaymentFailure::next_attempt_at,
             {.doc = "When Stripe tries again; null: it does not, as after each refusal for good"}),
        rule(&PaymentFailure::is_being_checked,
             {.doc = "A payment was asked for, and how it ended is not known yet"}));
  }
};

list::Codes const codes{
    "payment_failures",
    {{"decline_code", "decline"}, {"advice", "decline_advice"}, {"status", "failure_status"}}};

/// Of a row `of`: whether Stripe will try again by itself.
std::string tries_again(std::string const& of) {
  return "(" + of + ".status = 'open' AND " + of + ".next_payment_attempt IS NOT NULL AND NOT " +
         hard_sql(of + ".decline_code") + ")";
}

template <NamedEnum E>
std::vector<std::string_view> conditions(std::string (*condition)(std::string_view label)) {
  static auto const texts = [&] {
    std::vector<std::string> out;
    for (auto const label : names_of(E{})) out.push_back(condition(label));
    return out;
  }();
  return {texts.begin(), texts.end()};
}

std::string is_declined_with(std::string_view label) {
  if (label != "other") return "i.decline_code = '" + std::string{label} + "'";
  std::string known;
  for (auto const code : names_of(DeclineCode{}))
    known += (known.empty() ? "'" : ", '") + std::string{code} + "'";
  return "coalesce(i.decline_code, '') NOT IN (" + known + ")";
}

std::string is_advised(std::string_view label) {
  return advice_sql("i.decline_code", tries_again("i")) + " = '" + std::string{label} + "'";
}

list::List failure_list() {
  return {
      .name = "payment_failures",
      .route = "GET /api/billing/payment-failures",
      .summary = "List invoices that could not be collected, and what to do about each",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<PaymentFailure>,
      .columns = R"sql(page.id, page.number, page.stripe_invoice_id,
          page.hosted_invoice_url AS stripe_url, page.customer_id, c.company, t.id AS tenant_id,
          t.subdomain, page.status::text AS status,
          coalesce(page.amount_remaining, page.amount - page.amount_paid) AS amount, page.currency,
          page.attempt_count AS attempts, page.decline_code, )sql" +
                 advice_sql("page.decline_code", tries_again("page")) + R"sql( AS advice,
          coalesce(page.last_attempt_at, page.date) AS last_attempt_at,
          CASE WHEN )sql" +
                 tries_again("page") + R"sql( THEN page.next_payment_attempt END AS next_attempt_at,
          EXISTS (SELECT FROM billing_retries
                   WHERE invoice_id = page.id AND outcome IS NULL) AS is_being_checked)sql",
      .source = "billing_invoices AS i",
      .key = "i.id",
      .always =
          "i.counted_failed > 0 OR i.status = 'uncollectible' "
          "AND i.uncollectible_at > {now} - interval '30 days'",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN subscriptions AS s ON s.id = page.subscription_id
          LEFT JOIN tenants AS t ON t.id = s.tenant_id)sql",
      .sorts = {{"last_attempt_at", "coalesce(i.last_attempt_at, i.date)", "timestamptz"}},
      .order = "-last_attempt_at",
      .filters = {list::choice<DeclineCode>(
                      "decline_code", conditions<DeclineCode>(is_declined_with),
                      {.doc = "Refused with this code; other: with none that is known"}),
                  list::choice<Advice>("advice", conditions<Advice>(is_advised),
                                       {.doc = "With this advice"}),
                  list::choice<FailureStatus>("status",
                                              {"i.status = 'open'", "i.status = 'uncollectible'"},
                                              {.doc = "Still open, or given up"}),
                  list::is<customers::CustomerId>("customer_id", "i.customer_id = $",
                                                  {.doc = "Of this customer"}),
                  list::is<std::string>("currency", "i.currency = $",
                                        {.doc = "In this currency", .max_length = 3})},
      .search = {{.text = "lower(coalesce(i.number, '') || ' ' || "
                          "coalesce(i.stripe_invoice_id, ''))",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = i.customer_id)",
                  .ids = "SELECT i.id FROM customers AS c "
                         "JOIN billing_invoices AS i ON i.customer_id = c.id "
                         "AND (i.counted_failed > 0 OR i.status = 'uncollectible')"}},
      .search_doc =
          "Part of an invoice's number or Stripe's id, a company, a name or an e-mail; "
          "one or two letters begin a word",
  };
}
}  // namespace

void add_failure_list(http::Api& api) { list::add(api, failure_list()); }

}  // namespace billing
