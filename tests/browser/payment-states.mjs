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

/** @param {Page} page @param {string} path @param {unknown} json */
const show = (page, path, json) =>
  page.route(
    url => url.pathname === path,
    route => route.fulfill({ json }),
  )
