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
        answer: "declined",
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
