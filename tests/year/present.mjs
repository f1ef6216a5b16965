// What a subscription brings in by the month, read off Stripe's own object at an instant: written from
// the definitions alone (D2 to D5), with fractions of integers.

/** @typedef {{ n: bigint, d: bigint }} Fraction */

const fraction = (/** @type {bigint} */ n, /** @type {bigint} */ d = 1n) => ({ n, d })
const times = (/** @type {Fraction} */ a, /** @type {Fraction} */ b) => fraction(a.n * b.n, a.d * b.d)
const less = (/** @type {Fraction} */ a, /** @type {Fraction} */ b) => fraction(a.n * b.d - b.n * a.d, a.d * b.d)
const sum = (/** @type {Fraction[]} */ all) =>
  all.reduce((a, b) => fraction(a.n * b.d + b.n * a.d, a.d * b.d), fraction(0n))
const rounded = (/** @type {Fraction} */ { n, d }) => Number((2n * n + d) / (2n * d))

/** A decimal number as it is written: "21", "12.5". @param {string | number} text */
function decimal(text) {
  const [whole, part = ""] = String(text).split(".")
  return fraction(BigInt(whole + part), 10n ** BigInt(part.length))
}

/** @type {Record<string, [bigint, bigint]>} */
const MONTHS = { day: [365n, 12n], week: [52n, 12n], month: [1n, 1n], year: [1n, 12n] }

/** @param {any} discount @param {number} at */
const counts = (discount, at) => discount.coupon.duration !== "once" && (discount.end === null || discount.end > at)

/** By a discount after the other, over all items. @param {Fraction[]} amounts @param {any[]} discounts */
function discounted(amounts, discounts) {
  let rest = amounts
  for (const { coupon } of discounts) {
    const { percent_off: percent, amount_off: off } = coupon
    if (percent) {
      rest = rest.map(amount => times(amount, less(fraction(1n), times(decimal(percent), fraction(1n, 100n)))))
    } else {
      const total = sum(rest)
      if (total.n === 0n) continue
      const left = less(total, fraction(BigInt(off)))
      const share = left.n > 0n ? fraction(left.n * total.d, left.d * total.n) : fraction(0n)
      rest = rest.map(amount => times(amount, share))
    }
  }
  return rest
}

/** @param {any} item @param {any} subscription */
function inclusiveRate(item, subscription) {
  const rates = item.tax_rates?.length ? item.tax_rates : (subscription.default_tax_rates ?? [])
  return sum(
    rates
      .filter((/** @type {any} */ rate) => rate.inclusive)
      .map((/** @type {any} */ rate) => decimal(rate.percentage)),
  )
}

/**
 * @param {any} subscription with its discounts expanded
 * @param {any} customer
 * @param {Record<string, any>} coupons
 * @param {number} at
 */
export function presentMrr(subscription, customer, coupons, at) {
  if (!["active", "past_due"].includes(subscription.status) || subscription.pause_collection) return 0
  const own = subscription.discounts ?? []
  const discounts = (own.length ? own : customer?.discount ? [customer.discount] : [])
    .map((/** @type {any} */ one) => ({ end: one.end, coupon: coupons[one.source.coupon?.id ?? one.source.coupon] }))
    .filter((/** @type {any} */ one) => counts(one, at))
  const items = subscription.items.data
  const amounts = discounted(
    items.map((/** @type {any} */ item) => fraction(BigInt(item.price.unit_amount) * BigInt(item.quantity ?? 1))),
    discounts,
  )
  return items.reduce((/** @type {number} */ all, /** @type {any} */ item, /** @type {number} */ i) => {
    const { interval, interval_count: count } = item.price.recurring
    const [n, d] = MONTHS[interval]
    const rate = inclusiveRate(item, subscription)
    const net = times(amounts[i], fraction(100n * rate.d, 100n * rate.d + rate.n))
    return all + rounded(times(net, fraction(n, d * BigInt(count))))
  }, 0)
}
