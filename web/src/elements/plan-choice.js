// The plans as cards and as a table of everything that differs between them.

import { mdiCheck } from "@mdi/js"
import { h } from "../lib/dom.js"
import { decimals, formatMoney, formatNumber, minorUnits } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { amountOf, trialWords } from "../lib/plans.js"

/** @typedef {import("../lib/plans.js").Plan} Plan */
/** @typedef {{ plan: string, interval: import("../lib/plans.js").Interval, currency: string }} Choice */

/** @param {Plan} plan @param {Choice} choice @param {(plan: string) => void} choose */
export function planCard(plan, choice, choose) {
  const amount = amountOf(plan, choice.currency, choice.interval)
  const chosen = plan.id === choice.plan
  const title = h("h3", { class: "text-lg", id: `plan-${plan.id}` }, plan.name)
  return h(
    "article",
    { class: "card plan bg-canvas", "data-chosen": String(chosen), "aria-labelledby": `plan-${plan.id}` },
    h(
      "div",
      { class: "flex min-h-7 flex-wrap items-center justify-between gap-2" },
      title,
      plan.featured && h("span", { class: "badge tone-positive" }, icon(mdiCheck), t("plans.featured")),
    ),
    h(
      "div",
      {},
      h("p", { class: "plan-price" }, amount === null ? "–" : formatMoney({ currency: choice.currency, amount })),
      h("p", { class: "mt-1 text-soft" }, choice.interval === "year" ? t("plans.per_year") : t("plans.per_month")),
      h("p", { class: "min-h-6 text-sm text-soft" }, perMonth(choice, amount)),
      plan.trial_days > 0 &&
        amount !== null &&
        h("p", { class: "mt-1 font-medium" }, trialWords(plan.trial_days, { ...choice, amount })),
    ),
    h(
      "button",
      { type: "button", class: chosen ? "button button-primary" : "button", onclick: () => choose(plan.id) },
      chosen && icon(mdiCheck),
      chosen ? t("plans.chosen", { plan: plan.name }) : t("plans.choose", { plan: plan.name }),
    ),
    h("ul", { class: "ticks" }, ...features(plan).map(feature => h("li", {}, icon(mdiCheck), h("span", {}, feature)))),
  )
}

/** @param {Choice} choice @param {number | null} amount */
function perMonth({ interval, currency }, amount) {
  if (interval !== "year" || amount === null) return ""
  const month = Math.round(amount / 12)
  const text = formatMoney({ currency, amount: month })
  const exact = month * 12 === amount
  return exact ? t("plans.is_per_month", { amount: text }) : t("plans.about_per_month", { amount: text })
}

/** @param {Plan} plan */
function features(plan) {
  return [
    t("plans.users", { count: plan.max_users }),
    t("plans.storage", { size: mebibytes(plan.storage_limit_mib) }),
    label("support", plan.support),
  ]
}

/** @param {Plan[]} plans */
export function comparisonTable(plans) {
  /** @type {[string, (plan: Plan) => string][]} */
  const rows = [
    [t("plans.row_users"), plan => formatNumber(plan.max_users)],
    [t("plans.row_storage"), plan => mebibytes(plan.storage_limit_mib)],
    [t("plans.row_memory"), plan => mebibytes(plan.memory_limit_mib)],
    [t("plans.row_cpu"), plan => t("plans.cpu_share", { percent: plan.cpu_limit_percent })],
    [t("plans.row_support"), plan => label("support", plan.support)],
  ]
  return h(
    "div",
    { class: "card scroller bg-canvas", tabindex: "0", role: "region", "aria-label": t("plans.compare") },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, t("plans.compare")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "bg-canvas" }, t("plans.compare")),
          ...plans.map(plan => h("th", { scope: "col", class: "bg-canvas" }, plan.name)),
        ),
      ),
      h(
        "tbody",
        {},
        ...rows.map(([title, value]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, title),
            ...plans.map(plan => h("td", { class: "numbers" }, value(plan))),
          ),
        ),
      ),
    ),
  )
}

/** @param {number} size */
function mebibytes(size) {
  return size >= 1024 ? `${formatNumber(size / 1024, 1)} GiB` : `${formatNumber(size)} MiB`
}

/** "49.00 EUR": the amount with the code, as it will stand on the payment page. @param {string} currency @param {number} amount */
export function amountWithCode(currency, amount) {
  const digits = decimals(currency)
  const number = (amount / minorUnits(currency)).toLocaleString(
    document.documentElement.lang === "es" ? "es-ES" : "en-GB",
    {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    },
  )
  return `${number}\u00a0${currency.toUpperCase()}`
}
