// Payments that customers' banks took back, or may: which of them wait for an answer, and until when.

import "../elements/status-badge.js"
import { invoiceLink, nameLine, ofCurrency } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { timeText } from "../elements/time-text.js"
import { disputePage, dueText } from "../lib/disputes.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, stripe_dispute_id: string, customer_id: string, company: string, invoice_id: string | null,
 *   invoice_number: string | null, stripe_invoice_id: string | null, stripe_charge_id: string, amount: number,
 *   currency: string, reason: string, status: string, evidence_due_by: string | null, is_overdue: boolean,
 *   is_being_checked: boolean, created_at: string, closed_at: string | null }} Row
 */

const code = (/** @type {string} */ text) => h("code", { class: "text-sm wrap-anywhere", translate: "no" }, text)

startConsole().then(
  () =>
    byId("table", DataTable).start({
      path: "/api/billing/disputes",
      list: "disputes",
      title: t("disputes.title"),
      heads: id => label("column.disputes", id),
      order: "-created_at",
      search: { ...rule("GET /api/billing/disputes", "q"), label: t("disputes.search") },
      filters: [
        {
          ...rule("GET /api/billing/disputes", "standing"),
          label: t("disputes.standing"),
          words: name => label("dispute_standing", name),
        },
        { ...rule("GET /api/billing/disputes", "status"), words: status => label("dispute_status", status) },
        {
          ...rule("GET /api/billing/disputes", "reason"),
          label: label("column.disputes", "reason"),
          words: reason => label("dispute_reason", reason),
        },
        { ...rule("GET /api/billing/disputes", "currency"), ...ofCurrency },
        { ...rule("GET /api/billing/disputes", "customer_id"), label: label("column.disputes", "customer_id") },
      ],
      columns: [
        {
          id: "company",
          exported: ["company", "stripe_dispute_id"],
          cell: ({ id, company }) =>
            h("a", { class: "inline-block min-h-6 max-w-full py-0.5", href: disputePage(id) }, nameLine(company)),
        },
        {
          id: "status",
          first: true,
          cell: ({ status, is_being_checked: checking }, only) => [
            only("status", status, h("status-badge", { kind: "dispute", value: status })),
            checking && h("span", { class: "block text-soft" }, t("disputes.checking")),
          ],
        },
        { id: "amount", numeric: true, exported: ["amount", "currency"], cell: formatMoney },
        {
          id: "reason",
          wide: true,
          cell: ({ reason }, only) => only("reason", reason, label("dispute_reason", reason)),
        },
        { id: "evidence_due_by", sort: "evidence_due_by", exported: ["evidence_due_by", "is_overdue"], cell: dueCell },
        {
          id: "invoice_number",
          exported: ["invoice_number", "stripe_invoice_id", "stripe_charge_id"],
          cell: ({ invoice_id: invoice, invoice_number: number, stripe_charge_id: charge }) =>
            invoice ? invoiceLink(invoice, number ?? invoice) : code(charge),
        },
        { id: "created_at", sort: "created_at", cell: ({ created_at: time }) => timeText(time) },
        { id: "closed_at", hidden: true, cell: ({ closed_at: time }) => time && timeText(time) },
        { id: "stripe_dispute_id", hidden: true, cell: ({ stripe_dispute_id: id }) => code(id) },
      ],
      none: { title: t("disputes.none"), text: t("disputes.none_text") },
    }),
  () => {},
)

/** Of those that wait for us only. @param {Row} row */
function dueCell({ evidence_due_by: due, status }) {
  if (!due || !["needs_response", "warning_needs_response"].includes(status)) return null
  return dueText(due)
}
