// What another plan costs, as Stripe worked it out: what is charged now, what is credited, and the next invoice.

import { h } from "../lib/dom.js"
import { formatDate, formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { notice } from "./feedback.js"

/**
 * @typedef {{ plan: string, quantity: number, moment: "now" | "period_end", takes_effect_at: string | null, quoted_at: string | null,
 *   currency: string | null, amount: number | null, due_now: number, credit: number, next_amount: number | null, next_date: string | null,
 *   lines: { description: string, amount: number }[], warnings: string[] }} Preview
 */

/** That nothing is charged stands where the prices would be. @param {Preview} preview */
export function warnings({ warnings: codes }) {
  return codes.filter(code => code !== "nothing_is_charged").map(code => notice("caution", label("plan_warning", code)))
}

/** @param {Preview} preview @param {string} paidNow what a charge at once means */
export function prices(
  { currency, due_now, credit, next_amount, next_date, lines, takes_effect_at: begins },
  paidNow = t("plan_change.paid_now"),
) {
  if (!currency) return notice("info", t("plan_change.free"))
  /** @param {number} amount */
  const money = amount => formatMoney({ currency, amount })
  /** @type {[string, string][]} */
  const facts = begins ? [[t("plan_change.begins"), formatDate(new Date(begins))]] : []
  facts.push([t("plan_change.due_now"), money(due_now)])
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
    due_now > 0 && notice("info", paidNow),
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
