// The books once more, from Stripe's objects and events alone and by the written definitions alone:
// whoever keeps books otherwise must come to the same numbers. Where the definitions leave it open,
// they are read thus:
// - What happens at the instant a month begins is that month's, also a line without a period.
// - Contra is negative: revenue + contra = recognised. An undone reversal is contra above zero.
// - "Given back in all" counts what notes name, too: a later spread evens out what they left uneven.
// - Invoiced is the total of the invoices that were finalized, with tax; one below zero lowers it.
// - Recovered is what was paid after the failure; an invoice that notes have covered is neither
//   recovered nor pending.
// - Who is exempt or pays the tax himself has no tax inside a price. A customer's own discount counts
//   where his subscription has none. A discount is over when it is taken away.
// - A movement is new until a day has ended with revenue: what comes and goes within a day never was.
// - A refund that waits counts from its date; one that failed comes back on the day it did.
import { isBefore, monthOf, monthsBetween, nextMonth, startOfMonth } from "./calendar.mjs"
import { movesOf } from "./cash.mjs"
import { DiscountBook } from "./discounts.mjs"
import { histories, idOf, inOrder, listed } from "./events.mjs"
import {
  firstFailedAt,
  invoicesOf,
  paidBy,
  receivableAt,
  recoveredAmount,
  recoveredAt,
  remainingAt,
  statusAt,
} from "./invoices.mjs"
import { fraction, plain, sum } from "./money.mjs"
import { movementsOf, stepsOf } from "./mrr.mjs"
import { deferredAt, obligationsOf, recognisedBetween } from "./revenue.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./events.mjs").Snapshot} Snapshot */
/** @typedef {import("./calendar.mjs").Cut} Cut */
/** @typedef {import("./invoices.mjs").Invoice} Invoice */
/** @typedef {import("./cash.mjs").Move} Move */
/** @typedef {import("./mrr.mjs").Movement} Movement */
/** @typedef {import("./mrr.mjs").Step} Step */
/** @typedef {import("./revenue.mjs").Obligation} Obligation */
/** @typedef {{ steps: Step[], movements: Movement[], moves: Move[], invoices: Invoice[], obligations: Obligation[] }} Books */

/**
 * Everything as it is known in the end, cut at `until` (what happens in that second is in).
 * @param {{
 *   events: Json[], objects: Json, zone?: string, policy?: import("./discounts.mjs").Policy, until: Date | number
 * }} question
 */
export function recompute({ events, objects, zone = "UTC", policy = "recurring", until }) {
  /** @type {Set<string>} */
  const problems = new Set()
  const problem = (/** @type {string} */ text) => problems.add(text)
  const ordered = inOrder(events)
  const cut = { at: secondsOf(until), included: true }
  const steps = allSteps(ordered, objects, policy, problem).filter(({ at }) => isBefore(at, cut))
  const invoices = invoicesOf(ordered, objects, problem)
  const books = {
    steps,
    movements: movementsOf(steps, zone),
    moves: movesOf(invoices, ordered, objects, problem),
    invoices,
    obligations: obligationsOf(invoices, ordered, objects, problem),
  }
  return {
    mrr: mrrOf(books),
    months: monthsOf(books, zone, cut),
    invoices: Object.fromEntries(
      invoices.filter(({ created }) => isBefore(created, cut)).map(invoice => [invoice.id, shown(invoice, cut)]),
    ),
    problems: [...problems],
  }
}

/** @param {Date | number} moment */
export const secondsOf = moment => (moment instanceof Date ? Math.floor(moment.getTime() / 1000) : moment)

/** @param {Json[]} events @param {Json} objects @param {import("./discounts.mjs").Policy} policy @param {(text: string) => void} problem */
export function allSteps(events, objects, policy, problem) {
  const customers = histories(
    events.filter(({ type }) => /^customer\.(created|updated|deleted)$/.test(type)),
    [],
    problem,
  )
  const subscriptions = histories(
    events.filter(({ type }) => type.startsWith("customer.subscription.")),
    ["status", "items", "discounts", "pause_collection"],
    problem,
  )
  for (const { id } of listed(objects.subscriptions))
    if (!subscriptions.has(id)) problem(`no event tells of the subscription ${id}`)
  const around = {
    discounts: new DiscountBook(events, objects, problem),
    customers,
    inside: partsInside(objects),
    policy,
    problem,
  }
  return [...subscriptions.values()].flatMap(snapshots => stepsOf(snapshots, around))
}

/** Which part of the lines of a subscription's item was no tax. @param {Json} objects */
function partsInside(objects) {
  /** @type {Map<string, { at: number, part: import("./money.mjs").Fraction }[]>} */
  const parts = new Map()
  const invoices = listed(objects.invoices).sort((a, b) => a.created - b.created)
  for (const invoice of invoices)
    for (const line of invoice.lines?.data ?? []) {
      const { subscription_item, proration } = line.parent?.subscription_item_details ?? {}
      const part = partOf(line)
      const item = idOf(subscription_item)
      if (!item || proration || !part) continue
      const known = parts.get(item)
      if (known) known.push({ at: invoice.created, part })
      else parts.set(item, [{ at: invoice.created, part }])
    }
  return parts
}

/** @param {Json} line */
function partOf({ amount, discount_amounts, taxes }) {
  const whole = BigInt(amount) - sum((discount_amounts ?? []).map((/** @type {Json} */ cut) => BigInt(cut.amount)))
  const inside = (taxes ?? []).filter((/** @type {Json} */ tax) => tax.tax_behavior === "inclusive")
  const tax = sum(inside.map((/** @type {Json} */ entry) => BigInt(entry.amount)))
  return whole > 0n ? fraction(whole - tax, whole) : null
}

/** @param {Books} books */
function mrrOf({ steps, movements }) {
  /** @type {Record<string, Record<string, number | string>>} */
  const perCustomer = {}
  for (const { customer, currency, after } of movements) {
    perCustomer[customer] ??= {}
    perCustomer[customer][currency] = plain(after)
    if (after === 0n) delete perCustomer[customer][currency]
  }
  for (const [customer, amounts] of Object.entries(perCustomer))
    if (Object.keys(amounts).length === 0) delete perCustomer[customer]
  /** @type {Record<string, number | string>} */
  const total = {}
  for (const currency of [...new Set(steps.map(step => step.currency))].sort())
    total[currency] = plain(sum(steps.filter(step => step.currency === currency).map(({ delta }) => delta)))
  return {
    perCustomer,
    total,
    movements: movements.map(({ customer, currency, day, kind, amount }) => {
      return { customer, currency, day, kind, amount: plain(amount) }
    }),
  }
}

/** @param {Invoice} invoice @param {Cut} cut */
function shown(invoice, cut) {
  return {
    status: statusAt(invoice, cut),
    total: plain(invoice.total),
    paid: plain(paidBy(invoice, cut, ({ byStripe }) => byStripe)),
    paid_out_of_band: plain(paidBy(invoice, cut, ({ byStripe }) => !byStripe)),
    remaining: plain(remainingAt(invoice, cut)),
    receivable_at_until: plain(receivableAt(invoice, cut)),
    first_failed_at: firstFailedAt(invoice, cut),
    recovered_at: recoveredAt(invoice, cut),
  }
}

/** @param {Books} books @param {Cut} cut @returns {{ first: number, currencies: string[] } | null} */
function reachOf({ steps, moves, invoices, obligations }, cut) {
  const finalized = invoices.flatMap(({ currency, finalizedAt: at }) => (at === null ? [] : [{ currency, at }]))
  const booked = obligations.map(({ currency, booked: at }) => ({ currency, at }))
  const all = [...steps, ...moves, ...finalized, ...booked].filter(({ at }) => isBefore(at, cut))
  if (all.length === 0) return null
  const first = all.reduce((earliest, { at }) => Math.min(earliest, at), cut.at)
  return { first, currencies: [...new Set(all.map(({ currency }) => currency))].sort() }
}

/** @param {Books} books @param {string} zone @param {Cut} cut */
function monthsOf(books, zone, cut) {
  /** @type {Record<string, Record<string, ReturnType<typeof monthOfBooks>>>} */
  const months = {}
  const reach = reachOf(books, cut)
  if (!reach) return months
  for (const month of monthsBetween(monthOf(zone, reach.first), monthOf(zone, cut.at))) {
    const end = startOfMonth(zone, nextMonth(month))
    const from = { at: startOfMonth(zone, month), included: false }
    const to = end <= cut.at ? { at: end, included: false } : cut
    months[month] = {}
    for (const currency of reach.currencies)
      months[month][currency] = monthOfBooks(inCurrency(books, currency), month, from, to, cut)
  }
  return months
}

/** @param {Books} books @param {string} currency @returns {Books} */
function inCurrency(books, currency) {
  const own = (/** @type {{ currency: string }} */ entry) => entry.currency === currency
  return {
    steps: books.steps.filter(own),
    movements: books.movements.filter(own),
    moves: books.moves.filter(own),
    invoices: books.invoices.filter(own),
    obligations: books.obligations.filter(own),
  }
}

/** @param {Books} books of one currency @param {string} month @param {Cut} from @param {Cut} to @param {Cut} cut */
function monthOfBooks(books, month, from, to, cut) {
  const within = (/** @type {number | null} */ at) => at !== null && isBefore(at, to) && !isBefore(at, from)
  const mrrAt = (/** @type {Cut} */ moment) =>
    sum(books.steps.filter(({ at }) => isBefore(at, moment)).map(({ delta }) => delta))
  const moved = (/** @type {string} */ kind) =>
    plain(
      sum(
        books.movements.filter(entry => entry.kind === kind && entry.day.startsWith(month)).map(({ amount }) => amount),
      ),
    )
  const cash = (/** @type {import("./cash.mjs").Kind} */ kind) =>
    sum(books.moves.filter(move => move.kind === kind && within(move.at)).map(({ amount }) => amount))
  const recognised = recognisedBetween(books.obligations, from, to)
  return {
    mrr_start: plain(mrrAt(from)),
    mrr_end: plain(mrrAt(to)),
    new: moved("new"),
    reactivation: moved("reactivation"),
    expansion: moved("expansion"),
    contraction: moved("contraction"),
    churn: moved("churn"),
    gross: plain(cash("gross")),
    other: plain(cash("other")),
    refunds: plain(cash("refunds")),
    disputes: plain(cash("disputes")),
    net: plain(cash("gross") - cash("refunds") - cash("disputes")),
    receivables: plain(sum(books.invoices.map(invoice => receivableAt(invoice, to)))),
    invoiced: plain(sum(books.invoices.filter(({ finalizedAt }) => within(finalizedAt)).map(({ total }) => total))),
    dunning: dunningOf(
      books.invoices.filter(({ failedAt }) => within(failedAt)),
      cut,
    ),
    revenue: plain(recognised.revenue),
    contra: plain(recognised.contra),
    recognised: plain(recognised.recognised),
    deferred: plain(deferredAt(books.obligations, to)),
  }
}

/** Of the invoices that failed first in one month. @param {Invoice[]} invoices @param {Cut} cut */
function dunningOf(invoices, cut) {
  const recovered = invoices.filter(invoice => recoveredAt(invoice, cut) !== null)
  return {
    entered: invoices.length,
    entered_amount: plain(sum(invoices.map(({ failedAmount }) => failedAmount))),
    recovered: recovered.length,
    recovered_amount: plain(sum(recovered.map(invoice => recoveredAmount(invoice, cut)))),
    pending: invoices.filter(invoice => statusAt(invoice, cut) === "open").length,
  }
}
