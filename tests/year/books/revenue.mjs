// Recognised and deferred revenue (D17): obligations, their mirrors, and what of them is earned when.
import { isBefore } from "./calendar.mjs"
import { invoiceOf, lostDisputes, payers, refundsOf } from "./cash.mjs"
import { idOf, listed } from "./events.mjs"
import { firstOf, grouped, remainingAt } from "./invoices.mjs"
import { least, most, share, sum } from "./money.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./calendar.mjs").Cut} Cut */
/** @typedef {import("./invoices.mjs").Invoice} Invoice */
/**
 * @typedef {{
 *   amount: bigint, start: number, end: number, booked: number, currency: string, mirror: boolean, line: string
 * }} Obligation
 */
/** @typedef {{ line: string, tax: boolean, amount: bigint, given: bigint, start: number, end: number }} Cell */
/** @typedef {{ at: number, rank: number, id: string, apply: () => bigint[], undoneAt: number | null }} Reversal */

/** @param {any} n */
const big = n => BigInt(n ?? 0)

/** @param {Json[]} [entries] */
const amounts = (entries = []) => sum(entries.map(({ amount }) => big(amount)))

/** @param {Json} line */
const inclusive = ({ taxes }) =>
  amounts((taxes ?? []).filter((/** @type {Json} */ tax) => tax.tax_behavior === "inclusive"))

/** Of an invoice's line: without discounts and the tax that is inside. @param {Json} line */
export const netOf = line => big(line.amount) - amounts(line.discount_amounts) - inclusive(line)

/** Earned of an obligation up to an instant. @param {Obligation} obligation @param {Cut} cut */
export function recognisedAt({ amount, start, end, booked }, cut) {
  if (!isBefore(booked, cut)) return 0n
  if (end <= start || cut.at >= end) return amount
  if (cut.at <= start) return 0n
  return share(amount, BigInt(cut.at - start), BigInt(end - start))
}

/** @param {Obligation[]} obligations @param {Cut} from @param {Cut} to */
export function recognisedBetween(obligations, from, to) {
  let revenue = 0n
  let contra = 0n
  for (const obligation of obligations) {
    const all = recognisedAt(obligation, to) - recognisedAt(obligation, from)
    const isNew = obligation.mirror && isBefore(obligation.booked, to) && !isBefore(obligation.booked, from)
    // What had been earned until then is taken back; what the mirror takes later was never earned.
    const back = isNew ? recognisedAt(obligation, { at: obligation.booked, included: true }) : 0n
    contra += back
    revenue += all - back
  }
  return { revenue, contra, recognised: revenue + contra }
}

/** @param {Obligation[]} obligations @param {Cut} cut */
export const deferredAt = (obligations, cut) =>
  sum(
    obligations
      .filter(({ booked }) => isBefore(booked, cut))
      .map(obligation => obligation.amount - recognisedAt(obligation, cut)),
  )

/** @param {Json} line */
const originOf = line => line.parent?.subscription_item_details ?? line.parent?.invoice_item_details ?? line

/** @param {Json} line @returns {{ proration: boolean, item: string | null }} */
function originOfLine(line) {
  const { proration, invoice_item } = originOf(line)
  return { proration: Boolean(proration), item: idOf(invoice_item) }
}

/** Net and taxes of each line. @param {Json} invoice @returns {Cell[]} */
function cellsOf(invoice) {
  return (invoice.lines?.data ?? []).flatMap((/** @type {Json} */ line) => {
    const { start, end } = line.period
    return [
      { line: line.id, tax: false, amount: netOf(line), given: 0n, start, end },
      { line: line.id, tax: true, amount: amounts(line.taxes ?? []), given: 0n, start, end },
    ]
  })
}

/** @param {Cell[]} cells the largest; of equal ones that of the lowest line, its net before its tax */
const largest = cells =>
  cells.reduce((best, cell) =>
    cell.amount > best.amount || (cell.amount === best.amount && cell.line < best.line) ? cell : best,
  )

/**
 * @param {Cell[]} cells @param {(cell: Cell, i: number) => bigint} targetOf what each is to have given
 * @returns {bigint[]} what it gives now
 */
function move(cells, targetOf) {
  const targets = cells.map(targetOf)
  return cells.map((cell, i) => {
    const gives = targets[i] - cell.given
    cell.given = targets[i]
    return gives
  })
}

/**
 * After so much in all each cell has given its rounded part, the largest the rest.
 * @param {Cell[]} cells @param {bigint} more
 */
export function spread(cells, more) {
  const whole = sum(cells.map(({ amount }) => amount))
  if (whole <= 0n) return cells.map(() => 0n)
  const wanted = sum(cells.map(({ given }) => given)) + more
  const all = least(wanted, whole)
  const takesRest = largest(cells)
  const parts = new Map(cells.map(cell => [cell, share(cell.amount, all, whole)]))
  const others = sum(cells.filter(cell => cell !== takesRest).map(cell => parts.get(cell) ?? 0n))
  return move(cells, cell => (cell === takesRest ? all - others : (parts.get(cell) ?? 0n)))
}

/** @param {bigint} wanted @param {Cell} cell never more than is left of it */
function atMostLeft(wanted, { amount, given }) {
  const left = amount - given
  return amount < 0n ? most(wanted, left) : least(wanted, left)
}

/** Lines that the note names give themselves, what is beyond that is spread. @param {Cell[]} cells @param {Json} note */
export function credited(cells, note) {
  /** @type {Map<string, bigint>} */
  const named = new Map()
  let beyond = 0n
  for (const line of note.lines?.data ?? []) {
    const id = idOf(line.invoice_line_item)
    const net = big(line.amount) - big(line.discount_amount) - inclusive(line)
    const taxes = amounts(line.taxes ?? [])
    if (!id || !cells.some(cell => cell.line === id)) {
      beyond += net + taxes
      continue
    }
    named.set(`${id} false`, (named.get(`${id} false`) ?? 0n) + net)
    named.set(`${id} true`, (named.get(`${id} true`) ?? 0n) + taxes)
  }
  if (named.size === 0) return spread(cells, big(note.total ?? note.amount))
  const own = move(cells, cell => {
    const wanted = named.get(`${cell.line} ${cell.tax}`) ?? 0n
    const gives = atMostLeft(wanted, cell)
    beyond += wanted - gives
    return cell.given + gives
  })
  const rest = beyond > 0n ? spread(cells, beyond) : own.map(() => 0n)
  return own.map((amount, i) => amount + rest[i])
}

/**
 * Everything that takes back of the invoices, from the whole account.
 * @typedef {{
 *   notes: Map<string, Json[]>, refunds: Map<string, ReturnType<typeof refundsOf>>,
 *   disputes: Map<string, ReturnType<typeof lostDisputes>>
 * }} TakenBack
 */

/** @param {Json[]} events @param {Json} objects @param {(text: string) => void} problem @returns {TakenBack} */
function takenBack(events, objects, problem) {
  const invoices = payers(objects)
  const notes = listed(objects.credit_notes)
  const named = new Set(
    notes.flatMap(note => (note.refunds ?? []).map((/** @type {Json} */ entry) => idOf(entry.refund))),
  )
  return {
    notes: grouped(notes, note => idOf(note.invoice) ?? ""),
    refunds: grouped(
      refundsOf(events, objects, problem).filter(({ refund }) => !named.has(refund.id)),
      ({ refund }) => invoiceOf(refund, invoices) ?? "",
    ),
    disputes: grouped(lostDisputes(events, objects, problem), ({ dispute }) => invoiceOf(dispute, invoices) ?? ""),
  }
}

/** @param {Invoice} invoice @param {Cell[]} cells @param {TakenBack} back @returns {Reversal[]} */
function reversalsOf(invoice, cells, back) {
  /** @type {Reversal[]} */
  const reversals = []
  for (const note of back.notes.get(invoice.id) ?? [])
    reversals.push({
      at: note.created,
      rank: 0,
      id: note.id,
      apply: () => credited(cells, note),
      undoneAt: note.voided_at ?? null,
    })
  for (const { refund, at, failedAt } of back.refunds.get(invoice.id) ?? [])
    reversals.push({ at, rank: 1, id: refund.id, apply: () => spread(cells, big(refund.amount)), undoneAt: failedAt })
  for (const { dispute, at } of back.disputes.get(invoice.id) ?? [])
    reversals.push({ at, rank: 2, id: dispute.id, apply: () => spread(cells, big(dispute.amount)), undoneAt: null })
  const { uncollectibleAt: givenUp, voidedAt, paidAt } = invoice
  if (givenUp !== null)
    reversals.push({
      at: givenUp,
      rank: 3,
      id: invoice.id,
      apply: () => spread(cells, remainingAt(invoice, { at: givenUp, included: true })),
      undoneAt: paidAt !== null && paidAt >= givenUp ? paidAt : null,
    })
  if (voidedAt !== null)
    reversals.push({
      at: voidedAt,
      rank: 4,
      id: invoice.id,
      apply: () => move(cells, ({ amount }) => amount),
      undoneAt: null,
    })
  return reversals
}

/** @param {Invoice} invoice @param {TakenBack} back @returns {Obligation[]} */
function mirrorsOf(invoice, back) {
  const cells = cellsOf(invoice.object)
  /** @type {Obligation[]} */
  const mirrors = []
  /** @param {bigint[]} gives @param {number} booked */
  const book = (gives, booked) =>
    cells.forEach(({ line, tax, start, end }, i) => {
      if (tax || gives[i] === 0n) return
      mirrors.push({ amount: -gives[i], start, end, booked, currency: invoice.currency, mirror: true, line })
    })
  /** @type {Map<Reversal, bigint[]>} */
  const given = new Map()
  const steps = reversalsOf(invoice, cells, back).flatMap(reversal => [
    { at: reversal.at, reversal, undo: false },
    ...(reversal.undoneAt === null ? [] : [{ at: reversal.undoneAt, reversal, undo: true }]),
  ])
  steps.sort((a, b) => a.at - b.at || orderInSecond(a, b))
  for (const { at, reversal, undo } of steps) {
    if (!undo) given.set(reversal, reversal.apply())
    const gives = given.get(reversal) ?? []
    if (undo) move(cells, (cell, i) => cell.given - gives[i])
    book(undo ? gives.map(amount => -amount) : gives, at)
  }
  return mirrors
}

/** @typedef {{ reversal: Reversal, undo: boolean }} Turn */

/** @param {Turn} a @param {Turn} b */
function orderInSecond(a, b) {
  if (a.reversal === b.reversal) return Number(a.undo) - Number(b.undo)
  return a.reversal.rank - b.reversal.rank || (a.reversal.id < b.reversal.id ? -1 : 1)
}

/**
 * @param {Invoice[]} invoices @param {Json[]} events in order @param {Json} objects
 * @param {(text: string) => void} problem @returns {Obligation[]}
 */
export function obligationsOf(invoices, events, objects, problem) {
  const back = takenBack(events, objects, problem)
  const dates = itemDates(events, objects)
  /** @type {Obligation[]} */
  const obligations = []
  /** @type {Set<string>} */
  const billed = new Set()
  for (const invoice of invoices) {
    for (const line of invoice.object.lines?.data ?? []) {
      const { proration, item } = originOfLine(line)
      const since = proration && item ? dates.get(item) : undefined
      if (item) billed.add(item)
      if (proration && since === undefined) problem(`nobody told when the proration ${line.id} was made`)
      const booked = since ?? invoice.finalizedAt
      if (booked === null) continue
      obligations.push({ ...spanOf(line), amount: netOf(line), booked, currency: invoice.currency, mirror: false })
    }
    if (invoice.finalizedAt !== null) obligations.push(...mirrorsOf(invoice, back))
  }
  obligations.push(...unbilled(events, objects, billed))
  return obligations.filter(({ amount }) => amount !== 0n)
}

/** @param {Json} line */
const spanOf = ({ id, period }) => ({ line: id, start: period.start, end: period.end })

/** When each invoice item was made. @param {Json[]} events @param {Json} objects @returns {Map<string, number>} */
function itemDates(events, objects) {
  const told = events.filter(({ type }) => type.startsWith("invoiceitem.")).map(({ data }) => data.object)
  return new Map([...told, ...listed(objects.invoiceitems)].map(item => [item.id, item.date]))
}

/**
 * Prorations that no invoice has yet, and those that were taken away before.
 * @param {Json[]} events @param {Json} objects @param {Set<string>} billed @returns {Obligation[]}
 */
function unbilled(events, objects, billed) {
  /** @param {Json} item @returns {Obligation} */
  const made = item => ({
    ...spanOf(item),
    amount: big(item.net_amount ?? item.amount),
    booked: item.date,
    currency: item.currency,
    mirror: false,
  })
  const counts = (/** @type {Json} */ item) => item.proration && !billed.has(item.id)
  const gone = firstOf(events, "invoiceitem.deleted")
  const waiting = listed(objects.invoiceitems).filter(item => counts(item) && !item.deleted && !gone.has(item.id))
  const taken = [...gone.values()].filter(({ data }) => counts(data.object))
  return [
    ...waiting.map(made),
    ...taken.flatMap(({ created, data }) => {
      const item = made(data.object)
      return [item, { ...item, amount: -item.amount, booked: created, mirror: true }]
    }),
  ]
}
