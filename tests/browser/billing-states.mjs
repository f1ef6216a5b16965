// What the lists about money show when something is wrong with it.

import { said } from "./said.mjs"

/** @typedef {import("./support.mjs").Page} Page */

const TENANT = {
  tenant_id: "ten_7",
  subdomain: "panaderia-and-sons-of-the-long-name",
  company: "Panadería & Sons, S. L.",
}
const NOBODY = { tenant_id: null, subdomain: null, company: null }
const SEEN = { first_seen: "2026-11-01T02:03:04Z", last_seen: "2026-11-28T02:03:04Z" }
const SUBSCRIPTION = { stripe_subscription_id: "sub_1RzQ8xK2eZvKYlo2C0ffee42", stripe_url: "/sandbox" }
const NO_SUBSCRIPTION = { stripe_subscription_id: null, stripe_url: null }

/** @param {string} state */
const tenantIs = state => said("tenant_is", { state })

/** @param {Page} page */
export async function showDiscrepancies(page) {
  const data = [
    {
      ...TENANT,
      ...SUBSCRIPTION,
      kind: "subscription_for_nothing",
      tenant_state: "archived",
      message: tenantIs("archived"),
    },
    {
      ...NOBODY,
      ...SUBSCRIPTION,
      kind: "subscription_for_nothing",
      tenant_state: null,
      message: said("customer_of_nobody"),
    },
    {
      ...NOBODY,
      ...SUBSCRIPTION,
      kind: "subscription_for_nothing",
      company: "Acme",
      tenant_state: null,
      message: said("names_no_tenant"),
    },
    {
      ...TENANT,
      ...NO_SUBSCRIPTION,
      kind: "tenant_without_subscription",
      tenant_state: "live",
      message: tenantIs("live"),
    },
    {
      ...TENANT,
      ...NO_SUBSCRIPTION,
      kind: "tenant_pays_twice",
      tenant_state: "live",
      message: said("paid_by", { subscriptions: "sub_1, sub_2" }),
    },
    {
      ...TENANT,
      ...NO_SUBSCRIPTION,
      kind: "money_owed",
      tenant_state: "live",
      message: said("refund_failed", {
        amount: 4897,
        currency: "eur",
        refund: "re_3NirD82eZvKYlo2CIvbtLWuY",
        refusal: "declined",
      }),
    },
  ].map((finding, index) => ({ id: `bfn_${index}`, can_retry: finding.kind === "money_owed", ...finding, ...SEEN }))
  await show(page, "/api/billing/findings", data)
}

/** @param {Page} page */
export async function showLatePayments(page) {
  const data = ["runs", "refunding", "refunded", "needs_person"].map((outcome, index) => ({
    id: `late_${index}`,
    ...TENANT,
    outcome,
    stripe_invoice_id: "in_1RzQ8xK2eZvKYlo2C0ffee42",
    stripe_url: "/sandbox",
    amount: 4900,
    currency: "eur",
    runs_until: outcome === "runs" ? "2026-12-01T02:03:04Z" : null,
    paid_at: "2026-11-02T02:03:04Z",
    ended_at: "2026-11-01T02:03:04Z",
  }))
  await show(page, "/api/billing/late-payments", data)
}

const LONG = "A description that somebody wrote at Stripe, longer than any cell of a table has room for"
const INVOICE = {
  customer_id: "cus_7",
  ...TENANT,
  stripe_subscription_id: SUBSCRIPTION.stripe_subscription_id,
  is_overdue: false,
  amount: 123_456_789,
  amount_paid: 0,
  amount_remaining: 123_456_789,
  currency: "eur",
  date: "2026-11-01T02:03:04Z",
  due_date: null,
  payment_date: null,
  attempt_count: 0,
  next_payment_attempt: null,
  stripe_invoice_id: "in_1RzQ8xK2eZvKYlo2C0ffee42",
}

/** Of every status, in currencies of two decimals, of none and of three. @param {Page} page */
export async function showInvoices(page) {
  await showTrends(page)
  const data = [
    { status: "draft", number: null },
    { status: "open", currency: "kwd", attempt_count: 3, next_payment_attempt: SEEN.last_seen },
    { status: "open", is_overdue: true, currency: "jpy", due_date: SEEN.first_seen },
    { status: "paid", amount_paid: 4900, amount_remaining: 0, payment_date: SEEN.last_seen },
    { status: "void", company: "شركة النور للتجارة", tenant_id: null, subdomain: null },
    { status: "uncollectible" },
  ].map((invoice, index) => ({ id: `inv_${index}`, ...INVOICE, number: `B1C2D3E4-000${index}`, ...invoice }))
  await show(page, "/api/billing/invoices", data)
  const sums = ["eur", "jpy", "kwd"].map(currency => ({ currency, amount: 123_456_789 }))
  await page.route(
    url => url.pathname === "/api/billing/summary",
    route =>
      route.fulfill({
        json: {
          as_of: SEEN.last_seen,
          month_began_at: SEEN.first_seen,
          timezone: "Europe/Madrid",
          collected: sums,
          outstanding: sums.slice(1),
          at_risk: [],
        },
      }),
  )
}

const EUR = { amount: 12_345, currency: "eur" }
/** @type {(kind: string, more?: Record<string, unknown>) => Record<string, unknown>} */
const moment = (kind, more = {}) => ({
  at: SEEN.first_seen,
  kind,
  amount: null,
  currency: null,
  code: null,
  object: null,
  ...more,
})
const CODES = ["insufficient_funds", "do_not_honor", "authentication_required", "fraudulent", "a_code_of_tomorrow"]
const ADVICE = ["wait", "ask_bank", "confirm", "risk", "ask_bank"]

/** With lines, taxes, declined attempts, a credit note, refunds and a dispute. @param {Page} page */
export async function showInvoice(page) {
  const line = {
    id: "il_1",
    description: LONG,
    amount: 12_345,
    discount: 500,
    tax: 2100,
    quantity: 2,
    period_start: SEEN.first_seen,
    period_end: SEEN.last_seen,
    is_proration: true,
  }
  const made = { created_at: SEEN.first_seen, date: SEEN.first_seen, reason: "duplicate", ...EUR }
  const json = {
    ...INVOICE,
    id: "inv_7",
    number: "B1C2D3E4-0007",
    status: "open",
    is_overdue: true,
    customer_name: "Ada Lovelace",
    customer_email: "ada.lovelace.with.a.long.name@panaderia-and-sons.example",
    country: "ES",
    locale: "es",
    stripe_url: "/sandbox",
    collection_method: "charge_automatically",
    billing_reason: "subscription_cycle",
    subtotal: 24_690,
    discount: 500,
    tax: 2100,
    amount_due: 26_000,
    finalized_at: SEEN.first_seen,
    voided_at: null,
    uncollectible_at: null,
    is_paid_out_of_band: false,
    next_payment_attempt: SEEN.last_seen,
    lines: [line, { ...line, id: "il_2", description: "خدمة شهرية", is_proration: false, discount: 0 }],
    taxes: [
      { amount: 2100, taxable_amount: 10_000, is_inclusive: false, tax_rate: "txr_1", reason: null },
      { amount: 210, taxable_amount: null, is_inclusive: true, tax_rate: null, reason: null },
    ],
    attempts: CODES.map((code, index) => ({
      id: `ch_${index}`,
      at: SEEN.first_seen,
      outcome: "failed",
      code,
      advice: ADVICE[index],
      method_type: "card",
      brand: "visa",
      last4: "4242",
      ...EUR,
    })),
    credit_notes: [
      { ...made, id: "cn_1", number: "CN-1", status: "void", voided_at: SEEN.last_seen },
      { ...made, id: "cn_2", number: "B1C2D3E4-0007-CN-02", status: "issued", voided_at: null },
    ],
    refunds: [{ ...made, id: "re_3NirD82eZvKYlo2CIvbtLWuY", status: "failed", failure_reason: "declined" }],
    disputes: [
      {
        ...made,
        id: "du_1",
        status: "needs_response",
        reason: "product_not_received",
        evidence_due_by: SEEN.last_seen,
      },
    ],
    timeline: [
      moment("created", { code: "subscription_cycle" }),
      moment("finalised", EUR),
      moment("attempt_failed", { ...EUR, code: "insufficient_funds", object: "ch_0" }),
      moment("mail_kept", { code: "payment_needed", object: "mail_1" }),
      moment("credit_note", { ...EUR, code: "duplicate" }),
      moment("refund_failed", { ...EUR, code: "declined" }),
      moment("dispute", { ...EUR, code: "product_not_received" }),
    ],
  }
  await page.route(
    url => url.pathname === "/api/billing/invoices/inv_7",
    route => route.fulfill({ json }),
  )
  await page.route(
    url => url.pathname === "/api/billing/refunds/preview",
    route => route.fulfill({ json: { ...EUR, hindrance: "none", left: EUR.amount, paid: EUR.amount, revenue: [] } }),
  )
}

const EVENT_ERROR = "Stripe answers 500 to GET /v1/invoices/in_1RzQ8xK2eZvKYlo2C0ffee42: connection reset by peer"

/** An event in every state; the one that failed is applied once it is worked off again. @param {Page} page */
export async function showEvents(page) {
  const data = ["dead", "received", "applied", "ignored", "foreign", "unlinked"].map((state, index) => ({
    id: `evt_1RzQ8xK2eZvKYlo2C0ffee4${index}`,
    type: index === 2 ? "customer.subscription.pending_update_expired" : "invoice.payment_succeeded",
    object_id: index === 1 ? "" : "in_1RzQ8xK2eZvKYlo2C0ffee42",
    state,
    customer_id: index < 3 ? "cus_7" : null,
    company: index < 3 ? TENANT.company : null,
    error: state === "dead" ? EVENT_ERROR : null,
    source: index % 2 === 0 ? "webhook" : "sweep",
    api_version: "2026-06-30.basil",
    created: "2026-11-01T02:03:04Z",
    received_at: "2026-11-01T02:03:09Z",
    processed_at: state === "received" ? null : "2026-11-01T02:03:10Z",
  }))
  await show(page, "/api/billing/events", data)
  await page.route(
    url => url.pathname.endsWith("/replay"),
    route => {
      Object.assign(data[0], { state: "applied", error: null })
      return route.fulfill({ status: 204 })
    },
  )
}

const OBJECT = { customer_id: "cus_7", company: TENANT.company, found_at: SEEN.first_seen, last_seen: SEEN.last_seen }
const OPEN = { resolved_at: null, resolution: null }
const MEMBERS = {
  total: [1, 4900],
  description: [LONG, null],
  due_date: [1_764_504_000, 1_767_096_000],
  "lines.il_1RzQ8xK2eZvKYlo2C0ffee42.discount_amounts": [
    [],
    [{ amount: 490, discount: "di_1RzQ8xK2eZvKYlo2C0ffee42" }],
  ],
  "metadata.tenant_id": ["", "ten_7"],
}

/** Differences of each nature, open and over, and what the comparison has met. @param {Page} page */
export async function showDifferences(page) {
  const data = [
    { kind: "invoice", stripe_id: "in_1RzQ8xK2eZvKYlo2C0ffee42", nature: "different", members: MEMBERS, ...OPEN },
    {
      kind: "customer",
      stripe_id: "cus_RzQ8xK2eZvKYlo",
      nature: "different",
      members: { name: ["Ada", "Ada Lovelace"] },
      ...OPEN,
    },
    {
      kind: "charge",
      stripe_id: "ch_3RzQ8xK2eZvKYlo2C0ffee42",
      nature: "missing_here",
      members: { id: [null, "ch_3RzQ8xK2eZvKYlo2C0ffee42"] },
      ...OPEN,
    },
    ...["applied", "replayed", "gone"].map(resolution => ({
      kind: "coupon",
      stripe_id: `SPRING-${resolution}`,
      nature: "missing_there",
      members: { id: [`SPRING-${resolution}`, null] },
      resolved_at: "2026-11-29T02:03:04Z",
      resolution,
    })),
  ].map((difference, index) => ({ id: `dif_${index}`, ...OBJECT, ...difference }))
  await show(page, "/api/billing/differences", data)
  const kinds =
    "price coupon customer payment_method subscription invoiceitem invoice charge refund credit_note dispute"
  await page.route(
    url => url.pathname === "/api/billing/comparison",
    route =>
      route.fulfill({
        json: {
          kinds: kinds.split(" ").map((kind, index) => ({
            kind,
            compared: 12_345 * index,
            differing: kind === "invoice" ? 3 : 0,
            not_ours: index % 3 === 0 ? 1234 : 0,
            is_under_way: kind === "dispute",
            ended_at: "2026-11-28T02:03:04Z",
          })),
        },
      }),
  )
  await page.route(
    url => url.pathname.endsWith("/apply"),
    route => {
      const { stripe_id, kind } = data[0]
      const after = { "metadata.tenant_id": MEMBERS["metadata.tenant_id"] }
      return route.fulfill({ json: { stripe_id, kind, before: MEMBERS, after, is_resolved: false } })
    },
  )
}

/** @type {(name: string, more: Record<string, unknown>) => Record<string, unknown>} */
const check = (name, more) => ({
  name,
  severity: "high",
  state: "red",
  offenders: null,
  since: null,
  checked_at: "2026-11-28T02:03:04Z",
  duration_ms: 12,
  error: null,
  rows: [],
  ...more,
})

/** @param {Page} page */
export async function showChecks(page) {
  const since = "2026-11-01T02:03:04Z"
  const money = { expected_amount: 123_456, found_amount: -4900, currency: "eur" }
  const data = [
    check("movement_chain", {
      offenders: 2,
      since,
      rows: ["cus_7 eur recurring 2026-11-02", "cus_8 eur forever 2026-11-03"].map(subject => ({
        subject,
        link_kind: "customer",
        link_id: "cus_7",
        details: money,
      })),
    }),
    check("tenant_without_right", {
      offenders: 1,
      since,
      rows: [
        {
          subject: "panaderia-and-sons-of-the-long-name",
          link_kind: "tenant",
          link_id: "ten_7",
          details: { state: "live", holds: "admin, billing", since_at: since },
        },
      ],
    }),
    check("job_dead", {
      offenders: 1001,
      since,
      rows: [
        {
          subject: "billing.apply_stripe_event 4711",
          link_kind: "jobs",
          link_id: "dead",
          details: { since_at: since, error: "connection refused" },
        },
      ],
    }),
    check("refunded_twice", { state: "unknown", error: "timeout" }),
    check("event_dead", { state: "unknown", error: "42P01" }),
    check("job_late", { state: "unknown", checked_at: null }),
    check("rollup_sums", { state: "green", offenders: 0 }),
  ]
  await page.route(
    url => url.pathname === "/api/invariants",
    route => route.fulfill({ json: { data, run: { state: "idle", asked_at: null }, overdue: true } }),
  )
}

/** @param {Page} page @param {string} path @param {unknown[]} data */
const show = (page, path, data) =>
  page.route(
    url => url.pathname === path,
    route => route.fulfill({ json: { data, next_cursor: null, has_more: false } }),
  )

/** A year of money in and out. @param {Page} page */
export async function showTrends(page) {
  const rows = Array.from({ length: 12 }, (_, month) => ({
    key: `2026-${String(month + 1).padStart(2, "0")}-01`,
    complete: month < 11,
    values: [
      4_900_000 + month * 90_000,
      4_700_000 + month * 80_000,
      -120_000,
      month % 4 === 0 ? -50_000 : 0,
      300_000,
      0,
    ],
    drill: `/admin/billing?from=2026-${String(month + 1).padStart(2, "0")}-01`,
  }))
  const json = {
    definition: "billing_trends",
    unit: { kind: "money", decimals: 2, currency: "eur" },
    axis: "periods",
    range: {
      word: "last_12_months",
      from: "2026-01-01",
      to: "2026-12-01",
      granularity: "month",
      zone: "UTC",
      earlier: { from: "2025-01-01", to: "2025-12-31", word: null },
      later: null,
    },
    columns: [
      { id: "invoiced", mark: "line" },
      { id: "collected", mark: "bar" },
      { id: "refunded", mark: "bar" },
      { id: "disputed", mark: "bar" },
      { id: "failed", mark: "line" },
      { id: "paid_otherwise", mark: "none" },
    ],
    rows,
    comparison: null,
    limit: null,
  }
  await page.route(
    url => url.pathname === "/api/billing/trends",
    route => route.fulfill({ json }),
  )
}
