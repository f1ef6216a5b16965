// What invoices have brought this month, have still to bring, and may not bring: one sum a currency, never added up, each
// leading to the invoices behind it.

import { fill, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { definition } from "./definition.js"
import { failedCard } from "./feedback.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../lib/format.js").Money} Money */
/**
 * @typedef {{ as_of: string, month_began_at: string, timezone: string, collected: Money[], outstanding: Money[],
 *   at_risk: Money[] }} Summary
 */

/** @type {[keyof Summary & ("collected" | "outstanding" | "at_risk"), string, (summary: Summary) => Record<string, string>][]} */
const SUMS = [
  [
    "collected",
    "revenue",
    ({ month_began_at: since }) => ({ status: "paid", paid_from: since, sort: "-payment_date" }),
  ],
  ["outstanding", "outstanding", () => ({ status: "open" })],
  ["at_risk", "at_risk", () => ({ standing: "at_risk" })],
]

export class BillingSummary {
  element = h("section", { class: "mt-4", "aria-label": t("billing_summary.title") })

  /** The currencies of its sums. @type {string[]} */
  currencies = []

  async load() {
    try {
      this.#draw(await staffRequest("GET", "/api/billing/summary"))
    } catch (problem) {
      fill(
        this.element,
        failedCard(problem, () => this.load()),
      )
    }
  }

  /** @param {Summary} summary */
  #draw(summary) {
    this.currencies = SUMS.flatMap(([name]) => summary[name].map(({ currency }) => currency))
    fill(
      this.element,
      h(
        "div",
        { class: "grid gap-3 sm:grid-cols-3" },
        ...SUMS.map(([name, meaning, query]) => card(name, meaning, summary[name], query(summary))),
      ),
      h("p", { class: "hint mt-2" }, t("billing_summary.as_of"), " ", exactTime(summary.as_of)),
    )
  }
}

/** @param {string} name @param {string} meaning @param {Money[]} sums @param {Record<string, string>} query */
function card(name, meaning, sums, query) {
  const title = label("billing_summary_sum", name)
  return h(
    "div",
    { class: "card px-4 py-3", "data-sum": name },
    h(
      "div",
      { class: "flex items-start justify-between gap-1" },
      h("h2", { class: "pt-0.5 text-sm font-medium text-soft" }, title),
      definition(meaning, title),
    ),
    sums.length === 0
      ? h("p", { class: "figure text-soft" }, "–", h("span", { class: "sr-only" }, t("billing_summary.nothing")))
      : h("ul", { class: "figures mt-1 grid gap-0.5" }, ...sums.map(sum => entry(title, sum, query))),
    name === "collected" && h("p", { class: "hint mt-1" }, t("billing_summary.collected_note")),
  )
}

/** @param {string} title @param {Money} sum @param {Record<string, string>} query */
function entry(title, sum, query) {
  const text = formatMoney(sum)
  const href = `/admin/billing?${new URLSearchParams({ ...query, currency: sum.currency })}`
  return h("li", {}, h("a", { class: "figure", href, "aria-label": `${title}: ${text}` }, text))
}
