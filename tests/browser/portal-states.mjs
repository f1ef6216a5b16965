// The customer's page in states that the server under test is not in.

/** @typedef {import("./support.mjs").Page} Page */

const IN = (/** @type {number} */ days) => new Date(Date.now() + days * 86_400_000).toISOString()

/** @param {Record<string, unknown>} changes */
const subscription = changes => ({
  status: "active",
  currency: "eur",
  amount: 4900,
  interval: "month",
  interval_count: 1,
  period_ends_at: IN(12),
  ends_at: null,
  may_cancel: true,
  may_resume: false,
  ...changes,
})
/** @param {number} number @param {Record<string, unknown>} changes */
const tenant = (number, changes) => ({
  id: `ten_${number}`,
  subdomain: `workshop-${number}`,
  url: `http://workshop-${number}.localhost:8080`,
  plan: "Team",
  plan_id: "team",
  plan_quantity: 1,
  may_change_plan: true,
  plan_order: null,
  standing: "runs",
  last_backup_at: IN(-1),
  subscription: subscription({}),
  stay_offer: null,
  next: [{ what: "renewal", at: IN(12), invoice: null, currency: null, amount: null }],
  ...changes,
})
const owed = { invoice: "ACME-0003", currency: "eur", amount: 4900 }
const OVERVIEW = {
  company: "Acme Talleres y Maquinaria del Mediterráneo SL",
  name: "Ada Smith",
  email: "ada.smith@a-rather-long-domain-of-a-workshop.example.com",
  support_email: "support@example.com",
  sends_mail: true,
  as_of: new Date().toISOString(),
  closes_at: IN(1 / 24),
  tenants: [
    tenant(7, { stay_offer: { percent_off: 20, months: 3 } }),
    tenant(11, {
      subscription: subscription({ status: "trialing" }),
      next: [{ what: "trial_end", at: IN(12), invoice: null, currency: null, amount: null }],
    }),
    tenant(6, {
      may_change_plan: false,
      standing: "unpaid",
      subscription: subscription({ status: "past_due", period_ends_at: IN(3) }),
      next: [
        { what: "payment_attempt", at: IN(1), ...owed },
        { what: "third_mail", at: IN(2), ...owed },
        { what: "archive", at: IN(16), ...owed },
        { what: "purge", at: null, ...owed },
      ],
    }),
    tenant(8, {
      plan_quantity: 3,
      plan_order: {
        plan: "starter",
        plan_name: "Starter",
        quantity: 2,
        state: "scheduled",
        takes_effect_at: IN(12),
        pay_url: null,
        amount: 1900,
        currency: "eur",
        asked_at: IN(-1),
      },
    }),
    tenant(9, {
      plan_order: {
        plan: "business",
        plan_name: "Business",
        quantity: 1,
        state: "awaiting_payment",
        takes_effect_at: null,
        pay_url: "https://pay.example.com/i/1",
        amount: 14900,
        currency: "eur",
        asked_at: IN(-1),
      },
    }),
    tenant(5, {
      may_change_plan: false,
      subscription: subscription({
        interval: "year",
        amount: 4900000,
        currency: "jpy",
        ends_at: IN(80),
        period_ends_at: IN(80),
        may_cancel: false,
        may_resume: true,
      }),
      next: [{ what: "subscription_end", at: IN(80), invoice: null, currency: null, amount: null }],
    }),
    tenant(4, { standing: "ended", may_change_plan: false, subscription: null, next: [], last_backup_at: null }),
    tenant(3, { standing: "archived", may_change_plan: false, subscription: null, next: [] }),
  ],
  payment_methods: [
    { type: "card", brand: "visa", last4: "4242", expiry_year: 2034, expiry_month: 12, is_default: true },
    { type: "card", brand: "mastercard", last4: "4444", expiry_year: 2024, expiry_month: 2, is_default: false },
    { type: "sepa_debit", brand: null, last4: null, expiry_year: null, expiry_month: null, is_default: false },
  ],
  tax_ids: [
    { id: "txi_1", type: "eu_vat", value: "ESB12345678", status: "verified" },
    { id: "txi_2", type: "eu_vat", value: "PTB111111111", status: "unverified" },
    { id: "txi_3", type: "eu_vat", value: "DE222222222", status: "pending" },
  ],
  may_change_card: true,
  is_card_awaited: false,
  is_card_given: false,
  customer_id: "cus_1",
}
/** @param {number} number @param {Record<string, unknown>} changes */
const invoice = (number, changes) => ({
  id: `inv_${number}`,
  number: `ACME-000${number}`,
  status: "paid",
  is_overdue: false,
  subdomain: "workshop-7",
  currency: "eur",
  amount: 4900,
  amount_remaining: 0,
  date: IN(-30 * (5 - number)),
  paid_at: IN(-30 * (5 - number)),
  pay_url: null,
  ...changes,
})
const INVOICES = {
  data: [
    invoice(4, { status: "open", amount_remaining: 4900, pay_url: "http://127.0.0.1/pay", paid_at: null }),
    invoice(3, {
      status: "open",
      is_overdue: true,
      amount: 123456789,
      amount_remaining: 4900,
      pay_url: "http://127.0.0.1/pay",
      paid_at: null,
    }),
    invoice(2, { subdomain: null, currency: "jpy", amount: 4900 }),
    invoice(1, { number: null, status: "void" }),
  ],
  has_more: true,
}

/** @param {Page} page */
export async function showPortal(page) {
  await page.route("**/api/portal", route => route.fulfill({ json: OVERVIEW }))
  await page.route("**/api/portal/invoices", route => route.fulfill({ json: INVOICES }))
}

/** What another plan would cost, now or with the next period. @param {Page} page @param {boolean} dearer */
export async function showPrice(page, dearer) {
  await showPortal(page)
  const json = {
    plan: dearer ? "business" : "starter",
    quantity: dearer ? 2 : 1,
    moment: dearer ? "now" : "period_end",
    takes_effect_at: dearer ? null : IN(12),
    quoted_at: dearer ? IN(0) : null,
    currency: "eur",
    amount: dearer ? 14900 : 1900,
    due_now: dearer ? 4123 : 0,
    credit: dearer ? 1960 : 0,
    next_amount: dearer ? 14900 : 1900,
    next_date: IN(12),
    lines: [
      { description: "Remaining time on Business after 1 Dec 2026", amount: 6083, proration: true },
      { description: "Unused time on Team after 1 Dec 2026", amount: -1960, proration: true },
    ],
    warnings: dearer ? [] : ["fewer_users", "less_storage", "storage_below_use"],
  }
  await page.route("**/api/portal/tenants/*/plan-change*", route => route.fulfill({ json }))
}

/** A link that was used already. @param {Page} page */
export async function spendLink(page) {
  const problem = { type: "/problems/portal_link_over", title: "", status: 410, code: "portal_link_over" }
  await page.route("**/api/portal/session", route => route.fulfill({ status: 410, json: problem }))
}
