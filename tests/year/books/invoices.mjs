// What became of each invoice and when: payments, credit notes, failures, ends.
import { isBefore } from "./calendar.mjs"
import { idOf, listed } from "./events.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./calendar.mjs").Cut} Cut */
/** @typedef {{ at: number, amount: bigint, byStripe: boolean }} Payment */
/**
 * @typedef {{
 *   id: string, currency: string, customer: string, created: number, finalizedAt: number | null,
 *   total: bigint, due: bigint, payments: Payment[],
 *   notes: { at: number, voidedAt: number | null, amount: bigint }[],
 *   paidAt: number | null, voidedAt: number | null, uncollectibleAt: number | null,
 *   failedAt: number | null, failedAmount: bigint, object: Json
 * }} Invoice `due`: what was to be paid when it was finalized; the amount of a note: its part before payment
 */

/** @param {any} n */
const big = n => BigInt(n ?? 0)

/** @param {Json} invoice */
const wasOutOfBand = invoice => big(invoice.amount_paid_off_stripe)

/** @param {Json} invoice @param {(text: string) => void} problem @returns {Payment[]} */
function paymentsOf(invoice, problem) {
  /** @type {Payment[]} */
  const payments = []
  for (const payment of invoice.payments?.data ?? []) {
    if (payment.status !== "paid") continue
    const byStripe = payment.payment.type === "payment_intent" || payment.payment.type === "charge"
    payments.push({ at: payment.status_transitions.paid_at, amount: big(payment.amount_paid), byStripe })
  }
  const paidAt = invoice.status_transitions.paid_at
  const known = payments.filter(({ byStripe }) => byStripe).reduce((all, { amount }) => all + amount, 0n)
  const other = payments.filter(({ byStripe }) => !byStripe).reduce((all, { amount }) => all + amount, 0n)
  if (wasOutOfBand(invoice) > other)
    payments.push({ at: paidAt, amount: wasOutOfBand(invoice) - other, byStripe: false })
  if (big(invoice.amount_paid) > known + other) {
    problem(`${invoice.id} was paid more than its payments say`)
    payments.push({ at: paidAt, amount: big(invoice.amount_paid) - known - other, byStripe: true })
  }
  return payments
}

/** @param {Json[]} events in order @param {string} type @returns {Map<string, Json>} the first of each object */
export function firstOf(events, type) {
  /** @type {Map<string, Json>} */
  const found = new Map()
  for (const event of events)
    if (event.type === type && !found.has(event.data.object.id)) found.set(event.data.object.id, event)
  return found
}

/** What a note took before payment goes back into what is due, to have it as it was. @param {Json} invoice */
const dueAtFirst = invoice => big(invoice.amount_due) + big(invoice.pre_payment_credit_notes_amount)

/** @param {Json[]} events in order @param {Json} objects @param {(text: string) => void} problem @returns {Invoice[]} */
export function invoicesOf(events, objects, problem) {
  const finalized = firstOf(events, "invoice.finalized")
  const failed = firstOf(events, "invoice.payment_failed")
  const notes = grouped(listed(objects.credit_notes), note => idOf(note.invoice) ?? "")
  return listed(objects.invoices).map(invoice => {
    if (invoice.lines?.has_more) problem(`the lines of ${invoice.id} are not all known`)
    const failure = failed.get(invoice.id)
    const { finalized_at, paid_at, voided_at, marked_uncollectible_at } = invoice.status_transitions
    return {
      id: invoice.id,
      currency: invoice.currency,
      customer: idOf(invoice.customer) ?? "",
      created: invoice.created,
      finalizedAt: finalized_at ?? null,
      total: big(invoice.total),
      due: big(finalized.get(invoice.id)?.data.object.amount_due ?? dueAtFirst(invoice)),
      payments: paymentsOf(invoice, problem),
      notes: (notes.get(invoice.id) ?? []).map(note => ({
        at: note.created,
        voidedAt: note.voided_at ?? null,
        amount: big(note.pre_payment_amount),
      })),
      paidAt: paid_at ?? null,
      voidedAt: voided_at ?? null,
      uncollectibleAt: marked_uncollectible_at ?? null,
      failedAt: failure?.created ?? null,
      failedAmount: big(failure?.data.object.amount_remaining),
      object: invoice,
    }
  })
}

/** @template T @param {T[]} entries @param {(entry: T) => string} name @returns {Map<string, T[]>} */
export function grouped(entries, name) {
  /** @type {Map<string, T[]>} */
  const groups = new Map()
  for (const entry of entries) {
    const known = groups.get(name(entry))
    if (known) known.push(entry)
    else groups.set(name(entry), [entry])
  }
  return groups
}

/** @param {number | null} at @param {Cut} cut */
const happened = (at, cut) => at !== null && isBefore(at, cut)

/** @param {Invoice} invoice @param {Cut} cut @param {(payment: Payment) => boolean} [which] */
export const paidBy = (invoice, cut, which = () => true) =>
  invoice.payments
    .filter(payment => isBefore(payment.at, cut) && which(payment))
    .reduce((all, { amount }) => all + amount, 0n)

/** What a customer still would have to pay, whether or not anybody expects it. @param {Invoice} invoice @param {Cut} cut */
export function remainingAt(invoice, cut) {
  if (!happened(invoice.finalizedAt, cut) || happened(invoice.paidAt, cut)) return 0n
  const noted = invoice.notes
    .filter(note => isBefore(note.at, cut) && !happened(note.voidedAt, cut))
    .reduce((all, { amount }) => all + amount, 0n)
  const left = invoice.due - noted - paidBy(invoice, cut)
  return left > 0n ? left : 0n
}

/** @param {Invoice} invoice @param {Cut} cut */
export const receivableAt = (invoice, cut) =>
  happened(invoice.voidedAt, cut) || happened(invoice.uncollectibleAt, cut) ? 0n : remainingAt(invoice, cut)

/** @param {Invoice} invoice @param {Cut} cut */
export function statusAt(invoice, cut) {
  if (happened(invoice.voidedAt, cut)) return "void"
  if (happened(invoice.paidAt, cut)) return "paid"
  if (happened(invoice.uncollectibleAt, cut)) return "uncollectible"
  return happened(invoice.finalizedAt, cut) ? "open" : "draft"
}

/** When an invoice that had failed was paid; one that notes have covered was not. @param {Invoice} invoice @param {Cut} cut */
export function recoveredAt(invoice, cut) {
  const { failedAt, paidAt } = invoice
  if (failedAt === null || paidAt === null || !happened(failedAt, cut) || !happened(paidAt, cut)) return null
  return recoveredAmount(invoice, cut) > 0n ? paidAt : null
}

/** @param {Invoice} invoice @param {Cut} cut */
export const recoveredAmount = (invoice, cut) =>
  paidBy(invoice, cut, ({ at }) => invoice.failedAt !== null && at >= invoice.failedAt)

/** @param {Invoice} invoice @param {Cut} cut */
export const firstFailedAt = (invoice, cut) => (happened(invoice.failedAt, cut) ? invoice.failedAt : null)
