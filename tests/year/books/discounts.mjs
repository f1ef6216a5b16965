// What discounts take off, and how long (D4). Their terms are those of the coupon when it was given.
import { addMonths } from "./calendar.mjs"
import { idOf, listed } from "./events.mjs"
import { by, decimal, fraction, minus, plus, times, zero } from "./money.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./money.mjs").Fraction} Fraction */
/** @typedef {"recurring" | "forever" | "all"} Policy */
/**
 * @typedef {{
 *   percent: Fraction | null, amount: Fraction | null, currency: string | null, duration: string,
 *   products: string[] | null, start: number, end: number
 * }} Terms `end` is the first second in which it does not count
 */
/** @typedef {{ amount: Fraction, currency: string, product: string | null, own: any[] }} Priced */

/** @param {Json} discount */
const couponOf = discount => discount.source?.coupon ?? discount.coupon ?? null

/** Every place where an object may name its discounts. @param {Json} object @returns {any[]} */
const namedIn = object => [
  ...(object.discounts ?? []),
  ...(object.discount ? [object.discount] : []),
  ...(object.items?.data ?? []).flatMap((/** @type {Json} */ item) => item.discounts ?? []),
]

export class DiscountBook {
  /** @type {Map<string, Json>} */
  #discounts = new Map()
  /** @type {Map<string, number>} */
  #removed = new Map()
  /** @type {Map<string, Json[]>} */
  #coupons = new Map()
  /** @type {Map<string, Terms | null>} */
  #terms = new Map()
  #problem

  /** @param {Json[]} events in order @param {Json} objects @param {(text: string) => void} problem */
  constructor(events, objects, problem) {
    this.#problem = problem
    for (const event of events) this.#read(event)
    for (const coupon of listed(objects.coupons)) this.#keepCoupon(coupon)
    for (const kind of ["customers", "subscriptions", "invoices"])
      for (const object of listed(objects[kind])) this.#keepAll(namedIn(object))
  }

  /** @param {Json} event */
  #read({ type, created, data: { object } }) {
    if (type.startsWith("customer.discount.")) {
      this.#keep(object)
      if (type.endsWith(".deleted") && !this.#removed.has(object.id)) this.#removed.set(object.id, created)
    } else if (type === "coupon.created" || type === "coupon.updated") {
      this.#keepCoupon(object)
    } else if (type.startsWith("customer.")) {
      this.#keepAll(namedIn(object))
    }
  }

  /** @param {any[]} discounts */
  #keepAll(discounts) {
    for (const discount of discounts) this.#keep(discount)
  }

  /** The first sight counts: later ones may have lost the coupon. @param {any} discount */
  #keep(discount) {
    if (typeof discount !== "object" || discount === null) return
    const coupon = couponOf(discount)
    if (typeof coupon === "object" && coupon !== null) this.#keepCoupon(coupon)
    if (!this.#discounts.has(discount.id)) this.#discounts.set(discount.id, discount)
  }

  /** @param {Json} coupon */
  #keepCoupon(coupon) {
    if (coupon.deleted) return
    const known = this.#coupons.get(coupon.id) ?? []
    this.#coupons.set(coupon.id, [...known, coupon])
  }

  /** Of all coupons that have had this name the last one before the discount. @param {Json} discount */
  #couponOf(discount) {
    const given = couponOf(discount)
    if (typeof given === "object") return given
    const all = [...(this.#coupons.get(given) ?? [])].sort((a, b) => (a.created ?? 0) - (b.created ?? 0))
    return all.findLast(coupon => (coupon.created ?? 0) <= discount.start) ?? all[0]
  }

  /** @param {any} named an id or the discount itself @returns {Terms | null} null: nobody knows them */
  terms(named) {
    this.#keep(named)
    const id = idOf(named) ?? ""
    const known = this.#terms.get(id)
    if (known !== undefined) return known
    const discount = this.#discounts.get(id)
    const coupon = discount && this.#couponOf(discount)
    const terms = discount && coupon ? termsOf(discount, coupon, this.#removed.get(id)) : null
    if (!terms) this.#problem(`the terms of discount ${id} are not known`)
    this.#terms.set(id, terms)
    return terms
  }

  /** Instants at which one of the discounts begins or ends. @param {any[]} named @returns {number[]} */
  changes(named) {
    return named.flatMap(discount => {
      const terms = this.terms(discount)
      return terms ? [terms.start, terms.end].filter(Number.isFinite) : []
    })
  }

  /**
   * What the items cost under their own discounts and then those of all, each in its order.
   * @param {Priced[]} items @param {any[]} ofAll @param {number} at @param {Policy} policy
   * @returns {Fraction[]}
   */
  reduce(items, ofAll, at, policy) {
    let amounts = items.map(({ amount }) => amount)
    items.forEach((item, i) => {
      for (const terms of this.#running(item.own, at, policy)) amounts = taken(terms, items, amounts, i)
    })
    for (const terms of this.#running(ofAll, at, policy)) amounts = taken(terms, items, amounts)
    return amounts
  }

  /** @param {any[]} named @param {number} at @param {Policy} policy @returns {Terms[]} */
  #running(named, at, policy) {
    return named
      .map(discount => this.terms(discount))
      .filter(terms => terms !== null)
      .filter(terms => terms.start <= at && at < terms.end && counts(terms.duration, policy))
  }
}

/** @param {string} duration @param {Policy} policy */
const counts = (duration, policy) =>
  policy === "all" || duration === "forever" || (policy === "recurring" && duration === "repeating")

/** @param {Json} discount @param {Json} coupon @param {number | undefined} removed @returns {Terms} */
function termsOf(discount, coupon, removed) {
  const start = discount.start ?? 0
  const planned =
    coupon.duration === "repeating" && coupon.duration_in_months
      ? addMonths(start, coupon.duration_in_months)
      : Infinity
  return {
    percent: coupon.percent_off ? decimal(coupon.percent_off) : null,
    amount: coupon.amount_off ? decimal(coupon.amount_off) : null,
    currency: coupon.currency ?? null,
    duration: coupon.duration,
    products: coupon.applies_to?.products ?? null,
    start,
    end: Math.min(discount.end ?? planned, removed ?? Infinity),
  }
}

/** @param {Terms} terms @param {Priced} item */
const touches = (terms, item) =>
  (!terms.products || terms.products.includes(item.product ?? "")) &&
  (!terms.amount || terms.currency === item.currency)

/**
 * @param {Terms} terms @param {Priced[]} items @param {Fraction[]} amounts what is left of each
 * @param {number} [only] the one item that it is for
 * @returns {Fraction[]}
 */
function taken(terms, items, amounts, only) {
  const reached = items.map((item, i) => (only === undefined || only === i) && touches(terms, item))
  const left = remainder(
    terms,
    amounts.filter((_, i) => reached[i]),
  )
  return amounts.map((amount, i) => (reached[i] ? times(amount, left) : amount))
}

/** The part of each amount that the discount leaves. @param {Terms} terms @param {Fraction[]} amounts */
function remainder(terms, amounts) {
  if (terms.percent) return minus(fraction(1n), by(terms.percent, fraction(100n)))
  const all = amounts.reduce(plus, zero)
  const left = minus(all, terms.amount ?? zero)
  return all.over <= 0n || left.over <= 0n ? zero : by(left, all)
}
