// How much of a payment may still go back, by what we know; Stripe has the last word.
#include <algorithm>

#include "billing/refund_orders.hpp"

namespace billing {

namespace {
db::Query const lock_invoice{"billing.lock_invoice_to_refund", R"sql(
  SELECT i.customer_id, i.id AS invoice_id, i.stripe_invoice_id, NULL::text AS stripe_charge_id,
         s.tenant_id, i.currency, i.status = 'paid' AS is_paid,
         coalesce(i.is_paid_out_of_band, false) AS is_paid_out_of_band
    FROM billing_invoices AS i LEFT JOIN subscriptions AS s ON s.id = i.subscription_id
   WHERE i.id = $1 FOR UPDATE OF i
)sql"};
db::Query const lock_charge{"billing.lock_charge_to_refund", R"sql(
  SELECT customer_id, NULL::bigint AS invoice_id, NULL::text AS stripe_invoice_id,
         stripe_charge_id, NULL::bigint AS tenant_id, currency, outcome = 'succeeded' AS is_paid,
         false AS is_paid_out_of_band
    FROM billing_attempts WHERE stripe_charge_id = $1 FOR UPDATE
)sql"};
db::Query const invoice_of_charge{"billing.invoice_of_charge", R"sql(
  SELECT i.id FROM billing_attempts AS a
    JOIN billing_invoices AS i ON i.stripe_invoice_id = a.stripe_invoice_id
   WHERE a.stripe_charge_id = $1
)sql"};

/// Of the payments that are meant, and of the whole invoice where there is one.
struct Sums {
  std::int64_t paid, refunded, disputed, left;
  std::int64_t noted, unnoted, failed_noted, linked, invoice_paid, ordered;
};
// A refund that failed after its credit note is owed, and counts; made once more, it counts once.
db::Query const sums_of{"billing.refundable", R"sql(
  WITH charges AS (
    SELECT a.stripe_charge_id, a.amount, coalesce(r.amount, 0) AS refunded,
           coalesce(d.amount, 0) AS disputed, d.amount IS NOT NULL AS is_disputed
      FROM billing_attempts AS a
      LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM billing_refunds
                          WHERE stripe_charge_id = a.stripe_charge_id
                            AND status NOT IN ('failed', 'canceled')) AS r ON true
      LEFT JOIN LATERAL (SELECT sum(amount) AS amount FROM billing_disputes
                          WHERE stripe_charge_id = a.stripe_charge_id
                            AND status IN ('needs_response', 'under_review', 'lost')) AS d ON true
     WHERE a.outcome = 'succeeded'
       AND CASE WHEN $2::text IS NULL THEN a.stripe_invoice_id = $1
                ELSE a.stripe_charge_id = $2 END),
  refunds AS (
    SELECT coalesce(sum(amount) FILTER (WHERE stripe_credit_note_id IS NULL
                                          AND status NOT IN ('failed', 'canceled')), 0) AS unnoted,
           coalesce(sum(amount) FILTER (WHERE stripe_credit_note_id IS NOT NULL
                                          AND status IN ('failed', 'canceled')), 0) AS failed_noted,
           coalesce(sum(amount) FILTER (WHERE stripe_credit_note_id IS NOT NULL), 0) AS linked
      FROM billing_refunds WHERE stripe_invoice_id = $1),
  notes AS (
    SELECT coalesce(sum(post_payment_amount - out_of_band_amount), 0) AS noted
      FROM billing_credit_notes WHERE stripe_invoice_id = $1 AND voided_at IS NULL)
  SELECT coalesce(sum(c.amount), 0)::bigint AS paid,
         coalesce(sum(c.refunded), 0)::bigint AS refunded,
         coalesce(sum(c.disputed), 0)::bigint AS disputed,
         coalesce(sum(greatest(c.amount - c.refunded, 0)) FILTER (WHERE NOT c.is_disputed),
                  0)::bigint AS "left",
         (SELECT noted FROM notes)::bigint AS noted,
         (SELECT unnoted FROM refunds)::bigint AS unnoted,
         (SELECT failed_noted FROM refunds)::bigint AS failed_noted,
         (SELECT linked FROM refunds)::bigint AS linked,
         coalesce((SELECT sum(amount) FROM billing_attempts
                    WHERE stripe_invoice_id = $1 AND outcome = 'succeeded'), 0)::bigint
           AS invoice_paid,
         coalesce((SELECT sum(amount) FROM billing_refund_orders AS o
                    WHERE (invoice_id = $3 OR stripe_charge_id = $2)
                      AND (outcome IS NULL
                           -- Without an answer it may have gone back, or be tried again.
                           OR refusal = 'no_answer' AND EXISTS (
                              SELECT FROM billing_findings
                               WHERE kind = 'money_owed' AND subject = 'refund_order:' || o.id
                                 AND resolved_at IS NULL))),
                  0)::bigint AS ordered
    FROM charges AS c
)sql"};
}  // namespace

std::optional<RefundTarget> lock_target(db::Tx& tx, std::optional<InvoiceId> invoice,
                                        std::optional<std::string> const& charge) {
  if (invoice) return tx.maybe<RefundTarget>(lock_invoice, *invoice);
  if (!charge) return {};
  // A payment of an invoice is the invoice's, too.
  if (auto const id = tx.maybe<InvoiceId>(invoice_of_charge, *charge)) {
    auto found = tx.maybe<RefundTarget>(lock_invoice, *id);
    if (found) found->stripe_charge_id = charge;
    return found;
  }
  return tx.maybe<RefundTarget>(lock_charge, *charge);
}

Refundable refundable(db::Tx& tx, RefundTarget const& target) {
  auto const sums =
      tx.one<Sums>(sums_of, target.stripe_invoice_id, target.stripe_charge_id, target.invoice_id);
  auto left = sums.left;
  if (target.invoice_id) {
    auto const gone = sums.noted + std::max<std::int64_t>(0, sums.unnoted - sums.failed_noted);
    left = std::min(left, sums.invoice_paid - gone);
  }
  return {.paid = sums.paid,
          .refunded = sums.refunded,
          .disputed = sums.disputed,
          .credited = std::max<std::int64_t>(0, sums.noted - sums.linked),
          .ordered = sums.ordered,
          .left = std::max<std::int64_t>(0, left - sums.ordered)};
}

RefundHindrance hindrance(RefundTarget const& target, Refundable const& money) {
  if (money.left > 0) return RefundHindrance::none;
  if (money.paid == 0)
    return target.is_paid_out_of_band ? RefundHindrance::paid_out_of_band
                                      : RefundHindrance::nothing_paid;
  return money.disputed > 0 ? RefundHindrance::charge_disputed : RefundHindrance::nothing_left;
}

}  // namespace billing
