// What an invoice says: its lines, and how they come to what is owed.

import { h } from "../lib/dom.js"
import { formatDate, formatMoney, formatNumber } from "../lib/format.js"
import { asksForMoney } from "../lib/invoices.js"
import { label, t } from "../lib/messages.js"

/** @typedef {import("../lib/invoices.js").Invoice} Invoice */
/** @typedef {import("../lib/invoices.js").Line} Line */
/** @typedef {import("../lib/dom.js").Child} Child */

/**
 * A table within a card, which is a list of cards on a phone.
 * @template Row
 * @param {{ title: string, rows: Row[], columns: { head: string, numeric?: boolean, wide?: boolean, cell: (row: Row) => Child | Child[] }[] }} table
 */
export function smallTable({ title, rows, columns }) {
  const classes = (/** @type {{ numeric?: boolean, wide?: boolean }} */ { numeric, wide }) =>
    [numeric && "align-end", wide && "wide-column"].filter(Boolean).join(" ")
  return h(
    "div",
    { class: "table-card" },
    h(
      "div",
      { class: "scroller", tabindex: "0", role: "group", "aria-label": title },
      h(
        "table",
        { class: "table table-wide", "data-density": "compact" },
        h("caption", { class: "sr-only" }, title),
        h(
          "thead",
          {},
          h("tr", {}, ...columns.map(column => h("th", { scope: "col", class: classes(column) }, column.head))),
        ),
        h("tbody", {}, ...rows.map(row => h("tr", {}, ...columns.map((column, index) => cell(row, column, index))))),
      ),
    ),
  )

  /** @param {Row} row @param {(typeof columns)[number]} column @param {number} index */
  function cell(row, column, index) {
    const content = [column.cell(row)].flat().filter(Boolean)
    if (index === 0) return h("th", { scope: "row", class: classes(column) }, ...content)
    return h("td", { class: classes(column), "data-head": column.head }, content.length > 0 && h("div", {}, ...content))
  }
}

/** @param {Invoice} invoice */
export function invoicePaper(invoice) {
  const money = (/** @type {number} */ amount) => formatMoney({ currency: invoice.currency, amount })
  const unlessZero = (/** @type {number} */ amount) => amount !== 0 && money(amount)
  const hasDiscount = invoice.lines.some(({ discount }) => discount !== 0)
  const hasTax = invoice.lines.some(({ tax }) => tax !== 0)
  const columns = [
    { head: t("invoice.description"), wide: true, cell: describe },
    { head: t("invoice.period"), wide: true, cell: periodOf },
    {
      head: t("invoice.quantity"),
      numeric: true,
      cell: (/** @type {Line} */ { quantity }) => quantity !== null && formatNumber(quantity),
    },
    hasDiscount && {
      head: t("invoice.discount"),
      numeric: true,
      cell: (/** @type {Line} */ { discount }) => unlessZero(-discount),
    },
    hasTax && { head: t("invoice.tax"), numeric: true, cell: (/** @type {Line} */ { tax }) => unlessZero(tax) },
    { head: t("invoice.amount"), numeric: true, cell: (/** @type {Line} */ { amount }) => money(amount) },
  ].filter(column => column !== false)
  return [
    invoice.lines.length > 0
      ? smallTable({ title: t("invoice.lines"), rows: invoice.lines, columns })
      : h("p", { class: "card-body text-soft" }, t("invoice.no_lines")),
    h("div", { class: "card-body" }, totals(invoice, money)),
  ]
}

/** @param {Line} line */
function describe({ description, is_proration: isProration }) {
  return [
    h("span", { translate: "no", dir: "auto" }, description ?? "–"),
    isProration && h("span", { class: "badge ms-2" }, t("invoice.proration")),
  ]
}

/** @param {Line} line */
function periodOf({ period_start: from, period_end: until }) {
  if (!from) return null
  const day = (/** @type {string} */ time) => h("time", { datetime: time }, formatDate(new Date(time)))
  return !until || until === from ? day(from) : [day(from), " – ", day(until)]
}

/** @param {Invoice} invoice @param {(amount: number) => string} money */
function totals(invoice, money) {
  const { subtotal, discount, taxes, tax, amount, amount_due: due, amount_paid: paid } = invoice
  /** @type {[string, number, boolean?][]} */
  const sums = []
  if (subtotal !== null) sums.push([t("invoice.subtotal"), subtotal])
  if (discount !== 0) sums.push([t("invoice.discount"), -discount])
  if (taxes.length === 0 && tax) sums.push([t("invoice.tax"), tax])
  for (const one of taxes) {
    const name = one.is_inclusive ? t("invoice.tax_included") : t("invoice.tax_added")
    const of = one.taxable_amount === null ? "" : ` (${t("invoice.tax_of", { amount: money(one.taxable_amount) })})`
    sums.push([name + of, one.amount])
  }
  sums.push([t("invoice.total"), amount, true])
  if (due !== null && due !== amount) sums.push([t("invoice.balance"), due - amount])
  sums.push([t("invoice.paid"), paid])
  if (asksForMoney(invoice))
    sums.push([label("column.billing_invoices", "amount_remaining"), invoice.amount_remaining, true])
  return h(
    "dl",
    { class: "numbers ms-auto grid max-w-md grid-cols-[minmax(0,1fr)_auto] gap-x-6 gap-y-1.5 text-sm" },
    ...sums.flatMap(([name, sum, isMain]) => [
      h("dt", { class: isMain ? "font-semibold" : "text-soft" }, name),
      h("dd", { class: isMain ? "text-end font-semibold" : "text-end" }, money(sum)),
    ]),
  )
}
