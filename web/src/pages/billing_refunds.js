// Money that went back to customers, and giving some back.

import "../elements/status-badge.js"
import { sayOnPage } from "../elements/answer.js"
import { ofCurrency } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard } from "../elements/feedback.js"
import { field, formDialog } from "../elements/form-dialog.js"
import { giveBack, previewRefund } from "../elements/refund-dialog.js"
import { timeText } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, stripe_refund_id: string, customer_id: string, company: string, invoice_id: string | null,
 *   invoice_number: string | null, stripe_invoice_id: string | null, stripe_charge_id: string | null, amount: number,
 *   currency: string, reason: string | null, status: string, failure_reason: string | null,
 *   stripe_credit_note_id: string | null, refunded_by: string | null, note: string | null, date: string }} Refund
 * @typedef {import("../elements/refund-dialog.js").Target} Target
 */

const PATH = "/api/billing/refunds"

const table = byId("table", DataTable)
const code = (/** @type {string | null} */ text) =>
  text && h("code", { class: "text-sm wrap-anywhere", translate: "no" }, text)

startConsole().then(
  ({ scopes }) => {
    if (scopes.includes("billing:write")) offer()
    table.start({
      path: PATH,
      list: "refunds",
      title: t("refunds.title"),
      heads: id => label("column.refunds", id),
      order: "-date",
      search: { ...rule("GET /api/billing/refunds", "q"), label: t("refunds.search") },
      filters: [
        { ...rule("GET /api/billing/refunds", "status"), words: status => label("refund_status", status) },
        { ...rule("GET /api/billing/refunds", "reason"), words: reason => label("refund_reason", reason) },
        { ...rule("GET /api/billing/refunds", "currency"), ...ofCurrency },
        { ...rule("GET /api/billing/refunds", "customer_id"), label: label("column.refunds", "customer_id") },
      ],
      columns: [
        {
          id: "company",
          exported: ["company", "stripe_refund_id"],
          cell: ({ company, customer_id: customer }, only) =>
            only("customer_id", customer, h("span", { class: "table-name", translate: "no" }, company)),
        },
        {
          id: "status",
          first: true,
          exported: ["status", "failure_reason"],
          cell: ({ status, failure_reason: failure }, only) => [
            only("status", status, h("status-badge", { kind: "refund", value: status })),
            failure && h("span", { class: "block text-soft" }, label("refund_failure", failure)),
          ],
        },
        { id: "amount", numeric: true, exported: ["amount", "currency"], cell: formatMoney },
        {
          id: "invoice_number",
          exported: ["invoice_number", "stripe_invoice_id", "stripe_charge_id"],
          cell: ({ invoice_number: number, stripe_charge_id: charge }) => code(number ?? charge),
        },
        {
          id: "reason",
          wide: true,
          exported: ["reason", "note"],
          cell: ({ reason, note }) => [
            reason && label("refund_reason", reason),
            note && h("span", { class: "block text-soft" }, note),
          ],
        },
        {
          id: "refunded_by",
          cell: ({ refunded_by: who }) => who ?? h("span", { class: "text-soft" }, t("refunds.by_itself")),
        },
        { id: "date", sort: "date", cell: ({ date }) => timeText(date) },
        { id: "stripe_refund_id", hidden: true, cell: ({ stripe_refund_id: id }) => code(id) },
        { id: "stripe_credit_note_id", hidden: true, cell: ({ stripe_credit_note_id: id }) => code(id) },
      ],
      none: { title: t("refunds.none"), text: t("refunds.none_text") },
    })
  },
  () => {},
)

function offer() {
  const button = byId("new-refund", HTMLButtonElement)
  button.hidden = false
  button.addEventListener("click", () => start().catch(problem => sayOnPage(failedCard(problem))))
}

/** Which payment, then how much of it. */
async function start() {
  const input = h("input", { class: "input", name: "target", autocomplete: "off", spellcheck: "false", required: true })
  /** @type {{ target: Target, preview: import("../elements/refund-dialog.js").Preview } | undefined} */
  let found
  await formDialog({
    title: t("refunds.find_title"),
    lead: t("refunds.find_lead"),
    fields: [field(t("refunds.target"), input)],
    action: t("refunds.find_action"),
    submit: async () => {
      const text = input.value.trim()
      const target = text.startsWith("ch_") || text.startsWith("py_") ? { charge: text } : { invoice_id: text }
      const preview = await previewRefund(target)
      if (preview.hindrance !== "none") throw new ApiProblem(409, { code: preview.hindrance })
      found = { target, preview }
    },
  })
  const words = found && (await giveBack(found.target, found.preview))
  if (!words) return
  await table.reload()
  sayOnPage(words)
}
