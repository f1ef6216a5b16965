// Cash by the day it moved (D12), and what failed payments came to (D14).
import { idOf, listed } from "./events.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./invoices.mjs").Invoice} Invoice */
/** @typedef {"gross" | "other" | "refunds" | "disputes"} Kind */
/** @typedef {{ kind: Kind, currency: string, at: number, amount: bigint }} Move */

/** Which invoice a charge or payment intent has paid. @param {Json} objects @returns {Map<string, string>} */
export function payers(objects) {
  /** @type {Map<string, string>} */
  const invoices = new Map()
  for (const invoice of listed(objects.invoices))
    for (const { payment } of invoice.payments?.data ?? [])
      for (const id of [idOf(payment.payment_intent), idOf(payment.charge)]) if (id) invoices.set(id, invoice.id)
  for (const charge of listed(objects.charges)) {
    const invoice = invoices.get(idOf(charge.payment_intent) ?? "") ?? idOf(charge.invoice)
    if (invoice) invoices.set(charge.id, invoice)
  }
  return invoices
}

/** @param {Json} moved a refund or a dispute @param {Map<string, string>} invoices @returns {string | null} */
export const invoiceOf = (moved, invoices) =>
  invoices.get(idOf(moved.charge) ?? "") ?? invoices.get(idOf(moved.payment_intent) ?? "") ?? null

/** @param {Json} objects @param {any} id @returns {number | null} */
const balanceMovedAt = (objects, id) =>
  (typeof id === "object" ? id : listed(objects.balance_transactions).find(entry => entry.id === id))?.created ?? null

/**
 * Refunds by their dates; `failedAt` when the money came back.
 * @param {Json[]} events in order @param {Json} objects @param {(text: string) => void} problem
 * @returns {{ refund: Json, at: number, failedAt: number | null }[]}
 */
export function refundsOf(events, objects, problem) {
  /** @type {Map<string, number>} */
  const failures = new Map()
  for (const { type, created, data } of events) {
    const about = type.startsWith("refund.") || type === "charge.refund.updated"
    if (about && isUndone(data.object) && !failures.has(data.object.id)) failures.set(data.object.id, created)
  }
  return listed(objects.refunds).map(refund => {
    const failedAt = isUndone(refund)
      ? (failures.get(refund.id) ?? balanceMovedAt(objects, refund.failure_balance_transaction))
      : null
    if (isUndone(refund) && failedAt === null) problem(`nobody told when ${refund.id} failed`)
    return { refund, at: refund.created, failedAt: isUndone(refund) ? (failedAt ?? refund.created) : null }
  })
}

/** @param {Json} refund */
const isUndone = ({ status }) => status === "failed" || status === "canceled"

/**
 * The disputes that were lost, by the date of that.
 * @param {Json[]} events in order @param {Json} objects @param {(text: string) => void} problem
 * @returns {{ dispute: Json, at: number }[]}
 */
export function lostDisputes(events, objects, problem) {
  /** @type {Map<string, number>} */
  const ends = new Map()
  for (const { type, created, data } of events)
    if (type.startsWith("charge.dispute.") && data.object.status === "lost" && !ends.has(data.object.id))
      ends.set(data.object.id, created)
  return listed(objects.disputes)
    .filter(({ status }) => status === "lost")
    .flatMap(dispute => {
      const at = ends.get(dispute.id)
      if (at === undefined) problem(`nobody told when ${dispute.id} was lost`)
      return at === undefined ? [] : [{ dispute, at }]
    })
}

/** Charges that no invoice knows, as those of a payment page. @param {Json[]} events @param {Json} objects @returns {Move[]} */
function chargesWithoutInvoice(events, objects) {
  const invoices = payers(objects)
  /** @type {Map<string, number>} */
  const succeeded = new Map()
  for (const { type, created, data } of events)
    if (type === "charge.succeeded" || type === "charge.captured") succeeded.set(data.object.id, created)
  return listed(objects.charges)
    .filter(charge => charge.status === "succeeded" && charge.captured !== false && !invoices.has(charge.id))
    .map(charge => ({
      kind: "gross",
      currency: charge.currency,
      at: succeeded.get(charge.id) ?? balanceMovedAt(objects, charge.balance_transaction) ?? charge.created,
      amount: BigInt(charge.amount_captured ?? charge.amount),
    }))
}

/**
 * @param {Invoice[]} invoices @param {Json[]} events @param {Json} objects @param {(text: string) => void} problem
 * @returns {Move[]}
 */
export function movesOf(invoices, events, objects, problem) {
  /** @type {Move[]} */
  const moves = chargesWithoutInvoice(events, objects)
  for (const { currency, payments } of invoices)
    for (const { at, amount, byStripe } of payments)
      moves.push({ kind: byStripe ? "gross" : "other", currency, at, amount })
  for (const { refund, at, failedAt } of refundsOf(events, objects, problem)) {
    const move = { kind: /** @type {Kind} */ ("refunds"), currency: refund.currency, amount: BigInt(refund.amount) }
    moves.push({ ...move, at })
    if (failedAt !== null) moves.push({ ...move, at: failedAt, amount: -move.amount })
  }
  for (const { dispute, at } of lostDisputes(events, objects, problem))
    moves.push({ kind: "disputes", currency: dispute.currency, at, amount: BigInt(dispute.amount) })
  return moves
}
