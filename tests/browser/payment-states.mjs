// What the lists of failed payments and of refunds show, whatever has happened to them.

/** @typedef {import("./support.mjs").Page} Page */

const TENANT = {
  tenant_id: "ten_7",
  subdomain: "panaderia-and-sons-of-the-long-name",
}
const COMPANY = { customer_id: "cus_7", company: "Panadería & Sons, S. L." }
const INVOICE = {
  number: "ONB-0001-0042",
  stripe_invoice_id: "in_1RzQ8xK2eZvKYlo2C0ffee42",
}

/** @type {[string, string | null, string][]} advice, code, currency */
const FAILURES = [
  ["other_method", "stolen_card", "eur"],
  ["wait", "processing_error", "jpy"],
  ["try_again", "issuer_not_available", "kwd"],
  ["wait", "insufficient_funds", "eur"],
  ["correct", "incorrect_zip", "usd"],
  ["confirm", "mobile_device_authentication_required", "eur"],
  ["ask_bank", "generic_decline", "eur"],
  ["risk", "a_code_of_tomorrow", "eur"],
  ["try_again", null, "eur"],
]

/** @param {Page} page */
export async function showFailures(page) {
  const data = FAILURES.map(([advice, code, currency], index) => ({
    id: `inv_${index}`,
    ...INVOICE,
    stripe_url: index % 2 === 0 ? "/sandbox" : null,
    ...COMPANY,
    ...(index === 4 ? { tenant_id: null, subdomain: null } : TENANT),
    status: index === 7 ? "uncollectible" : "open",
    amount: 123_456_700,
    currency,
    attempts: index + 1,
    decline_code: code,
    advice,
    last_attempt_at: "2026-11-02T02:03:04Z",
    next_attempt_at: advice === "wait" ? "2026-12-01T02:03:04Z" : null,
    is_being_checked: index === 3,
  }))
  await show(page, "/api/billing/payment-failures", {
    data,
    next_cursor: null,
    has_more: false,
  })
}

/** @param {Page} page */
export async function showPromotions(page) {
  const promotion = (/** @type {number} */ number, /** @type {Record<string, unknown>} */ changes) => ({
    id: `promo_${number}`,
    code: `CODE${number}`,
    active: true,
    percent_off: 20,
    amount_off: null,
    currency: null,
    duration: "once",
    months: null,
    max_redemptions: null,
    expires_at: null,
    times_redeemed: 0,
    created_at: "2026-11-02T02:03:04Z",
    ...changes,
  })
  await page.route("**/api/billing/promotions", route =>
    route.fulfill({
      json: {
        data: [
          promotion(1, { duration: "repeating", months: 3, max_redemptions: 12_000, times_redeemed: 11_999 }),
          promotion(2, { percent_off: 12.5, duration: "repeating", months: 1 }),
          promotion(3, { percent_off: null, amount_off: 5000, currency: "jpy", duration: "forever", active: false }),
          promotion(4, { code: "AVERYLONGCODETHATSOMEBODYHASTHOUGHTOFONCE", expires_at: "2027-01-31T22:59:59Z" }),
        ],
      },
    }),
  )
}

/** @param {Page} page */
export async function showRefunds(page) {
  const states = ["succeeded", "pending", "requires_action", "failed", "canceled"]
  const data = states.map((status, index) => ({
    id: `ref_${index}`,
    stripe_refund_id: "re_3RzQ8xK2eZvKYlo2C0ffee42",
    ...COMPANY,
    invoice_id: index === 1 ? null : "inv_1",
    invoice_number: index === 1 ? null : INVOICE.number,
    stripe_invoice_id: index === 1 ? null : INVOICE.stripe_invoice_id,
    stripe_charge_id: "ch_3RzQ8xK2eZvKYlo2C0ffee42",
    amount: 123_456_700,
    currency: ["eur", "jpy", "kwd"][index % 3],
    reason: [null, "requested_by_customer", "duplicate", "fraudulent"][index % 4],
    status,
    failure_reason: status === "failed" ? "charge_for_pending_refund_disputed" : null,
    stripe_credit_note_id: index === 0 ? "cn_1RzQ8xK2eZvKYlo2C0ffee42" : null,
    refunded_by: index % 2 === 0 ? "someone.with.a.long.name@example.com" : null,
    note: index === 0 ? "Paid twice by mistake, as they wrote on the phone" : null,
    date: "2026-11-02T02:03:04Z",
  }))
  await show(page, "/api/billing/refunds", {
    data,
    next_cursor: null,
    has_more: false,
  })
  await show(page, "/api/billing/refunds/preview", {
    currency: "eur",
    paid: 123_456_700,
    refunded: 1000,
    disputed: 0,
    credited: 0,
    ordered: 0,
    left: 123_455_700,
    amount: 123_455_700,
    hindrance: "none",
    makes_credit_note: true,
    revenue: ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"].map(month => ({
      month,
      amount: 51_014_752,
    })),
  })
}

/** @param {Page} page */
export async function showMethods(page) {
  /** @type {[string, string | null, string, string][]} type, brand, expiry, use */
  const all = [
    ["card", "visa", "valid", "charged"],
    ["card", "mastercard", "soon", "spare"],
    ["card", "amex", "expired", "charged"],
    ["sepa_debit", null, "valid", "charged"],
    ["a_type_of_tomorrow", null, "valid", "spare"],
    ["card", "visa", "valid", "checking"],
  ]
  const data = all.map(([type, brand, expiry, use], index) => ({
    id: `method_${index}`,
    stripe_pm_id: "pm_1RzQ8xK2eZvKYlo2C0ffee42",
    ...COMPANY,
    email: "somebody.with.a.long.name@panaderia-and-sons.example",
    type,
    brand,
    last4: type === "a_type_of_tomorrow" ? null : "4242",
    expiry_month: type === "card" ? 12 : null,
    expiry_year: type === "card" ? 2026 : null,
    expiry,
    is_default: use === "charged",
    charged_subscriptions: use === "charged" ? index + 1 : 0,
    is_being_changed: use === "checking",
    is_at_stripe: index !== 4,
  }))
  await show(page, "/api/billing/payment-methods", { data, next_cursor: null, has_more: false })
}

const DISPUTE = {
  id: "dis_7",
  stripe_dispute_id: "du_1RzQ8xK2eZvKYlo2C0ffee42",
  ...COMPANY,
  invoice_id: "inv_1",
  invoice_number: INVOICE.number,
  stripe_invoice_id: INVOICE.stripe_invoice_id,
  stripe_charge_id: "ch_3RzQ8xK2eZvKYlo2C0ffee42",
  amount: 123_456_700,
  is_being_checked: false,
  created_at: "2026-11-02T02:03:04Z",
}
const soon = (/** @type {number} */ hours) => new Date(Date.now() + hours * 3_600_000).toISOString()

/** @param {Page} page */
export async function showDisputes(page) {
  /** @type {[string, string, number][]} status, reason, hours that are left */
  const all = [
    ["needs_response", "fraudulent", 100],
    ["needs_response", "unrecognized", 1.5],
    ["needs_response", "general", -5],
    ["under_review", "product_not_received", 50],
    ["won", "subscription_canceled", -500],
    ["lost", "duplicate", -500],
    ["warning_needs_response", "credit_not_processed", 30],
    ["warning_under_review", "noncompliant", 30],
    ["warning_closed", "product_unacceptable", -500],
    ["prevented", "a_reason_of_tomorrow", -500],
  ]
  const data = all.map(([status, reason, hours], index) => ({
    ...DISPUTE,
    id: `dis_${index}`,
    invoice_id: index === 3 ? null : "inv_1",
    currency: ["eur", "jpy", "kwd"][index % 3],
    reason,
    status,
    evidence_due_by: soon(hours),
    is_overdue: hours < 0 && status === "needs_response",
    is_being_checked: index === 1,
    closed_at: hours === -500 ? "2026-11-22T02:03:04Z" : null,
  }))
  await show(page, "/api/billing/disputes", { data, next_cursor: null, has_more: false })
}

/** @param {Page} page */
export async function showDispute(page) {
  await show(page, "/api/billing/disputes/dis_7", {
    ...DISPUTE,
    status: "needs_response",
    reason: "fraudulent",
    network_reason_code: "10.4",
    currency: "eur",
    fee: 1500,
    fee_currency: "eur",
    funds_withdrawn: 123_456_700,
    funds_reinstated: 0,
    customer_name: "Ada Lovelace",
    customer_email: "somebody.with.a.long.name@panaderia-and-sons.example",
    paid_at: "2026-11-01T02:03:04Z",
    method_type: "card",
    brand: "visa",
    last4: "4242",
    evidence_due_by: soon(100),
    closed_at: null,
    hindrance: "none",
    has_evidence: true,
    submission_count: 0,
    version: 42,
    tenants: [{ id: TENANT.tenant_id, subdomain: TENANT.subdomain, state: "live" }],
    evidence: {
      product_description: null,
      customer_name: "Ada Lovelace, Panadería & Sons, S. L.",
      customer_email_address: null,
      customer_purchase_ip: null,
      billing_address: null,
      service_date: null,
      access_activity_log:
        "2026-11-01 02:03 UTC  The customer signed up\n2026-11-01 02:13 UTC  The application went live",
      refund_policy_disclosure: null,
      refund_refusal_explanation: null,
      cancellation_policy_disclosure: null,
      cancellation_rebuttal: null,
      duplicate_charge_id: null,
      duplicate_charge_explanation: null,
      uncategorized_text: "They wrote to us on 3 November, and thanked us.",
    },
    files: ["receipt"],
    helps: ["access_activity_log", "customer_purchase_ip", "customer_name", "receipt", "customer_communication"],
  })
  await show(page, "/api/billing/disputes/dis_7/suggestion", {
    customer_purchase_ip: "2001:db8:85a3:8d3:1319:8a2e:370:7348",
  })
}

/** @param {Page} page */
export async function showCreditNotes(page) {
  /** @type {[number, number, string | null][]} less to pay, given back, why */
  const all = [
    [123_456_700, 0, "order_change"],
    [0, 4900, "duplicate"],
    [100, 200, null],
  ]
  const data = all.map(([owed, back, reason], index) => ({
    id: `note_${index}`,
    stripe_credit_note_id: "cn_1RzQ8xK2eZvKYlo2C0ffee42",
    number: index === 2 ? null : `${INVOICE.number}-CN-01`,
    ...COMPANY,
    invoice_id: index === 2 ? null : "inv_1",
    invoice_number: index === 2 ? null : INVOICE.number,
    stripe_invoice_id: INVOICE.stripe_invoice_id,
    status: index === 1 ? "void" : "issued",
    reason,
    amount: owed + back,
    tax: 0,
    pre_payment_amount: owed,
    post_payment_amount: back,
    currency: ["eur", "jpy", "kwd"][index % 3],
    written_by: index === 0 ? "someone.with.a.long.name@example.com" : null,
    note: index === 0 ? "We were late, as we said on the phone" : null,
    created_at: "2026-11-02T02:03:04Z",
    voided_at: index === 1 ? "2026-11-12T02:03:04Z" : null,
  }))
  await show(page, "/api/billing/credit-notes", { data, next_cursor: null, has_more: false })
}

/** @param {Page} page @param {string} path @param {unknown} json */
const show = (page, path, json) =>
  page.route(
    url => url.pathname === path,
    route => route.fulfill({ json }),
  )
