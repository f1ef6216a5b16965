// Payments that came after their subscription had ended: whether the tenant runs for them, or the money goes back.

import "../elements/status-badge.js"
import { aboutCell, fillFilter, noMatch, stripeCell } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard } from "../elements/feedback.js"
import { ListPage } from "../elements/list-page.js"
import { timeText } from "../elements/time-text.js"
import { h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, outcome: string, tenant_id: string, subdomain: string, company: string, stripe_invoice_id: string,
 *   stripe_url: string | null, amount: number, currency: string, runs_until: string | null, paid_at: string | null,
 *   ended_at: string }} LatePayment
 */

const OUTCOMES = ["runs", "refunding", "refunded", "needs_person"]

startConsole().then(
  () => {
    fillFilter(
      "filter-outcome",
      OUTCOMES.map(outcome => [outcome, label("late_payment", outcome)]),
    )
    /** @type {ListPage<LatePayment>} */
    const list = new ListPage({
      load: (query, signal) => staffRequest("GET", `/api/billing/late-payments?${query}`, { signal }),
      row,
      empty: filtered =>
        filtered ? noMatch(() => list.clear()) : emptyCard(t("late_payments.none"), t("late_payments.none_text")),
    })
    return list.reload()
  },
  () => {},
)

/** @param {LatePayment} payment */
function row(payment) {
  return h(
    "tr",
    { "data-payment": payment.id },
    aboutCell(payment),
    h("td", {}, h("status-badge", { kind: "late_payment", value: payment.outcome })),
    h("td", { class: "align-end" }, formatMoney(payment)),
    stripeCell(payment.stripe_invoice_id, payment.stripe_url),
    h("td", {}, timeText(payment.ended_at)),
    h("td", {}, payment.paid_at ? timeText(payment.paid_at) : "–"),
    h("td", {}, payment.runs_until ? timeText(payment.runs_until) : "–"),
  )
}
