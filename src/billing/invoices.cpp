// Invoices and refunds. The roll-ups are told the difference to what they were
// told before, so a repeated or late event never counts twice.
#include <algorithm>

#include "analytics/rollups.hpp"
#include "billing/billing.hpp"
#include "billing/late_payments.hpp"
#include "billing/owed.hpp"
#include "billing/rights.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Counted {
  std::int64_t id, counted_paid, counted_failed;
};

db::Query const upsert_invoice{"billing.upsert_invoice", R"sql(
  INSERT INTO billing_invoices AS i
         (customer_id, subscription_id, stripe_subscription_id, stripe_invoice_id, number, amount,
          amount_paid, currency, status, attempt_count, next_payment_attempt, hosted_invoice_url,
          date, paid_at)
  VALUES ($1, (SELECT id FROM subscriptions WHERE stripe_subscription_id = $2), nullif($2, ''), $3,
          $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (stripe_invoice_id) DO UPDATE SET
         subscription_id = coalesce(i.subscription_id, excluded.subscription_id),
         number = excluded.number, amount = excluded.amount, amount_paid = excluded.amount_paid,
         status = excluded.status, attempt_count = excluded.attempt_count,
         next_payment_attempt = excluded.next_payment_attempt,
         hosted_invoice_url = excluded.hosted_invoice_url, paid_at = excluded.paid_at
  RETURNING id, counted_paid, counted_failed
)sql"};

db::Query const remember_counted{"billing.remember_counted", R"sql(
  UPDATE billing_invoices SET counted_paid = $2, counted_failed = $3 WHERE id = $1
)sql"};

struct CountedRefund {
  std::int64_t id, counted;
};

db::Query const customer_of_payment{"billing.customer_of_charge", R"sql(
  SELECT id FROM customers WHERE stripe_customer_id = $1
)sql"};

db::Query const upsert_refund{"billing.upsert_refund", R"sql(
  INSERT INTO billing_refunds (customer_id, stripe_refund_id, amount, currency, status, date)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (stripe_refund_id) DO UPDATE SET status = excluded.status
  RETURNING id, counted
)sql"};

db::Query const remember_refund{"billing.remember_refund",
                                "UPDATE billing_refunds SET counted = $2 WHERE id = $1"};

// A draft has moved no money and no roll-up.
db::Query const delete_draft{"billing.delete_draft", R"sql(
  DELETE FROM billing_invoices
   WHERE stripe_invoice_id = $1 AND status = 'draft' AND counted_paid = 0 AND counted_failed = 0
)sql"};

/// Whether its last attempt was refused: one that is under way at a bank, or waits for the
/// customer's confirmation, was not.
bool has_failed(stripe::Object const& invoice) {
  if (stripe::text(invoice, "status") != "open" || stripe::integer(invoice, "attempt_count") == 0)
    return false;
  auto const is_under_way = [](std::string_view status) {
    return status == "processing" || status == "requires_action" || status == "succeeded" ||
           status == "requires_confirmation" || status == "requires_capture";
  };
  if (is_under_way(stripe::text(invoice, "payment_intent.status"))) return false;  // until 2025-03
  auto const* payments = stripe::find(invoice, "payments.data");
  if (!payments || !payments->is_array()) return true;
  return std::ranges::none_of(payments->get_array(), [&](auto const& payment) {
    return is_under_way(stripe::text(payment.as_object(), "payment.payment_intent.status"));
  });
}

std::optional<std::string> or_null(std::string text) {
  return text.empty() ? std::nullopt : std::optional{std::move(text)};
}

retention::Kept const kept_billing_invoices{"billing_invoices",
                                            "the books: the law asks for ten years"};
retention::Kept const kept_billing_refunds{"billing_refunds", "the books: money that went back"};
}  // namespace

bool apply_invoice(db::Tx& tx, stripe::Object const& invoice) {
  using analytics::Metric;
  auto const customer = customers::find_by_stripe_id(tx, stripe::id_of(invoice, "customer"));
  auto const stripe_id = stripe::text(invoice, "id");
  if (!customer || stripe_id.empty()) return false;

  auto const status = stripe::text(invoice, "status");
  auto const currency = stripe::text(invoice, "currency");
  auto const paid = stripe::integer(invoice, "amount_paid");
  auto const attempts = stripe::integer(invoice, "attempt_count");
  auto const created = stripe::time(invoice, "created").value_or(clock_source::now());
  auto const paid_at = stripe::time(invoice, "status_transitions.paid_at");
  // Old and new place of the subscription (2025-03-31.basil).
  auto subscription = stripe::id_of(invoice, "parent.subscription_details.subscription");
  if (subscription.empty()) subscription = stripe::id_of(invoice, "subscription");

  auto const stored = tx.one<Counted>(
      upsert_invoice, *customer, subscription, stripe_id, or_null(stripe::text(invoice, "number")),
      stripe::integer(invoice, "total"), paid, currency, status, attempts,
      stripe::time(invoice, "next_payment_attempt"),
      or_null(stripe::text(invoice, "hosted_invoice_url")), created, paid_at);

  auto const remaining = stripe::integer(invoice, "amount_remaining");
  auto const failed = has_failed(invoice) ? remaining : 0;
  auto const now = clock_source::now();
  analytics::add(tx, Metric::revenue, currency, paid_at.value_or(now), paid - stored.counted_paid);
  analytics::add(tx, Metric::failed_amount, currency, now, failed - stored.counted_failed);
  analytics::add(tx, Metric::failed_payments, "", now, (failed > 0) - (stored.counted_failed > 0));
  tx.exec(remember_counted, stored.id, paid, failed);
  if (status == "paid" && paid != stored.counted_paid) follow_payment(tx, *customer, subscription);
  if (status == "paid") notice_late_payments(tx, subscription);
  realtime::announce(tx, "dashboard");
  return true;
}

bool apply_refund(db::Tx& tx, stripe::Object const& refund) {
  // The customer stands on the charge or payment intent, which the caller has expanded.
  auto stripe_customer = stripe::id_of(refund, "charge.customer");
  if (stripe_customer.empty()) stripe_customer = stripe::id_of(refund, "payment_intent.customer");
  auto const customer = tx.maybe<customers::CustomerId>(customer_of_payment, stripe_customer);
  if (!customer) return false;
  auto const status = stripe::text(refund, "status");
  auto const currency = stripe::text(refund, "currency");
  auto const amount = stripe::integer(refund, "amount");
  auto const date = stripe::time(refund, "created").value_or(clock_source::now());
  auto const stored = tx.one<CountedRefund>(upsert_refund, *customer, stripe::text(refund, "id"),
                                            amount, currency, status, date);
  // A refund that failed or was canceled gives the money back to us.
  auto const counts = status == "failed" || status == "canceled" ? 0 : amount;
  analytics::add(tx, analytics::Metric::revenue, currency, date, stored.counted - counts);
  tx.exec(remember_refund, stored.id, counts);
  follow_refund(tx, *customer, refund);
  realtime::announce(tx, "dashboard");
  return true;
}

bool forget_invoice(db::Tx& tx, std::string_view stripe_invoice_id) {
  return tx.exec(delete_draft, stripe_invoice_id) > 0;
}

}  // namespace billing
