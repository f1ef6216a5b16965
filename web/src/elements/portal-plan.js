// Another plan on the customer's page: which one, then what it costs and when it begins, then it is done.

import { request } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { formatBytes, formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { amountOf, planText } from "../lib/plans.js"
import { day } from "../lib/portal.js"
import { rule } from "../lib/rules.js"
import { notice } from "./feedback.js"
import { field, formDialog, inputFor, values } from "./form-dialog.js"
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
  const chosen = plans.find(({ id }) => id !== tenant.plan_id)?.id ?? tenant.plan_id
  /** @type {Preview | undefined} */
  let preview
  await formDialog({
    title: t("portal.plan_title", { name: tenant.subdomain }),
    lead: t("portal.plan_lead", { plan: planText(tenant.plan, tenant.plan_quantity) }),
    fields: [
      h(
        "fieldset",
        { class: "grid gap-3" },
        h("legend", { class: "sr-only" }, t("portal.plan_legend")),
        ...plans.map(plan => offer(plan, tenant, plan.id === chosen)),
      ),
      field(
        t("field.plan_quantity"),
        inputFor("GET /api/portal/tenants/{id}/plan-change", "quantity", {
          value: String(
            Math.min(tenant.plan_quantity, rule("GET /api/portal/tenants/{id}/plan-change", "quantity").max ?? 1),
          ),
          inputmode: "numeric",
          class: "input numbers max-w-32",
        }),
        h("p", { class: "hint" }, t("portal.plan_quantity_hint")),
      ),
    ],
    action: t("portal.plan_next"),
    submit: async form => {
      const { plan, quantity } = values(form)
      const count = quantity ? `&quantity=${encodeURIComponent(quantity)}` : ""
      preview = await request("GET", `${path}/plan-change?plan=${encodeURIComponent(plan)}${count}`)
    },
  })
  return preview ? confirm(path, tenant, preview, plans.find(({ id }) => id === preview?.plan)?.name ?? "") : null
}

/** @param {Plan} plan @param {PortalTenant} tenant @param {boolean} isChosen */
function offer(plan, { subscription, plan_id: present }, isChosen) {
  const interval = /** @type {import("../lib/plans.js").Interval} */ (subscription?.interval ?? "month")
  const currency = subscription?.currency ?? ""
  const amount = amountOf(plan, currency, interval)
  return h(
    "label",
    { class: "flex items-start gap-3 rounded-lg border border-line p-4" },
    h("input", { type: "radio", name: "plan", value: plan.id, checked: isChosen, class: "size-6 flex-none" }),
    h(
      "span",
      { class: "min-w-0 flex-1" },
      h(
        "span",
        { class: "flex flex-wrap justify-between gap-x-4 font-medium" },
        h(
          "span",
          {},
          h("span", { translate: "no" }, plan.name),
          plan.id === present && h("span", { class: "hint" }, ` · ${t("portal.plan_present")}`),
        ),
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
  const { warnings: codes, moment, quantity, takes_effect_at: begins } = preview
  const isSame = preview.plan === tenant.plan_id && quantity === tenant.plan_quantity
  const hindered = isSame || codes.includes("storage_below_use") || codes.includes("not_sold_this_way")
  /** @type {PlanOrder | null} */
  let order = null
  await formDialog({
    title: t("plan_change.title", {
      before: planText(tenant.plan, tenant.plan_quantity),
      after: planText(plan, quantity),
    }),
    lead: begins
      ? t("portal.plan_later", { name: tenant.subdomain, date: day(begins) })
      : t("portal.plan_now", { name: tenant.subdomain }),
    fields: [
      prices(preview, t("portal.plan_paid_now")),
      ...warnings(preview),
      hindered && notice("caution", isSame ? t("portal.plan_same") : t("portal.plan_hindered")),
    ],
    action: begins ? t("portal.plan_confirm_later", { date: day(begins) }) : t("portal.plan_confirm_now"),
    submit: async () => {
      order = await request("POST", `${path}/plan-order`, {
        body: {
          plan: preview.plan,
          quantity,
          moment,
          quoted_at: preview.quoted_at,
          amount: preview.amount,
          due_now: preview.due_now,
        },
      })
    },
  })
  return order
}
