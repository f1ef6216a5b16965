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

/** @param {Page} page @param {string} path @param {unknown[]} data */
const show = (page, path, data) =>
  page.route(
    url => url.pathname === path,
    route => route.fulfill({ json: { data, next_cursor: null, has_more: false } }),
  )
