// Invoices, with what they add up to above them.

import "../elements/status-badge.js"
import { nameLine, ofCurrency } from "../elements/billing-list.js"
import { BillingSummary } from "../elements/billing-summary.js"
import { BillingTrends } from "../elements/billing-trends.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { timeText } from "../elements/time-text.js"
import { daysAsMoments, dayWords } from "../lib/days.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney, formatNumber } from "../lib/format.js"
import { asksForMoney } from "../lib/invoices.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, number: string | null, customer_id: string, company: string, tenant_id: string | null,
 *   subdomain: string | null, stripe_subscription_id: string | null, status: string, is_overdue: boolean, amount: number,
 *   amount_paid: number, amount_remaining: number, currency: string, date: string, due_date: string | null,
 *   payment_date: string | null, attempt_count: number, next_payment_attempt: string | null,
 *   stripe_invoice_id: string | null }} InvoiceRow
 */

/** @param {import("../lib/rules.js").Rule} one */
const ofDay = one => ({ ...one, label: label("filter", one.name), words: dayWords })
/** @param {string | null} time */
const timeCell = time => time && timeText(time)

/** @type {import("../elements/data-table/data-table.js").Table<InvoiceRow>} */
const declaration = {
  path: "/api/billing/invoices",
  list: "billing_invoices",
  title: t("billing_invoices.title"),
  heads: id => label("column.billing_invoices", id),
  order: "-date",
  search: { ...rule("GET /api/billing/invoices", "q"), label: t("billing_invoices.search") },
  query: query => daysAsMoments(query, { from: 0, to: 1, paid_from: 0, paid_to: 1 }),
  filters: [
    { ...rule("GET /api/billing/invoices", "status"), words: status => label("invoice_status", status) },
    {
      ...rule("GET /api/billing/invoices", "standing"),
      label: label("filter", "standing"),
      words: name => label("invoice_standing", name),
    },
    { ...rule("GET /api/billing/invoices", "currency"), ...ofCurrency },
    { ...rule("GET /api/billing/invoices", "customer"), label: label("filter", "customer") },
    ofDay(rule("GET /api/billing/invoices", "from")),
    ofDay(rule("GET /api/billing/invoices", "to")),
    ofDay(rule("GET /api/billing/invoices", "paid_from")),
    ofDay(rule("GET /api/billing/invoices", "paid_to")),
  ],
  columns: [
    { id: "number", exported: ["number", "id"], cell: numberCell },
    { id: "status", first: true, exported: ["status", "is_overdue"], cell: statusCell },
    { id: "company", exported: ["company", "customer_id"], cell: customerCell },
    { id: "subdomain", cell: tenantCell },
    { id: "amount", numeric: true, exported: ["amount", "currency"], cell: formatMoney },
    { id: "amount_paid", numeric: true, hidden: true, cell: row => formatMoney({ ...row, amount: row.amount_paid }) },
    {
      id: "amount_remaining",
      numeric: true,
      cell: row => asksForMoney(row) && formatMoney({ ...row, amount: row.amount_remaining }),
    },
    { id: "date", sort: "date", cell: ({ date }) => timeText(date) },
    { id: "due_date", hidden: true, cell: ({ due_date: time }) => timeCell(time) },
    { id: "payment_date", sort: "payment_date", cell: ({ payment_date: time }) => timeCell(time) },
    { id: "attempt_count", numeric: true, cell: ({ attempt_count: count }) => formatNumber(count) },
    { id: "next_payment_attempt", hidden: true, cell: ({ next_payment_attempt: time }) => timeCell(time) },
    { id: "stripe_subscription_id", hidden: true, cell: ({ stripe_subscription_id: id }) => code(id) },
    { id: "stripe_invoice_id", hidden: true, cell: ({ stripe_invoice_id: id }) => code(id) },
  ],
  none: { title: t("billing_invoices.none"), text: t("billing_invoices.none_text") },
}

startConsole().then(
  async () => {
    const summary = new BillingSummary()
    // Before the rows, so that it pushes nothing about.
    await summary.load()
    const trends = new BillingTrends(summary.currencies)
    await trends.load()
    const lead = h("div", {}, summary.element, trends.element)
    await byId("table", DataTable).start({ ...declaration, lead })
  },
  () => {},
)

/** @param {string | null} id */
const code = id => id && h("code", { class: "text-sm", translate: "no" }, id)

/** @param {InvoiceRow} invoice */
function numberCell({ id, number }) {
  const text = number ?? t("billing_invoices.unnumbered")
  return h("a", { class: "table-name inline-block py-0.5", href: `/admin/billing/invoices/${id}`, title: text }, text)
}

/** @param {InvoiceRow} invoice @param {import("../elements/data-table/rows.js").Only} only */
function statusCell({ status, is_overdue: isOverdue }, only) {
  const badge = h("status-badge", { kind: "invoice", value: isOverdue ? "overdue" : status })
  return isOverdue ? only("standing", "overdue", badge) : only("status", status, badge)
}

/** @param {InvoiceRow} invoice @param {import("../elements/data-table/rows.js").Only} only */
function customerCell({ company, customer_id: id }, only) {
  return only("customer", id, nameLine(company))
}

/** @param {InvoiceRow} invoice */
function tenantCell({ tenant_id: id, subdomain }) {
  if (!id) return null
  const href = `/admin/tenants/${id}`
  return h("a", { class: "table-name inline-block py-0.5", href, title: subdomain, translate: "no" }, subdomain ?? id)
}
