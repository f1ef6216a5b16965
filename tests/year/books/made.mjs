// Objects and events as Stripe would write them, with what the books read of them.

/** @typedef {import("./events.mjs").Json} Json */

/** "2026-01-16" or with a time of day, in UTC. @param {string} moment */
export const seconds = moment => Date.parse(moment.includes("T") ? moment : `${moment}T00:00:00Z`) / 1000

let made = 0

/** @param {string} type @param {string} at @param {Json} object @param {Json} [previous] @returns {Json} */
export const event = (type, at, object, previous) => ({
  id: `evt_${String(++made).padStart(6, "0")}`,
  type,
  created: seconds(at),
  data: { object, ...(previous ? { previous_attributes: previous } : {}) },
})

/** @param {number | string} amount @param {string} [interval] @param {Json} [more] */
export const price = (amount, interval = "month", { currency = "eur", count = 1, usage = "licensed" } = {}) => ({
  id: `price_${amount}_${interval}`,
  currency,
  unit_amount: typeof amount === "number" ? amount : null,
  unit_amount_decimal: String(amount),
  product: "prod_1",
  recurring: { interval, interval_count: count, usage_type: usage },
})

/** @param {Json} itsPrice @param {number} [quantity] @param {Json} [more] @returns {Json} */
export const item = (itsPrice, quantity = 1, more = {}) => ({
  id: "si_1",
  price: itsPrice,
  quantity,
  discounts: [],
  tax_rates: [],
  ...more,
})

/** @param {Json[]} items @param {Json} [more] @returns {Json} */
export const subscription = (items, more = {}) => ({
  id: "sub_1",
  customer: "cus_1",
  status: "active",
  pause_collection: null,
  discounts: [],
  default_tax_rates: [],
  items: { data: items, has_more: false },
  ...more,
})

/** @param {string} at @param {Json} object */
export const created = (at, object) => event("customer.subscription.created", at, object)

/** @param {string} at @param {Json} object @param {Json} [previous] */
export const updated = (at, object, previous) => event("customer.subscription.updated", at, object, previous)

/** @param {string} at @param {Json} object */
export const ended = (at, object) => event("customer.subscription.deleted", at, { ...object, status: "canceled" })

/**
 * The discount and the event that tells of it.
 * @param {string} id @param {Json} coupon @param {string} start @param {string | null} [end]
 */
export function discount(id, coupon, start, end = null) {
  const object = { id, start: seconds(start), end: end && seconds(end), source: { coupon, type: "coupon" } }
  return event("customer.discount.created", start, object)
}

/** @param {Json} terms @returns {Json} */
export const coupon = terms => ({ id: "coupon", duration: "forever", percent_off: null, amount_off: null, ...terms })

/** @param {string} id @param {number} amount @param {[string, string]} period @param {Json} [more] @returns {Json} */
export const line = (
  id,
  amount,
  [start, end],
  { proration = false, invoiceItem = null, taxes = [], cuts = [] } = {},
) => ({
  id,
  amount,
  period: { start: seconds(start), end: seconds(end) },
  discount_amounts: cuts.map((/** @type {number} */ cut) => ({ amount: cut, discount: "di_1" })),
  taxes,
  parent: { subscription_item_details: { subscription_item: "si_1", proration, invoice_item: invoiceItem } },
})

/** @param {number} amount @param {string} [tax_behavior] */
export const tax = (amount, tax_behavior = "exclusive") => ({ amount, tax_behavior })

/** @param {Json} line */
const totalOf = ({ amount, discount_amounts, taxes }) =>
  amount -
  discount_amounts.reduce((/** @type {number} */ all, /** @type {Json} */ cut) => all + cut.amount, 0) +
  taxes
    .filter((/** @type {Json} */ entry) => entry.tax_behavior === "exclusive")
    .reduce((/** @type {number} */ all, /** @type {Json} */ entry) => all + entry.amount, 0)

/**
 * Finalized at `at`; `paid`, `voided`, `uncollectible` say when it ended.
 * @param {string} id @param {string} at @param {Json[]} lines @param {Json} [more] @returns {Json}
 */
export function invoice(
  id,
  at,
  lines,
  { paid, voided, uncollectible, outOfBand = 0, ...more } = /** @type {Json} */ ({}),
) {
  const total = lines.reduce((all, entry) => all + totalOf(entry), 0)
  const when = (/** @type {string | undefined} */ moment) => (moment ? seconds(moment) : null)
  const byCard = paid ? total - outOfBand : 0
  return {
    id,
    currency: "eur",
    customer: "cus_1",
    created: seconds(at),
    status: voided ? "void" : paid ? "paid" : uncollectible ? "uncollectible" : "open",
    total,
    amount_due: total,
    amount_paid: byCard,
    amount_paid_off_stripe: outOfBand,
    pre_payment_credit_notes_amount: 0,
    status_transitions: {
      finalized_at: seconds(at),
      paid_at: when(paid),
      voided_at: when(voided),
      marked_uncollectible_at: when(uncollectible),
    },
    lines: { data: lines, has_more: false },
    payments: {
      data: byCard
        ? [
            {
              status: "paid",
              amount_paid: byCard,
              payment: { type: "payment_intent", payment_intent: `pi_${id}` },
              status_transitions: { paid_at: when(paid) },
            },
          ]
        : [],
    },
    ...more,
  }
}

/** @param {string} id @param {string} at @param {string} ofInvoice @param {number} amount @param {Json} [more] @returns {Json} */
export const refund = (id, at, ofInvoice, amount, more = {}) => ({
  id,
  created: seconds(at),
  amount,
  currency: "eur",
  charge: null,
  payment_intent: `pi_${ofInvoice}`,
  status: "succeeded",
  ...more,
})

/** @param {string} id @param {string} at @param {string} ofInvoice @param {number} total @param {Json} [more] @returns {Json} */
export const note = (id, at, ofInvoice, total, more = {}) => ({
  id,
  created: seconds(at),
  invoice: ofInvoice,
  currency: "eur",
  status: "issued",
  total,
  amount: total,
  pre_payment_amount: 0,
  post_payment_amount: total,
  voided_at: null,
  refunds: [],
  lines: { data: [] },
  ...more,
})
