// What happened to an invoice: its timeline, each attempt with what helps, and what was given back or is disputed.

import { disputePage } from "../lib/disputes.js"
import { h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { declineCell, declineWords } from "./decline.js"
import { smallTable } from "./invoice-paper.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../lib/invoices.js").Invoice} Invoice */
/** @typedef {import("../lib/invoices.js").Moment} Moment */
/** @typedef {import("../lib/invoices.js").Attempt} Attempt */
/** @typedef {import("../lib/dom.js").Child} Child */

/** @param {Moment[]} moments @param {boolean} readsMails */
export function timeline(moments, readsMails) {
  return h("ol", { class: "grid" }, ...moments.map(moment => row(moment, readsMails)))
}

/** @param {Moment} moment @param {boolean} readsMails */
function row(moment, readsMails) {
  const { at, kind, amount, currency, code } = moment
  const isMail = kind.startsWith("mail_")
  const words = h("span", {}, label("invoice_moment", kind))
  const why = code && h("span", { class: "text-soft" }, isMail ? mailOf(moment, readsMails) : whyOf(kind, code))
  return h(
    "li",
    { class: "event", "data-kind": kind },
    h(
      "span",
      { class: "event-text" },
      words,
      amount !== null && currency && h("span", { class: "numbers" }, formatMoney({ amount, currency })),
      why,
    ),
    h("span", { class: "event-time numbers text-sm text-soft" }, exactTime(at)),
  )
}

/** @param {Moment} moment @param {boolean} readsMails @returns {Child} */
function mailOf({ code, object }, readsMails) {
  const name = label("mail_template", code ?? "")
  return readsMails ? h("a", { class: "inline-block py-0.5", href: `/admin/mails/${object}` }, name) : name
}

/** @param {string} kind @param {string} code */
function whyOf(kind, code) {
  if (kind.startsWith("attempt_")) return declineWords(code)
  if (kind === "created") return label("billing_reason", code)
  if (kind === "credit_note") return label("credit_note_reason", code)
  if (kind === "dispute") return label("dispute_reason", code)
  if (kind === "dispute_closed") return label("dispute_status", code)
  if (kind === "refund_failed") return label("refund_failure", code)
  return label("refund_reason", code)
}

/** @typedef {import("../lib/invoices.js").CreditNote} CreditNote */

/**
 * The papers that it has, each kind in a card of its own.
 * @param {Invoice} invoice @param {(note: CreditNote) => Child[]} filesOf the buttons of a credit note
 */
export function papersOf({ attempts, credit_notes: notes, refunds, disputes }, filesOf) {
  return [
    attempts.length > 0 && card("attempts", t("invoice.attempts"), title => attemptTable(title, attempts)),
    notes.length > 0 &&
      card("credit-notes", t("invoice.credit_notes"), title =>
        smallTable({
          title,
          rows: notes,
          columns: [
            { head: t("invoice.number"), cell: ({ number, id }) => code(number ?? id) },
            { head: t("invoice.date"), cell: ({ created_at: time }) => exactTime(time) },
            {
              head: t("invoice.why"),
              cell: ({ reason, voided_at: voided }) => [
                reason && label("credit_note_reason", reason),
                voided && h("span", { class: "badge ms-2" }, t("invoice.voided")),
              ],
            },
            { head: t("invoice.amount"), numeric: true, cell: formatMoney },
            {
              head: t("invoice.files"),
              cell: note => !note.voided_at && h("span", { class: "flex gap-2" }, ...filesOf(note)),
            },
          ],
        }),
      ),
    refunds.length > 0 &&
      card("refunds", t("invoice.refunds"), title =>
        smallTable({
          title,
          rows: refunds,
          columns: [
            { head: t("invoice.at_stripe"), cell: ({ id }) => code(id) },
            { head: t("invoice.date"), cell: ({ date }) => exactTime(date) },
            { head: t("invoice.state"), cell: ({ status }) => label("refund_status", status) },
            {
              head: t("invoice.why"),
              cell: ({ reason, failure_reason: failure }) =>
                failure ? label("refund_failure", failure) : reason && label("refund_reason", reason),
            },
            { head: t("invoice.amount"), numeric: true, cell: formatMoney },
          ],
        }),
      ),
    disputes.length > 0 &&
      card("disputes", t("invoice.disputes"), title =>
        smallTable({
          title,
          rows: disputes,
          columns: [
            {
              head: t("invoice.at_stripe"),
              cell: ({ id }) => h("a", { class: "inline-block py-0.5", href: disputePage(id) }, code(id)),
            },
            { head: t("invoice.date"), cell: ({ created_at: time }) => exactTime(time) },
            { head: t("invoice.state"), cell: ({ status }) => label("dispute_status", status) },
            { head: t("invoice.why"), cell: ({ reason }) => label("dispute_reason", reason) },
            { head: t("invoice.evidence_due"), cell: ({ evidence_due_by: time }) => time && exactTime(time) },
            { head: t("invoice.amount"), numeric: true, cell: formatMoney },
          ],
        }),
      ),
  ]
}

/** @param {string} title @param {Attempt[]} attempts */
function attemptTable(title, attempts) {
  return smallTable({
    title,
    rows: attempts,
    columns: [
      { head: t("invoice.date"), cell: ({ at }) => exactTime(at) },
      { head: t("invoice.state"), cell: ({ outcome }) => h("status-badge", { kind: "attempt", value: outcome }) },
      { head: t("invoice.why"), wide: true, cell: declineCell },
      { head: t("invoice.method"), cell: methodOf },
      { head: t("invoice.amount"), numeric: true, cell: formatMoney },
    ],
  })
}

/** @param {Attempt} attempt */
function methodOf({ brand, last4, method_type: type }) {
  const name = brand ?? type
  return name && h("span", { class: "capitalize", translate: "no" }, last4 ? `${name} •••• ${last4}` : name)
}

/** @param {string} id */
const code = id => h("code", { class: "text-sm wrap-anywhere", translate: "no" }, id)

/** @param {string} name @param {string} title @param {(title: string) => Node} content */
function card(name, title, content) {
  return h(
    "section",
    { class: "card min-w-0", "aria-labelledby": `${name}-title`, id: name },
    h("div", { class: "card-head" }, h("h2", { id: `${name}-title` }, title)),
    content(title),
  )
}
