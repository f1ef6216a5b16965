// Monthly recurring revenue from the snapshots of subscriptions (D2 to D7).
import { dayOf } from "./calendar.mjs"
import { idOf } from "./events.mjs"
import { by, decimal, fraction, plus, rounded, times, zero } from "./money.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./events.mjs").Snapshot} Snapshot */
/** @typedef {import("./money.mjs").Fraction} Fraction */
/** @typedef {import("./discounts.mjs").DiscountBook} DiscountBook */
/** @typedef {import("./discounts.mjs").Policy} Policy */
/** @typedef {{ customer: string, currency: string, at: number, delta: bigint }} Step */
/**
 * @typedef {{
 *   customer: string, currency: string, day: string, kind: string, amount: bigint, before: bigint, after: bigint
 * }} Movement
 */
/**
 * What the amounts depend on beside the subscription's own snapshots.
 * @typedef {{
 *   discounts: DiscountBook, customers: Map<string, Snapshot[]>,
 *   inside: Map<string, { at: number, part: Fraction }[]>, policy: Policy, problem: (text: string) => void
 * }} Surroundings `inside`: by subscription item, which part of a line was not tax, in order of time
 */

/** @type {Record<string, Fraction>} periods of one in a month */
const perMonth = { day: fraction(365n, 12n), week: fraction(52n, 12n), month: fraction(1n), year: fraction(1n, 12n) }

/** @template T @param {T[]} ordered @param {(entry: T) => number} at @param {number} moment */
const lastBy = (ordered, at, moment) => ordered.findLast(entry => at(entry) <= moment)

/** @param {Json} subscription */
const isCounted = ({ status, pause_collection }) => (status === "active" || status === "past_due") && !pause_collection

/** @param {Json} item @param {(text: string) => void} problem @returns {Fraction} its price for a whole period */
function amountOf({ id, price, quantity }, problem) {
  if (price.recurring?.usage_type === "metered") return zero
  const unit = price.unit_amount_decimal ?? price.unit_amount
  if (unit === null || unit === undefined) problem(`the price ${price.id} of ${id} has no amount`)
  return times(decimal(unit ?? 0), decimal(quantity ?? 1))
}

/** @param {Json[]} rates @returns {Fraction} */
function partOutsideOf(rates) {
  const inclusive = rates.filter(rate => rate.inclusive).map(rate => decimal(rate.percentage))
  return by(fraction(100n), inclusive.reduce(plus, fraction(100n)))
}

/** @param {Json} subscription @param {Surroundings} around @param {number} at */
function customerAt(subscription, around, at) {
  const snapshots = around.customers.get(idOf(subscription.customer) ?? "") ?? []
  return lastBy(snapshots, ({ at }) => at, at)?.object
}

/** @param {Json} subscription @param {Json} item @param {Surroundings} around @param {number} at */
function netPart(subscription, item, around, at) {
  const exempt = customerAt(subscription, around, at)?.tax_exempt
  if (exempt === "exempt" || exempt === "reverse") return fraction(1n)
  const rates = item.tax_rates?.length ? item.tax_rates : (subscription.default_tax_rates ?? [])
  if (rates.length > 0) return partOutsideOf(rates)
  return lastBy(around.inside.get(item.id) ?? [], ({ at }) => at, at)?.part ?? fraction(1n)
}

/**
 * A customer's own discount counts where the subscription has none.
 * @param {Json} subscription @param {Surroundings} around @param {number} at
 */
function discountsAt(subscription, around, at) {
  const own = subscription.discounts ?? (subscription.discount ? [subscription.discount] : [])
  if (own.length > 0) return own
  const granted = customerAt(subscription, around, at)?.discount
  return granted ? [granted] : []
}

/**
 * By currency.
 * @param {Json} subscription @param {Surroundings} around @param {number} at @returns {Map<string, bigint>}
 */
export function monthly(subscription, around, at) {
  /** @type {Map<string, bigint>} */
  const totals = new Map()
  if (!isCounted(subscription)) return totals
  /** @type {Json[]} */
  const items = subscription.items.data
  const priced = items.map(item => ({
    amount: amountOf(item, around.problem),
    currency: item.price.currency,
    product: idOf(item.price.product),
    own: item.discounts ?? [],
  }))
  const left = around.discounts.reduce(priced, discountsAt(subscription, around, at), at, around.policy)
  items.forEach((item, i) => {
    const { interval, interval_count: count = 1 } = item.price.recurring
    const months = times(perMonth[interval], fraction(1n, BigInt(count)))
    const amount = rounded(times(times(left[i], netPart(subscription, item, around, at)), months))
    totals.set(item.price.currency, (totals.get(item.price.currency) ?? 0n) + amount)
  })
  return totals
}

/**
 * The instants at which the MRR of one snapshot may change while it stands.
 * @param {Json} subscription @param {Surroundings} around
 */
function instantsOf(subscription, around) {
  /** @type {Json[]} */
  const items = subscription.items?.data ?? []
  const customers = around.customers.get(idOf(subscription.customer) ?? "") ?? []
  const named = [
    ...(subscription.discounts ?? []),
    ...items.flatMap(item => item.discounts ?? []),
    ...customers.flatMap(({ object }) => (object.discount ? [object.discount] : [])),
  ]
  return [
    ...around.discounts.changes(named),
    ...customers.map(({ at }) => at),
    ...items.flatMap(item => (around.inside.get(item.id) ?? []).map(({ at }) => at)),
  ]
}

/** @param {Snapshot[]} snapshots of one subscription, in order @param {Surroundings} around @returns {Step[]} */
export function stepsOf(snapshots, around) {
  /** @type {Step[]} */
  const steps = []
  /** @type {Map<string, bigint>} */
  let before = new Map()
  snapshots.forEach(({ at, object }, i) => {
    const end = snapshots[i + 1]?.at ?? Infinity
    if (end === at) return
    if (object.items?.has_more) around.problem(`the items of ${object.id} are not all known`)
    const inside = instantsOf(object, around).filter(instant => at < instant && instant < end)
    for (const instant of [at, ...new Set(inside.sort((a, b) => a - b))]) {
      const now = monthly(object, around, instant)
      for (const currency of new Set([...before.keys(), ...now.keys()])) {
        const delta = (now.get(currency) ?? 0n) - (before.get(currency) ?? 0n)
        if (delta !== 0n) steps.push({ customer: idOf(object.customer) ?? "", currency, at: instant, delta })
      }
      before = now
    }
  })
  return steps
}

/** @param {bigint} before @param {bigint} after @param {boolean} first */
function kindOf(before, after, first) {
  if (before === 0n) return first ? "new" : "reactivation"
  if (after === 0n) return "churn"
  return after > before ? "expansion" : "contraction"
}

/**
 * All changes of a customer and currency within a day are one movement.
 * @param {Step[]} steps @param {string} zone @returns {Movement[]}
 */
export function movementsOf(steps, zone) {
  /** @type {Map<string, { customer: string, currency: string, days: Map<string, bigint> }>} */
  const accounts = new Map()
  for (const { customer, currency, at, delta } of steps) {
    const name = `${customer} ${currency}`
    const account = accounts.get(name) ?? { customer, currency, days: new Map() }
    accounts.set(name, account)
    const day = dayOf(zone, at)
    account.days.set(day, (account.days.get(day) ?? 0n) + delta)
  }
  return [...accounts.values()].flatMap(movementsOfAccount).sort(byDay)
}

/** @param {{ customer: string, currency: string, days: Map<string, bigint> }} account */
function movementsOfAccount({ customer, currency, days }) {
  /** @type {Movement[]} */
  const movements = []
  let before = 0n
  for (const day of [...days.keys()].sort()) {
    const delta = days.get(day) ?? 0n
    if (delta === 0n) continue
    const after = before + delta
    const kind = kindOf(before, after, movements.length === 0)
    movements.push({ customer, currency, day, kind, amount: delta < 0n ? -delta : delta, before, after })
    before = after
  }
  return movements
}

/** @param {Movement} a @param {Movement} b */
function byDay(a, b) {
  const [left, right] = [a, b].map(({ day, customer, currency }) => `${day} ${customer} ${currency}`)
  return left < right ? -1 : left > right ? 1 : 0
}
