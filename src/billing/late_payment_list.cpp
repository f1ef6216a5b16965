// Payments that came after the end, as staff read them.
#include "billing/late_payments.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
using LatePaymentId = Id<"late">;

struct LatePayment {
  LatePaymentId id;
  std::string outcome;
  tenants::TenantId tenant_id;
  std::string subdomain, company, stripe_invoice_id;
  std::optional<std::string> stripe_url;
  std::int64_t amount;
  std::string currency;
  std::optional<Time> runs_until, paid_at;
  Time ended_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&LatePayment::outcome, {.doc = "runs, refunding, refunded or needs_person"}),
        rule(&LatePayment::stripe_url, {.doc = "The invoice at Stripe"}),
        rule(&LatePayment::runs_until, {.doc = "What was paid for is given until then"}),
        rule(&LatePayment::ended_at, {.doc = "When its subscription had ended"}));
  }
};
list::Codes const codes{"late_payments", {{"outcome", "late_payment"}}};

list::List late_payment_list() {
  return {
      .name = "late_payments",
      .route = "GET /api/billing/late-payments",
      .summary = "List payments that came after their subscription had ended",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<LatePayment>,
      .columns = R"sql(page.id, page.late_outcome AS outcome, t.id AS tenant_id, t.subdomain,
          c.company, page.stripe_invoice_id, page.hosted_invoice_url AS stripe_url,
          page.amount_paid AS amount, page.currency, page.late_until AS runs_until, page.paid_at,
          s.ended_at)sql",
      .source =
          "billing_invoices AS i JOIN subscriptions AS ended ON ended.id = i.subscription_id "
          "AND ended.ended_at IS NOT NULL AND ended.tenant_id IS NOT NULL",
      .key = "i.id",
      .always = "i.late_outcome IN ('runs', 'refunding', 'refunded', 'needs_person')",
      .joins = R"sql(JOIN subscriptions AS s ON s.id = page.subscription_id
          JOIN tenants AS t ON t.id = s.tenant_id JOIN customers AS c ON c.id = page.customer_id)sql",
      .sorts = {{"id", "i.id", "bigint"}},
      .order = "-id",
      .filters = {list::is<std::string>("outcome", "i.late_outcome = $",
                                        {.doc = "Only those with this outcome", .max_length = 40})},
      .search = {{.text = "lower(i.stripe_invoice_id)", .is_indexed = true},
                 {.text = "t.subdomain",
                  .within = "(SELECT $ FROM tenants AS t WHERE t.id = ended.tenant_id)",
                  .ids = "SELECT i.id FROM tenants AS t "
                         "JOIN subscriptions AS ended ON ended.tenant_id = t.id "
                         "AND ended.ended_at IS NOT NULL "
                         "JOIN billing_invoices AS i ON i.subscription_id = ended.id "
                         "AND i.late_outcome IN ('runs', 'refunding', 'refunded', 'needs_person')"},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = i.customer_id)",
                  .ids = "SELECT i.id FROM customers AS c "
                         "JOIN billing_invoices AS i ON i.customer_id = c.id "
                         "AND i.late_outcome IN ('runs', 'refunding', 'refunded', 'needs_person') "
                         "JOIN subscriptions AS ended ON ended.id = i.subscription_id "
                         "AND ended.ended_at IS NOT NULL AND ended.tenant_id IS NOT NULL"}},
      .search_doc =
          "Part of a subdomain, a company, a name, an e-mail or an invoice's id; one or two "
          "letters "
          "begin a word",
  };
}
}  // namespace

void add_late_payment_endpoint(http::Api& api) { list::add(api, late_payment_list()); }

}  // namespace billing
