// Another plan for a tenant, with its price before it is chosen: at once, or with the next period.

import { h } from "../lib/dom.js"
import { formatDate, formatNumber } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { planText } from "../lib/plans.js"
import { staffRequest } from "../lib/session.js"
import { formDialog } from "./form-dialog.js"
import { prices, warnings } from "./plan-prices.js"
import { planName } from "./tenant-badges.js"

/** @typedef {import("./plan-prices.js").Preview} Preview */
/** @typedef {import("../lib/plans.js").Plan} Plan */

/**
 * Shows what it costs and asks; a cheaper plan begins with the next period unless it is chosen for now.
 * @param {string} path of the tenant @param {import("../lib/tenants.js").TenantDetail} tenant
 * @param {Plan | undefined} plan @param {number} quantity
 * @returns {Promise<{ moment: "now" | "period_end", quoted_at: string | null, amount: number | null } | null>} null: it is not wanted
 */
export async function confirmPlan(path, tenant, plan, quantity) {
  if (!plan) return { moment: "now", quoted_at: null, amount: null }
  const ask = (/** @type {string} */ moment) =>
    staffRequest("GET", `${path}/plan-change?plan=${encodeURIComponent(plan.id)}&quantity=${quantity}${moment}`)
  /** @type {Preview} */
  let preview = await ask("")
  const figures = h("div", { class: "grid gap-5", "aria-live": "polite" })
  const draw = () => figures.replaceChildren(...[prices(preview), ...warnings(preview)].filter(Boolean))
  draw()
  const after = planText(plan.name, quantity)
  const wanted = await formDialog({
    title: t("plan_change.title", { before: planText(planName(tenant.plan), tenant.plan_quantity), after }),
    lead: t("plan_change.lead", { name: tenant.subdomain }),
    fields: [
      preview.currency &&
        preview.takes_effect_at &&
        moments(preview, async moment => {
          preview = await ask(`&moment=${moment}`)
          draw()
        }),
      figures,
      limits(tenant, plan, quantity),
    ],
    action: t("plan_change.confirm", { plan: after }),
    submit: async () => {},
  })
  return wanted ? preview : null
}

/** @param {Preview} preview @param {(moment: string) => Promise<void>} choose */
function moments({ moment, takes_effect_at: end }, choose) {
  const option = (/** @type {string} */ value, /** @type {string} */ words) =>
    h(
      "label",
      { class: "flex min-h-6 items-center gap-2" },
      h("input", {
        type: "radio",
        name: "moment",
        value,
        checked: value === moment,
        class: "size-6 flex-none",
        onchange: () => choose(value),
      }),
      words,
    )
  return h(
    "fieldset",
    { class: "grid gap-2" },
    h("legend", { class: "mb-1 font-medium" }, t("plan_change.when")),
    option("period_end", t("plan_change.with_period", { date: formatDate(new Date(end ?? "")) })),
    option("now", t("plan_change.at_once")),
  )
}

/** @param {import("../lib/tenants.js").TenantDetail} tenant @param {Plan} plan @param {number} quantity */
function limits(tenant, plan, quantity) {
  /** @type {[string, number, number][]} */
  const rows = [
    [t("config.max_users"), tenant.max_users, quantity * plan.max_users],
    [`${t("config.storage_limit")} (MiB)`, tenant.storage_limit_mib, quantity * plan.storage_limit_mib],
    [`${t("config.memory")} (MiB)`, tenant.memory_limit_mib, quantity * plan.memory_limit_mib],
    [`${t("config.cpu")} (%)`, tenant.cpu_limit_percent, quantity * plan.cpu_limit_percent],
  ]
  return h(
    "div",
    { class: "card scroller", tabindex: "0", role: "region", "aria-label": t("plan_change.limits") },
    h(
      "table",
      { class: "table", "data-density": "compact" },
      h("caption", { class: "sr-only" }, t("plan_change.limits")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("plan_change.limits")),
          h("th", { scope: "col", class: "align-end" }, t("plan_change.before")),
          h("th", { scope: "col", class: "align-end" }, t("plan_change.after")),
        ),
      ),
      h(
        "tbody",
        {},
        ...rows.map(([title, before, after]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, title),
            h("td", { class: "align-end" }, formatNumber(before)),
            h("td", { class: "align-end" }, formatNumber(after)),
          ),
        ),
      ),
    ),
  )
}
