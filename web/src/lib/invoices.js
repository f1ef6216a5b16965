// One invoice as the API tells it, and where its page is.

/**
 * @typedef {{ id: string, description: string | null, amount: number, discount: number, tax: number, quantity: number | null,
 *   period_start: string | null, period_end: string | null, is_proration: boolean }} Line
 * @typedef {{ amount: number, taxable_amount: number | null, is_inclusive: boolean, tax_rate: string | null }} Tax
 * @typedef {{ id: string, at: string, outcome: string, amount: number, currency: string, code: string | null,
 *   method_type: string | null, brand: string | null, last4: string | null, advice: string | null }} Attempt
 * @typedef {{ id: string, number: string | null, reason: string | null, status: string, amount: number, currency: string,
 *   created_at: string, voided_at: string | null }} CreditNote
 * @typedef {{ id: string, amount: number, currency: string, status: string, reason: string | null,
 *   failure_reason: string | null, date: string }} Refund
 * @typedef {{ id: string, reason: string, status: string, amount: number, currency: string, created_at: string,
 *   evidence_due_by: string | null }} Dispute
 * @typedef {{ at: string, kind: string, amount: number | null, currency: string | null, code: string | null,
 *   object: string | null }} Moment
 * @typedef {{ id: string, number: string | null, status: string, is_overdue: boolean, customer_id: string, company: string,
 *   customer_name: string, customer_email: string, tenant_id: string | null, subdomain: string | null,
 *   stripe_subscription_id: string | null, stripe_invoice_id: string | null, stripe_url: string | null,
 *   collection_method: string | null, billing_reason: string | null, currency: string, subtotal: number | null,
 *   discount: number, tax: number | null, amount: number, amount_due: number | null, amount_paid: number,
 *   amount_remaining: number, date: string, due_date: string | null, finalized_at: string | null,
 *   payment_date: string | null, is_paid_out_of_band: boolean, attempt_count: number, next_payment_attempt: string | null,
 *   lines: Line[], taxes: Tax[], attempts: Attempt[], credit_notes: CreditNote[], refunds: Refund[], disputes: Dispute[],
 *   timeline: Moment[] }} Invoice
 */

/** A draft asks for nothing yet; of what was voided or given up, nothing is asked any more. @param {{ status: string }} invoice */
export const asksForMoney = ({ status }) => status === "open" || status === "paid"

/** The page of an invoice. @param {string} id ours or Stripe's */
export const invoicePage = id => `/admin/billing/invoices/${encodeURIComponent(id)}`
