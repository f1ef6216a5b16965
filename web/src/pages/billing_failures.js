// Invoices whose last payment failed: why, what to do about each, and charging one of them now.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { aboutCell, ofCurrency, stripeCell } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { chargeNow } from "../elements/retry-dialog.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, number: string | null, stripe_invoice_id: string | null, stripe_url: string | null,
 *   customer_id: string, company: string, tenant_id: string | null, subdomain: string | null, status: string,
 *   amount: number, currency: string, attempts: number, decline_code: string | null, advice: string,
 *   last_attempt_at: string, next_attempt_at: string | null, is_being_checked: boolean }} Failure
 */

const PATH = "/api/billing/payment-failures"

const table = byId("table", DataTable)

startConsole().then(
  ({ scopes }) =>
    table.start({
      path: PATH,
      list: "payment_failures",
      title: t("payment_failures.title"),
      heads: id => label("column.payment_failures", id),
      order: "-last_attempt_at",
      search: { ...rule("GET /api/billing/payment-failures", "q"), label: t("payment_failures.search") },
      filters: [
        { ...rule("GET /api/billing/payment-failures", "decline_code"), words: code => label("decline", code) },
        { ...rule("GET /api/billing/payment-failures", "advice"), words: advice => label("decline_advice", advice) },
        { ...rule("GET /api/billing/payment-failures", "status"), words: status => label("failure_status", status) },
        { ...rule("GET /api/billing/payment-failures", "currency"), ...ofCurrency },
        {
          ...rule("GET /api/billing/payment-failures", "customer_id"),
          label: label("column.payment_failures", "customer_id"),
        },
      ],
      columns: [
        {
          id: "company",
          exported: ["company", "subdomain"],
          cell: failure =>
            failure.tenant_id
              ? aboutCell(failure)
              : h("span", { class: "table-name", title: failure.company, translate: "no" }, failure.company),
        },
        {
          id: "number",
          exported: ["number", "stripe_invoice_id"],
          cell: ({ number, stripe_invoice_id: id, stripe_url: url }) => stripeCell(number ?? id, url),
        },
        { id: "amount", numeric: true, exported: ["amount", "currency"], cell: formatMoney },
        { id: "decline_code", wide: true, cell: whyCell },
        {
          id: "advice",
          wide: true,
          cell: ({ advice }, only) => only("advice", advice, label("decline_advice", advice)),
        },
        { id: "next_attempt_at", cell: nextCell },
        { id: "attempts", numeric: true, cell: ({ attempts }) => attempts },
        { id: "last_attempt_at", sort: "last_attempt_at", cell: ({ last_attempt_at: time }) => timeText(time) },
        {
          id: "status",
          hidden: true,
          cell: ({ status }, only) =>
            only("status", status, h("status-badge", { kind: "payment_failure", value: status })),
        },
      ],
      actions: scopes.includes("billing:write") ? failure => actionOf(failure) : undefined,
      none: { title: t("payment_failures.none"), text: t("payment_failures.none_text") },
    }),
  () => {},
)

/** @param {Failure} failure @param {import("../elements/data-table/rows.js").Only} only */
function whyCell({ decline_code: code }, only) {
  if (!code) return label("decline", "other")
  // What Stripe says that we have no words for is found among the others.
  const known = rule("GET /api/billing/payment-failures", "decline_code").values?.includes(code) ? code : "other"
  const words = known === code ? label("decline", code) : h("code", { translate: "no" }, code)
  return only("decline_code", known, words)
}

/** @param {Failure} failure */
function nextCell({ next_attempt_at: next, is_being_checked: checking }) {
  if (checking) return t("payment_failures.checking")
  return next ? timeText(next) : h("span", { class: "text-soft" }, t("payment_failures.never"))
}

/** @param {Failure} failure */
function actionOf(failure) {
  if (failure.is_being_checked || !failure.stripe_invoice_id) return false
  return h(
    "button",
    { type: "button", class: "button button-small", "data-act": "retry", onclick: () => retry(failure) },
    t("payment_failures.retry"),
    h("span", { class: "sr-only" }, ` ${failure.company} ${failure.number ?? failure.id}`),
  )
}

/** @param {Failure} failure */
async function retry(failure) {
  const answer = beside(failure.id)
  const words = await chargeNow(failure)
  if (!words) return
  await table.reload()
  answer(words)
}
