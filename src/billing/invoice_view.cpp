// One invoice with all that belongs to it, from the rows of the mirror.
#include "billing/invoice_view.hpp"

namespace billing {

namespace {
db::Query const find_invoice{"billing.find_invoice", R"sql(
  SELECT id FROM billing_invoices WHERE stripe_invoice_id = $1
)sql"};

// What was there before the mirror had columns for it has none of them until the comparison has
// met it; demo invoices never have them.
db::Query const view_invoice{"billing.view_invoice", R"sql(
  SELECT i.id, i.number, i.status,
         i.status = 'open' AND coalesce(i.due_date < $2, false) AS is_overdue,
         c.id AS customer_id, c.company, c.name AS customer_name, c.email AS customer_email,
         c.country, c.locale, t.id AS tenant_id, t.subdomain,
         coalesce(i.stripe_subscription_id, s.stripe_subscription_id) AS stripe_subscription_id,
         i.stripe_invoice_id, i.hosted_invoice_url AS stripe_url, i.collection_method,
         i.billing_reason, i.currency, i.subtotal, i.tax, i.amount_due,
         (SELECT coalesce(sum(discount), 0)::bigint FROM billing_invoice_lines
           WHERE invoice_id = i.id) AS discount,
         i.amount, i.amount_paid,
         coalesce(i.amount_remaining, greatest(i.amount - i.amount_paid, 0)) AS amount_remaining,
         i.date, i.due_date, i.finalized_at, i.paid_at AS payment_date, i.voided_at,
         i.uncollectible_at, coalesce(i.is_paid_out_of_band, false) AS is_paid_out_of_band,
         i.attempt_count, i.next_payment_attempt
    FROM billing_invoices i JOIN customers c ON c.id = i.customer_id
    LEFT JOIN subscriptions s ON s.id = i.subscription_id LEFT JOIN tenants t ON t.id = s.tenant_id
   WHERE i.id = $1
)sql"};

db::Query const lines_of{"billing.view_lines", R"sql(
  SELECT stripe_line_id AS id, description, amount, discount, tax_inclusive + tax_exclusive AS tax,
         quantity, period_start, period_end, is_proration
    FROM billing_invoice_lines WHERE invoice_id = $1 ORDER BY position, stripe_line_id
)sql"};

// total_tax_amounts until 2025-03-31.basil.
db::Query const taxes_of{"billing.view_taxes", R"sql(
  SELECT (tax ->> 'amount')::bigint AS amount, (tax ->> 'taxable_amount')::bigint AS taxable_amount,
         coalesce(tax ->> 'tax_behavior' = 'inclusive', (tax ->> 'inclusive')::boolean, false)
           AS is_inclusive,
         coalesce(tax #>> '{tax_rate_details,tax_rate}', tax ->> 'tax_rate') AS tax_rate,
         tax ->> 'taxability_reason' AS reason
    FROM stripe_objects AS o,
         jsonb_array_elements(jsonb_path_query_array(o.state, '$.total_taxes[*]')
                              || jsonb_path_query_array(o.state, '$.total_tax_amounts[*]'))
           WITH ORDINALITY AS taxes (tax, place)
   WHERE o.id = $1 ORDER BY place
)sql"};

db::Query const attempts_of{"billing.view_attempts",
                            R"sql(
  SELECT a.stripe_charge_id AS id, a.at, a.outcome, a.amount, a.currency,
         coalesce(a.decline_code, a.failure_code) AS code, a.stripe_pm_id, m.type AS method_type,
         m.brand, m.last4, CASE WHEN a.outcome = 'failed'
           AND coalesce(i.status NOT IN ('paid', 'void'), true) THEN )sql" +
                                advice_sql("coalesce(a.decline_code, a.failure_code)",
                                           "coalesce(i.status = 'open' AND "
                                           "i.next_payment_attempt IS NOT NULL, "
                                           "false)") +
                                R"sql( END AS advice
    FROM billing_attempts a LEFT JOIN payment_methods m ON m.stripe_pm_id = a.stripe_pm_id
    LEFT JOIN billing_invoices i ON i.stripe_invoice_id = a.stripe_invoice_id
   WHERE a.stripe_invoice_id = $1 ORDER BY a.at, a.stripe_charge_id
)sql"};

db::Query const notes_of{"billing.view_credit_notes", R"sql(
  SELECT stripe_credit_note_id AS id, number, reason, status, amount, tax, pre_payment_amount,
         post_payment_amount, currency, created_at, voided_at
    FROM billing_credit_notes WHERE stripe_invoice_id = $1
   ORDER BY created_at, stripe_credit_note_id
)sql"};

db::Query const refunds_of{"billing.view_refunds", R"sql(
  SELECT stripe_refund_id AS id, amount, currency, status, reason, failure_reason,
         stripe_charge_id, stripe_credit_note_id, date, failed_at
    FROM billing_refunds WHERE stripe_invoice_id = $1 ORDER BY date, id
)sql"};

db::Query const disputes_of{"billing.view_disputes", R"sql(
  SELECT stripe_dispute_id AS id, reason, status, amount, currency, created_at, evidence_due_by,
         closed_at, funds_withdrawn, funds_reinstated
    FROM billing_disputes WHERE stripe_invoice_id = $1 ORDER BY created_at, stripe_dispute_id
)sql"};

// Of one second, what comes first in the life of an invoice stands first.
db::Query const timeline_of{"billing.view_timeline", R"sql(
  WITH i AS (SELECT * FROM billing_invoices WHERE id = $1)
  SELECT at, kind, amount, currency, code, object FROM (
    SELECT date AS at, 0 AS place, 'created' AS kind, NULL::bigint AS amount,
           NULL::text AS currency, billing_reason AS code, NULL::text AS object FROM i
    UNION ALL
    SELECT finalized_at, 1, 'finalised', amount, currency, NULL, NULL FROM i
     WHERE finalized_at IS NOT NULL
    UNION ALL
    SELECT a.at, 2, 'attempt_' || a.outcome, a.amount, a.currency,
           coalesce(a.decline_code, a.failure_code), a.stripe_charge_id
      FROM i JOIN billing_attempts a USING (stripe_invoice_id)
    UNION ALL
    SELECT paid_at, 3, CASE WHEN is_paid_out_of_band THEN 'paid_out_of_band' ELSE 'paid' END,
           amount_paid, currency, NULL, NULL
      FROM i WHERE paid_at IS NOT NULL
    UNION ALL
    SELECT voided_at, 3, 'voided', amount, currency, NULL, NULL FROM i WHERE voided_at IS NOT NULL
    UNION ALL
    SELECT uncollectible_at, 3, 'uncollectible', amount_remaining, currency, NULL, NULL
      FROM i WHERE uncollectible_at IS NOT NULL
    UNION ALL
    SELECT coalesce(m.sent_at, m.created_at), 4, 'mail_' || m.state, NULL, NULL, m.template,
           'mail_' || m.id
      FROM billing_invoice_mails JOIN mails m ON m.id = mail_id WHERE invoice_id = $1
    UNION ALL
    SELECT n.created_at, 5, 'credit_note', n.amount, n.currency, n.reason, n.stripe_credit_note_id
      FROM i JOIN billing_credit_notes n USING (stripe_invoice_id)
    UNION ALL
    SELECT n.voided_at, 6, 'credit_note_voided', n.amount, n.currency, NULL,
           n.stripe_credit_note_id
      FROM i JOIN billing_credit_notes n USING (stripe_invoice_id) WHERE n.voided_at IS NOT NULL
    UNION ALL
    SELECT r.date, 5, 'refund', r.amount, r.currency, r.reason, r.stripe_refund_id
      FROM i JOIN billing_refunds r USING (stripe_invoice_id)
    UNION ALL
    SELECT r.failed_at, 6, 'refund_failed', r.amount, r.currency, r.failure_reason,
           r.stripe_refund_id
      FROM i JOIN billing_refunds r USING (stripe_invoice_id) WHERE r.failed_at IS NOT NULL
    UNION ALL
    SELECT d.created_at, 5, 'dispute', d.amount, d.currency, d.reason, d.stripe_dispute_id
      FROM i JOIN billing_disputes d USING (stripe_invoice_id)
    UNION ALL
    SELECT d.closed_at, 6, 'dispute_closed', d.amount, d.currency, d.status, d.stripe_dispute_id
      FROM i JOIN billing_disputes d USING (stripe_invoice_id) WHERE d.closed_at IS NOT NULL
  ) AS moments ORDER BY at, place, object NULLS FIRST
)sql"};

InvoiceId found(db::Tx& tx, std::string_view id) {
  if (auto const ours = InvoiceId::parse(id)) return *ours;
  if (auto const known = tx.maybe<InvoiceId>(find_invoice, id)) return *known;
  throw Problem{invoice_not_found};
}
}  // namespace

Invoice invoice_in_full(db::Tx& tx, std::string_view id) {
  auto const key = found(tx, id);
  auto facts = tx.maybe<InvoiceFacts>(view_invoice, key, clock_source::now());
  if (!facts) throw Problem{invoice_not_found};
  Invoice out;
  static_cast<InvoiceFacts&>(out) = std::move(*facts);
  out.lines = tx.all<InvoiceLine>(lines_of, key);
  out.timeline = tx.all<InvoiceMoment>(timeline_of, key);
  if (!out.stripe_invoice_id) return out;
  auto const& at_stripe = *out.stripe_invoice_id;
  out.taxes = tx.all<InvoiceTax>(taxes_of, at_stripe);
  out.attempts = tx.all<InvoiceAttempt>(attempts_of, at_stripe);
  out.credit_notes = tx.all<InvoiceCreditNote>(notes_of, at_stripe);
  out.refunds = tx.all<InvoiceRefund>(refunds_of, at_stripe);
  out.disputes = tx.all<InvoiceDispute>(disputes_of, at_stripe);
  return out;
}

}  // namespace billing
