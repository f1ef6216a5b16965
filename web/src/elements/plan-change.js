// What another plan costs, shown before it is chosen: what is charged now, what is credited, and the next invoice.

import { h } from "../lib/dom.js"
import { formatDate, formatMoney, formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { notice } from "./feedback.js"
import { formDialog } from "./form-dialog.js"
import { planName } from "./tenant-badges.js"

/**
 * @typedef {{ currency: string | null, due_now: number, credit: number, next_amount: number | null,
 *   next_date: string | null, lines: { description: string, amount: number }[], warnings: string[] }} Preview
 */
/** @typedef {import("../lib/plans.js").Plan} Plan */

/**
 * Whether the change is wanted at that price.
 * @param {string} path of the tenant @param {import("../lib/tenants.js").TenantDetail} tenant
 * @param {Plan | undefined} plan
 */
export async function confirmPlan(path, tenant, plan) {
  if (!plan) return true
  /** @type {Preview} */
  const preview = await staffRequest("GET", `${path}/plan-change?plan=${encodeURIComponent(plan.id)}`)
  return formDialog({
    title: t("plan_change.title", { before: planName(tenant.plan), after: plan.name }),
    lead: t("plan_change.lead", { name: tenant.subdomain }),
    fields: [prices(preview), limits(tenant, plan), ...warnings(preview)],
    action: t("plan_change.confirm", { plan: plan.name }),
    submit: async () => {},
  })
}

/** That nothing is charged stands where the prices would be. @param {Preview} preview */
function warnings({ warnings: codes }) {
  return codes.filter(code => code !== "nothing_is_charged").map(code => notice("caution", label("plan_warning", code)))
}

/** @param {Preview} preview */
function prices({ currency, due_now, credit, next_amount, next_date, lines }) {
  if (!currency) return notice("info", t("plan_change.free"))
  /** @param {number} amount */
  const money = amount => formatMoney({ currency, amount })
  /** @type {[string, string][]} */
  const facts = [[t("plan_change.due_now"), money(due_now)]]
  if (credit) facts.push([t("plan_change.credit"), money(credit)])
  if (next_amount !== null && next_date) {
    facts.push([t("plan_change.next", { date: formatDate(new Date(next_date)) }), money(next_amount)])
  }
  return h(
    "div",
    { class: "grid gap-3" },
    h(
      "dl",
      { class: "grid grid-cols-[1fr_auto] gap-x-4 gap-y-2" },
      ...facts.flatMap(([name, value]) => [
        h("dt", {}, name),
        h("dd", { class: "numbers text-end font-semibold" }, value),
      ]),
    ),
    due_now > 0 && notice("info", t("plan_change.paid_now")),
    due_now === 0 && credit > 0 && notice("info", t("plan_change.credited")),
    lines.length > 0 &&
      h(
        "details",
        {},
        h("summary", { class: "min-h-6 cursor-pointer" }, t("plan_change.lines", { count: lines.length })),
        h(
          "ul",
          { class: "mt-2 grid gap-1 text-sm" },
          ...lines.map(({ description, amount }) =>
            h(
              "li",
              { class: "numbers flex justify-between gap-4" },
              h("span", { class: "min-w-0 wrap-anywhere", translate: "no" }, description),
              h("span", {}, money(amount)),
            ),
          ),
        ),
      ),
  )
}

/** @param {import("../lib/tenants.js").TenantDetail} tenant @param {Plan} plan */
function limits(tenant, plan) {
  /** @type {[string, number, number][]} */
  const rows = [
    [t("config.max_users"), tenant.max_users, plan.max_users],
    [`${t("config.storage_limit")} (MiB)`, tenant.storage_limit_mib, plan.storage_limit_mib],
    [`${t("config.memory")} (MiB)`, tenant.memory_limit_mib, plan.memory_limit_mib],
    [`${t("config.cpu")} (%)`, tenant.cpu_limit_percent, plan.cpu_limit_percent],
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
