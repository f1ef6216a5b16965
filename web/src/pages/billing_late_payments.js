// Payments that came after their subscription had ended: whether the tenant runs for them, or the money goes back.

import "../elements/status-badge.js"
import { aboutCell, invoiceLink } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, outcome: string, tenant_id: string, subdomain: string, company: string, stripe_invoice_id: string,
 *   stripe_url: string | null, amount: number, currency: string, runs_until: string | null, paid_at: string | null,
 *   ended_at: string }} LatePayment
 */

const OUTCOMES = ["runs", "refunding", "refunded", "needs_person"]

/** @type {import("../elements/data-table/data-table.js").Table<LatePayment>} */
const declaration = {
  path: "/api/billing/late-payments",
  list: "late_payments",
  title: t("late_payments.title"),
  heads: id => label("column.late_payments", id),
  order: "-id",
  search: { ...rule("GET /api/billing/late-payments", "q"), label: t("late_payments.search") },
  filters: [
    {
      ...rule("GET /api/billing/late-payments", "outcome"),
      values: OUTCOMES,
      words: outcome => label("late_payment", outcome),
    },
  ],
  columns: [
    { id: "subdomain", exported: ["subdomain", "company"], cell: payment => aboutCell(payment) },
    {
      id: "outcome",
      first: true,
      cell: ({ outcome }, only) =>
        only("outcome", outcome, h("status-badge", { kind: "late_payment", value: outcome })),
    },
    { id: "amount", numeric: true, exported: ["amount", "currency"], cell: formatMoney },
    { id: "stripe_invoice_id", cell: ({ stripe_invoice_id: id }) => invoiceLink(id) },
    { id: "ended_at", cell: ({ ended_at: time }) => timeText(time) },
    { id: "paid_at", cell: ({ paid_at: time }) => time && timeText(time) },
    { id: "runs_until", cell: ({ runs_until: time }) => time && timeText(time) },
  ],
  none: { title: t("late_payments.none"), text: t("late_payments.none_text") },
}

startConsole().then(
  () => byId("table", DataTable).start(declaration),
  () => {},
)
