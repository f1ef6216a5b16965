// The plan that a tenant waits for: when it begins, or what it waits for, with the way to take it back.

import { mdiOpenInNew } from "@mdi/js"
import { h } from "../lib/dom.js"
import { formatDate, formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { planText } from "../lib/plans.js"
import { notice } from "./feedback.js"

/**
 * @typedef {{ plan: string, plan_name: string, quantity: number, state: "scheduled" | "awaiting_payment" | "done" | "dropped",
 *   takes_effect_at: string | null, pay_url: string | null, amount: number, currency: string, asked_at: string }} PlanOrder
 */

/** @param {PlanOrder} order */
export const orderedPlan = ({ plan_name: name, quantity }) => planText(name, quantity)

/** "Starter from 3 March 2027". @param {PlanOrder | null} order */
export function planToCome(order) {
  if (!order?.takes_effect_at) return null
  return t("plan_order.from", { plan: orderedPlan(order), date: formatDate(new Date(order.takes_effect_at)) })
}

/** @param {PlanOrder | null} order @param {((button: HTMLElement) => void) | null} takeBack null: it may not be */
export function planOrder(order, takeBack) {
  if (!order) return null
  const { takes_effect_at: begins, pay_url: url, amount, currency } = order
  const plan = orderedPlan(order)
  const price = formatMoney({ amount, currency })
  const title = begins
    ? t("plan_order.begins", { plan, date: formatDate(new Date(begins)) })
    : t("plan_order.unpaid", { plan })
  return notice(
    begins ? "info" : "caution",
    title,
    begins && h("p", { class: "numbers" }, t("plan_order.price", { plan, price })),
    !begins && h("p", {}, url ? t("plan_order.unpaid_text") : t("plan_order.checking")),
    (url || takeBack) &&
      h(
        "div",
        { class: "screen-only mt-2 flex flex-wrap gap-2" },
        url && h("a", { class: "button", href: url, rel: "noreferrer" }, t("plan_order.pay"), icon(mdiOpenInNew)),
        takeBack &&
          h(
            "button",
            {
              type: "button",
              class: "button",
              onclick: (/** @type {Event} */ event) => takeBack(/** @type {HTMLElement} */ (event.currentTarget)),
            },
            t("plan_order.take_back"),
          ),
      ),
  )
}
