// Payment methods that customers keep at Stripe: which is charged, which will not work soon, and what can be done about it.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { nameLine } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard } from "../elements/feedback.js"
import { askForAnother, chargeFromNowOn, methodName, removeMethod } from "../elements/method-dialogs.js"
import { rowMenu } from "../elements/row-menu.js"
import { byId, h } from "../lib/dom.js"
import { label, locale, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {import("../elements/method-dialogs.js").Method & { stripe_pm_id: string, expiry_month: number | null,
 *   expiry_year: number | null, expiry: string, is_being_changed: boolean, is_at_stripe: boolean }} Row
 */

const PATH = "/api/billing/payment-methods"

const table = byId("table", DataTable)

startConsole().then(
  ({ scopes }) =>
    table.start({
      path: PATH,
      list: "payment_methods",
      title: t("payment_methods.title"),
      heads: id => label("column.payment_methods", id),
      order: "-id",
      search: { ...rule("GET /api/billing/payment-methods", "q"), label: t("payment_methods.search") },
      filters: [
        { ...rule("GET /api/billing/payment-methods", "expiry"), words: code => label("method_expiry", code) },
        {
          ...rule("GET /api/billing/payment-methods", "use"),
          label: label("filter", "use"),
          words: code => label("method_use", code),
        },
        {
          ...rule("GET /api/billing/payment-methods", "type"),
          label: label("column.payment_methods", "type"),
          words: typeName,
        },
        {
          ...rule("GET /api/billing/payment-methods", "customer_id"),
          label: label("column.payment_methods", "customer_id"),
        },
      ],
      columns: [
        {
          id: "company",
          exported: ["company", "email"],
          cell: ({ company, email, customer_id: customer }, only) => [
            only("customer_id", customer, nameLine(company)),
            h("span", { class: "table-name block font-normal text-soft", translate: "no", title: email }, email),
          ],
        },
        { id: "last4", exported: ["brand", "last4"], cell: row => h("span", { class: "numbers" }, methodName(row)) },
        { id: "is_default", exported: ["is_default", "charged_subscriptions"], cell: useCell },
        {
          id: "expiry",
          first: true,
          exported: ["expiry"],
          cell: ({ expiry }, only) =>
            only("expiry", expiry, h("status-badge", { kind: "method_expiry", value: expiry })),
        },
        { id: "expires", sort: "expires", exported: ["expiry_month", "expiry_year"], cell: expiresCell },
        { id: "type", hidden: true, cell: ({ type }, only) => only("type", type, typeName(type)) },
        {
          id: "stripe_pm_id",
          hidden: true,
          cell: ({ stripe_pm_id: id }) => h("code", { class: "text-sm wrap-anywhere", translate: "no" }, id),
        },
      ],
      actions: scopes.includes("billing:write") ? row => actionsOf(row) : undefined,
      none: { title: t("payment_methods.none"), text: t("payment_methods.none_text") },
    }),
  () => {},
)

/** @param {string} type */
const typeName = type => label("method_type", type)

/** @param {Row} row @param {import("../elements/data-table/rows.js").Only} only */
function useCell({ is_default: isDefault, charged_subscriptions: charged, is_being_changed: changing }, only) {
  if (changing) return t("payment_methods.checking")
  return [
    isDefault
      ? only("use", "charged", label("method_use", "charged"))
      : only("use", "spare", label("method_use", "spare")),
    charged > 0 && h("span", { class: "block text-soft" }, t("payment_methods.pays", { count: charged })),
  ]
}

/** @param {Row} row */
function expiresCell({ expiry_month: month, expiry_year: year }) {
  if (!month || !year) return null
  // A day that lies in this month in every zone.
  const middle = new Date(Date.UTC(year, month - 1, 15))
  return new Intl.DateTimeFormat(locale, { month: "2-digit", year: "numeric" }).format(middle)
}

/** @param {Row} row */
function actionsOf(row) {
  if (row.is_being_changed || !row.is_at_stripe) return false
  const act = (/** @type {(row: Row) => Promise<HTMLElement | undefined>} */ what) => () => run(row, what)
  return rowMenu(t("menu.actions_for", { name: `${row.company}, ${methodName(row)}` }), [
    !row.is_default && { text: t("payment_methods.default_action"), onclick: act(chargeFromNowOn) },
    { text: t("payment_methods.link_action"), onclick: act(askForAnother) },
    { text: t("payment_methods.remove_action"), onclick: act(removeMethod), danger: true },
  ])
}

/** @param {Row} row @param {(row: Row) => Promise<HTMLElement | undefined>} what */
async function run(row, what) {
  const answer = beside(row.id)
  try {
    const words = await what(row)
    if (!words) return
    await table.reload()
    answer(words)
  } catch (problem) {
    answer(failedCard(problem))
  }
}
