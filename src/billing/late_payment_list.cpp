// Payments that came after the end, as staff read them.
#include "billing/late_payments.hpp"
#include "platform/db/like.hpp"

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
struct ListRequest {
  std::optional<std::int64_t> limit;
  std::optional<LatePaymentId> cursor;
  std::optional<std::string> outcome, q;
  static constexpr auto rules() {
    return ::rules(
        rule(&ListRequest::limit, {.doc = "Rows per page, 50 unless told", .min = 1, .max = 100}),
        rule(&ListRequest::cursor, {.doc = "next_cursor of the page before"}),
        rule(&ListRequest::outcome, {.doc = "Only those with this outcome", .max_length = 40}),
        rule(&ListRequest::q,
             {.doc = "Part of a subdomain, a company or an invoice's id", .max_length = 100}));
  }
};
db::PagedQuery list_late{"billing.list_late_payments", R"sql(
  SELECT i.id, i.late_outcome AS outcome, t.id AS tenant_id, t.subdomain, c.company,
         i.stripe_invoice_id, i.hosted_invoice_url AS stripe_url, i.amount_paid AS amount,
         i.currency, i.late_until AS runs_until, i.paid_at, s.ended_at
    FROM billing_invoices i JOIN subscriptions s ON s.id = i.subscription_id
    JOIN tenants t ON t.id = s.tenant_id JOIN customers c ON c.id = i.customer_id
   WHERE i.late_outcome IN ('runs', 'refunding', 'refunded', 'needs_person')
     AND s.ended_at IS NOT NULL AND ($1::bigint IS NULL OR i.id < $1)
     AND ($2::text IS NULL OR i.late_outcome = $2)
     AND ($3::text IS NULL
          OR lower(concat_ws(' ', t.subdomain, c.company, i.stripe_invoice_id)) LIKE $3)
   ORDER BY i.id DESC LIMIT {limit}
)sql"};
}  // namespace

void add_late_payment_endpoint(http::Api& api) {
  api.add(http::Endpoint<ListRequest, http::Page<LatePayment>>{
      .route = "GET /api/billing/late-payments",
      .summary = "List payments that came after their subscription had ended, newest first",
      .tag = "Billing",
      .scope = "billing:read",
      .handle =
          [](http::Context& context, ListRequest const& request) {
            auto const limit = int(request.limit.value_or(50));
            http::Page<LatePayment> page;
            page.data = context.tx.all<LatePayment>(list_late.with_limit(limit + 1), request.cursor,
                                                    request.outcome, db::like_pattern(request.q));
            page.has_more = int(page.data.size()) > limit;
            if (page.has_more) {
              page.data.pop_back();
              page.next_cursor = page.data.back().id.text();
            }
            return page;
          },
  });
}

}  // namespace billing
