// Credit notes: what was asked less for, and what went back with one.

import "../elements/status-badge.js"
import { sayNothing, sayOnPage } from "../elements/answer.js"
import { invoiceLink, nameLine, ofCurrency } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { fileButton } from "../elements/file-button.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, stripe_credit_note_id: string, number: string | null, customer_id: string, company: string,
 *   invoice_id: string | null, invoice_number: string | null, stripe_invoice_id: string, status: string,
 *   reason: string | null, amount: number, tax: number, pre_payment_amount: number, post_payment_amount: number,
 *   currency: string, written_by: string | null, note: string | null, created_at: string, voided_at: string | null }} Row
 */

const code = (/** @type {string} */ text) => h("code", { class: "text-sm wrap-anywhere", translate: "no" }, text)

startConsole().then(
  () =>
    byId("table", DataTable).start({
      path: "/api/billing/credit-notes",
      list: "credit_notes",
      title: t("credit_notes.title"),
      heads: id => label("column.credit_notes", id),
      order: "-created_at",
      search: { ...rule("GET /api/billing/credit-notes", "q"), label: t("credit_notes.search") },
      filters: [
        { ...rule("GET /api/billing/credit-notes", "status"), words: status => label("credit_note_status", status) },
        { ...rule("GET /api/billing/credit-notes", "reason"), words: reason => label("credit_note_reason", reason) },
        { ...rule("GET /api/billing/credit-notes", "currency"), ...ofCurrency },
        { ...rule("GET /api/billing/credit-notes", "customer_id"), label: label("column.credit_notes", "customer_id") },
      ],
      columns: [
        {
          id: "number",
          exported: ["number", "stripe_credit_note_id"],
          cell: ({ number, stripe_credit_note_id: id }) => code(number ?? id),
        },
        {
          id: "company",
          cell: ({ company, customer_id: customer }, only) => only("customer_id", customer, nameLine(company)),
        },
        {
          id: "status",
          first: true,
          cell: ({ status }, only) => only("status", status, h("status-badge", { kind: "credit_note", value: status })),
        },
        {
          id: "amount",
          numeric: true,
          exported: ["amount", "currency", "pre_payment_amount", "post_payment_amount"],
          cell: amountCell,
        },
        {
          id: "invoice_number",
          exported: ["invoice_number", "stripe_invoice_id"],
          cell: ({ invoice_id: invoice, invoice_number: number, stripe_invoice_id: id }) =>
            invoice ? invoiceLink(invoice, number ?? invoice) : code(id),
        },
        {
          id: "reason",
          wide: true,
          exported: ["reason", "note"],
          cell: ({ reason, note }) => [
            reason && label("credit_note_reason", reason),
            note && h("span", { class: "block text-soft" }, note),
          ],
        },
        {
          id: "written_by",
          cell: ({ written_by: who }) => who ?? h("span", { class: "text-soft" }, t("refunds.by_itself")),
        },
        { id: "created_at", sort: "created_at", cell: ({ created_at: time }) => timeText(time) },
        { id: "voided_at", hidden: true, cell: ({ voided_at: time }) => time && timeText(time) },
      ],
      actions: filesOf,
      none: { title: t("credit_notes.none"), text: t("credit_notes.none_text") },
    }),
  () => {},
)

/** @param {Row} row */
function amountCell(row) {
  const { pre_payment_amount: owed, post_payment_amount: back } = row
  const part = owed > 0 && back > 0 ? "both" : owed > 0 ? "owed" : "back"
  return [formatMoney(row), h("span", { class: "block text-soft" }, label("credit_note_part", part))]
}

/** @param {HTMLElement} [problem] */
const tell = problem => (problem ? sayOnPage(problem) : sayNothing())

/** As it is offered to whoever books it. @param {Row} row */
function filesOf({ stripe_credit_note_id: note, number, voided_at: voided }) {
  if (voided) return false
  const of = { about: number ?? note, small: true, tell }
  const at = `/api/billing/credit-notes/${encodeURIComponent(note)}`
  return h(
    "span",
    { class: "inline-flex gap-2" },
    fileButton({ ...of, path: `${at}/ubl`, words: t("invoice.ubl") }),
    fileButton({ ...of, path: `${at}/cii`, words: t("invoice.cii") }),
  )
}
