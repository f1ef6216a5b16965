// Another plan on the customer's page: which one, then what it costs and when it begins, then it is done.

import { request } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { formatBytes, formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { amountOf } from "../lib/plans.js"
import { day } from "../lib/portal.js"
import { notice } from "./feedback.js"
import { formDialog, values } from "./form-dialog.js"
import { prices, warnings } from "./plan-prices.js"

/** @typedef {import("../lib/plans.js").Plan} Plan */
/** @typedef {import("../lib/portal.js").PortalTenant} PortalTenant */
/** @typedef {import("./plan-order.js").PlanOrder} PlanOrder */
/** @typedef {import("./plan-prices.js").Preview} Preview */

/** @param {PortalTenant} tenant @returns {Promise<PlanOrder | null>} null: it is not wanted */
export async function changePlan(tenant) {
  /** @type {import("../lib/plans.js").PriceList} */
  const { plans } = await request("GET", "/api/plans")
  const path = `/api/portal/tenants/${encodeURIComponent(tenant.id)}`
  const offers = plans.filter(({ id }) => id !== tenant.plan_id)
  /** @type {Preview | undefined} */
  let preview
  await formDialog({
    title: t("portal.plan_title", { name: tenant.subdomain }),
    lead: t("portal.plan_lead", { plan: tenant.plan }),
    fields: [
      h(
        "fieldset",
        { class: "grid gap-3" },
        h("legend", { class: "sr-only" }, t("portal.plan_legend")),
        ...offers.map((plan, place) => offer(plan, tenant, place === 0)),
      ),
    ],
    action: t("portal.plan_next"),
    submit: async form => {
      const { plan } = values(form)
      preview = await request("GET", `${path}/plan-change?plan=${encodeURIComponent(plan)}`)
    },
  })
  return preview ? confirm(path, tenant, preview, offers.find(({ id }) => id === preview?.plan)?.name ?? "") : null
}

/** @param {Plan} plan @param {PortalTenant} tenant @param {boolean} first */
function offer(plan, { subscription }, first) {
  const interval = /** @type {import("../lib/plans.js").Interval} */ (subscription?.interval ?? "month")
  const currency = subscription?.currency ?? ""
  const amount = amountOf(plan, currency, interval)
  return h(
    "label",
    { class: "flex items-start gap-3 rounded-lg border border-line p-4" },
    h("input", { type: "radio", name: "plan", value: plan.id, checked: first, class: "size-6 flex-none" }),
    h(
      "span",
      { class: "min-w-0 flex-1" },
      h(
        "span",
        { class: "flex flex-wrap justify-between gap-x-4 font-medium" },
        h("span", { translate: "no" }, plan.name),
        amount !== null &&
          h(
            "span",
            { class: "numbers" },
            label("portal_price", interval, "", { price: formatMoney({ amount, currency }), count: 1 }),
          ),
      ),
      h(
        "span",
        { class: "hint block" },
        [
          t("plans.users", { count: plan.max_users }),
          t("plans.storage", { size: formatBytes(plan.storage_limit_mib * 1024 ** 2) }),
          label("support", plan.support),
        ].join(" · "),
      ),
    ),
  )
}

/** @param {string} path @param {PortalTenant} tenant @param {Preview} preview @param {string} plan */
async function confirm(path, tenant, preview, plan) {
  const { warnings: codes, moment, takes_effect_at: begins } = preview
  const hindered = codes.includes("storage_below_use") || codes.includes("not_sold_this_way")
  /** @type {PlanOrder | null} */
  let order = null
  await formDialog({
    title: t("plan_change.title", { before: tenant.plan, after: plan }),
    lead: begins
      ? t("portal.plan_later", { name: tenant.subdomain, date: day(begins) })
      : t("portal.plan_now", { name: tenant.subdomain }),
    fields: [
      prices(preview, t("portal.plan_paid_now")),
      ...warnings(preview),
      hindered && notice("caution", t("portal.plan_hindered")),
    ],
    action: begins ? t("portal.plan_confirm_later", { date: day(begins) }) : t("portal.plan_confirm_now"),
    submit: async () => {
      order = await request("POST", `${path}/plan-order`, {
        body: { plan: preview.plan, moment, quoted_at: preview.quoted_at, amount: preview.amount },
      })
    },
  })
  return order
}
