import assert from "node:assert/strict"
import { test } from "node:test"
import * as make from "./made.mjs"
import { recompute } from "./recompute.mjs"

/** @typedef {import("./events.mjs").Json} Json */
const { coupon, created, discount, ended, event, item, price, seconds, subscription, updated } = make

/** @param {Json[]} events @param {Json} [more] */
const books = (events, { until = "2026-12-31", objects = {}, ...more } = {}) =>
  recompute({ events, objects, until: seconds(until), ...more })

/** The MRR of one subscription. @param {Json[]} items @param {Json} [more] @param {Json[]} [events] */
function mrrOf(items, more = {}, events = []) {
  const { mrr } = books([...events, created("2026-01-10", subscription(items, more))])
  return Object.values(mrr.total)[0] ?? 0
}

/** @param {Json[]} events @param {Json} [more] */
const moves = (events, more = {}) =>
  books(events, more).mrr.movements.map(({ day, kind, amount }) => [day, kind, amount])

test("intervals are normalised exactly and rounded once", () => {
  assert.equal(mrrOf([item(price(5000))]), 5000)
  assert.equal(mrrOf([item(price(100000, "year"))]), 8333)
  assert.equal(mrrOf([item(price(1200, "week"))]), 5200)
  assert.equal(mrrOf([item(price(100, "day"))]), 3042, "3041.67")
  assert.equal(mrrOf([item(price(1000, "month", { count: 3 }))]), 333)
  assert.equal(mrrOf([item(price(6, "year"))]), 1, "half a cent goes up")
})

test("50 a month and 1000 a year are 133.33", () => {
  const both = [
    created("2026-01-10", subscription([item(price(5000))])),
    created("2026-01-11", subscription([item(price(100000, "year"))], { id: "sub_2" })),
  ]
  const { mrr } = books(both)
  assert.deepEqual(mrr.total, { eur: 13333 })
  assert.deepEqual(mrr.perCustomer, { cus_1: { eur: 13333 } })
  assert.deepEqual(moves(both), [
    ["2026-01-10", "new", 5000],
    ["2026-01-11", "expansion", 8333],
  ])
})

test("each item is rounded, the total is their sum", () => {
  const yearly = (/** @type {string} */ id) => item(price(100006, "year"), 1, { id })
  assert.equal(mrrOf([yearly("si_1"), yearly("si_2")]), 16668, "8333.83 each")
})

test("a price of parts of a minor unit counts exactly", () => {
  assert.equal(mrrOf([item(price("0.5"), 1000)]), 500)
  assert.equal(mrrOf([item(price("0.333333333333"), 3)]), 1)
})

test("currencies without and with three decimal places are integers like all", () => {
  assert.equal(mrrOf([item(price(12000, "year", { currency: "jpy" }))]), 1000)
  assert.equal(mrrOf([item(price(10000, "year", { currency: "kwd" }))]), 833)
  const { mrr } = books([
    created("2026-01-10", subscription([item(price(1000, "month", { currency: "jpy" }))])),
    created("2026-02-10", subscription([item(price(9990, "month", { currency: "kwd" }))], { id: "sub_2" })),
  ])
  assert.deepEqual(mrr.total, { jpy: 1000, kwd: 9990 })
  assert.deepEqual(
    mrr.movements.map(({ kind }) => kind),
    ["new", "new"],
    "the first in a second currency is new there",
  )
})

test("metered items count nothing beside those that are licensed", () => {
  const metered = item(price(50, "month", { usage: "metered" }), undefined, { id: "si_2" })
  assert.equal(mrrOf([item(price(5000), 3), metered]), 15000)
})

test("only active and past due ones count, and none whose collection is paused", () => {
  for (const status of ["trialing", "incomplete", "incomplete_expired", "unpaid", "paused", "canceled"])
    assert.equal(mrrOf([item(price(5000))], { status }), 0, status)
  for (const status of ["active", "past_due"]) assert.equal(mrrOf([item(price(5000))], { status }), 5000, status)
  assert.equal(mrrOf([item(price(5000))], { pause_collection: { behavior: "void" } }), 0)
})

test("discounts apply in their order", () => {
  const half = discount("di_half", coupon({ id: "half", percent_off: 50 }), "2026-01-01")
  const ten = discount("di_ten", coupon({ id: "ten", amount_off: 1000, currency: "eur" }), "2026-01-01")
  const reduced = (/** @type {string[]} */ discounts) => mrrOf([item(price(9900))], { discounts }, [half, ten])
  assert.equal(reduced(["di_half", "di_ten"]), 3950)
  assert.equal(reduced(["di_ten", "di_half"]), 4450)
  const own = item(price(9900), 1, { discounts: ["di_half"] })
  assert.equal(mrrOf([own], { discounts: ["di_ten"] }, [half, ten]), 3950, "those of an item come before")
})

test("an amount off is of an invoice: spread over the items, before normalising, never below nothing", () => {
  const ten = discount("di_ten", coupon({ amount_off: 1000, currency: "eur" }), "2026-01-01")
  const off = { discounts: ["di_ten"] }
  assert.equal(mrrOf([item(price(120000, "year"))], off, [ten]), 9917, "(1200 - 10) / 12")
  assert.equal(mrrOf([item(price(3000)), item(price(7000), 1, { id: "si_2" })], off, [ten]), 9000)
  assert.equal(mrrOf([item(price(700))], off, [ten]), 0)
  const dollars = mrrOf([item(price(5000, "month", { currency: "usd" }))], off, [ten])
  assert.equal(dollars, 5000, "of another currency")
})

test("percentages are exact", () => {
  const third = discount("di_1", coupon({ percent_off: 33.33 }), "2026-01-01")
  assert.equal(mrrOf([item(price(10000))], { discounts: ["di_1"] }, [third]), 6667)
})

test("a repeating discount ends by itself, to the second; the policies differ in what they see", () => {
  const given = discount("di_1", coupon({ percent_off: 20, duration: "repeating" }), "2026-01-10", "2026-04-10")
  const events = [given, created("2026-01-10", subscription([item(price(10000))], { discounts: ["di_1"] }))]
  assert.deepEqual(moves(events), [
    ["2026-01-10", "new", 8000],
    ["2026-04-10", "expansion", 2000],
  ])
  assert.deepEqual(books(events, { until: "2026-04-09T23:59:59Z" }).mrr.total, { eur: 8000 })
  assert.deepEqual(books(events, { until: "2026-04-10" }).mrr.total, { eur: 10000 })
  assert.deepEqual(moves(events, { policy: "forever" }), [["2026-01-10", "new", 10000]])
  assert.equal(moves(events, { policy: "all" }).length, 2)
})

test("a discount that is taken away ends then, also where no snapshot tells of it", () => {
  const given = discount("di_1", coupon({ percent_off: 20 }), "2026-01-10")
  const taken = event("customer.discount.deleted", "2026-03-05", given.data.object)
  const events = [given, created("2026-01-10", subscription([item(price(10000))], { discounts: ["di_1"] })), taken]
  assert.deepEqual(moves(events)[1], ["2026-03-05", "expansion", 2000])
})

test("without a written end a repeating discount lasts its months, from the 31st to a shorter month's last day", () => {
  const terms = coupon({ percent_off: 20, duration: "repeating", duration_in_months: 1 })
  const given = discount("di_1", terms, "2028-01-31")
  const events = [given, created("2028-01-31", subscription([item(price(10000))], { discounts: ["di_1"] }))]
  assert.deepEqual(moves(events, { until: "2028-12-31" })[1], ["2028-02-29", "expansion", 2000])
})

test("a discount for one invoice never counts, except where all do", () => {
  const given = discount("di_1", coupon({ percent_off: 50, duration: "once" }), "2026-01-10")
  const events = [given, created("2026-01-10", subscription([item(price(10000))], { discounts: ["di_1"] }))]
  assert.deepEqual(books(events).mrr.total, { eur: 10000 })
  assert.deepEqual(books(events, { policy: "all" }).mrr.total, { eur: 5000 })
})

test("its terms are those of the coupon of then, which may be gone and its name be another's", () => {
  const then = event("coupon.created", "2026-01-01", {
    ...coupon({ id: "SPRING", percent_off: 50 }),
    created: seconds("2026-01-01"),
  })
  const now = { ...coupon({ id: "SPRING", percent_off: 5 }), created: seconds("2026-06-01") }
  const given = discount("di_1", /** @type {any} */ ("SPRING"), "2026-02-01")
  const events = [created("2026-02-01", subscription([item(price(5000))], { discounts: ["di_1"] })), given, then]
  assert.deepEqual(books(events, { objects: { coupons: { SPRING: now } } }).mrr.total, { eur: 2500 })
  const { problems } = books(events.slice(0, 1))
  assert.deepEqual(problems, ["the terms of discount di_1 are not known"])
})

test("a coupon of all is churn, and its end a reactivation", () => {
  const free = discount("di_1", coupon({ percent_off: 100, duration: "repeating" }), "2026-03-01", "2026-05-01")
  const paying = subscription([item(price(5000))])
  const events = [
    created("2026-01-10", paying),
    free,
    updated("2026-03-01", { ...paying, discounts: ["di_1"] }, { discounts: [] }),
  ]
  assert.deepEqual(moves(events), [
    ["2026-01-10", "new", 5000],
    ["2026-03-01", "churn", 5000],
    ["2026-05-01", "reactivation", 5000],
  ])
})

test("a customer's own discount counts where the subscription has none, while he has it", () => {
  const granted = discount("di_1", coupon({ percent_off: 10 }), "2026-02-01").data.object
  const customer = (/** @type {Json | null} */ given) => ({ id: "cus_1", tax_exempt: "none", discount: given })
  const events = [
    event("customer.created", "2026-01-01", customer(null)),
    created("2026-01-10", subscription([item(price(5000))])),
    event("customer.updated", "2026-02-01", customer(granted), { discount: null }),
    event("customer.updated", "2026-03-01", customer(null), { discount: granted }),
  ]
  assert.deepEqual(moves(events).slice(1), [
    ["2026-02-01", "contraction", 500],
    ["2026-03-01", "expansion", 500],
  ])
})

test("the tax inside a price is none of it: by the rates of item and subscription, or its newest line", () => {
  const rate = { id: "txr_1", inclusive: true, percentage: 21 }
  assert.equal(mrrOf([item(price(12100), 1, { tax_rates: [rate] })]), 10000)
  assert.equal(mrrOf([item(price(12100))], { default_tax_rates: [rate] }), 10000)
  assert.equal(mrrOf([item(price(12100))], { default_tax_rates: [{ ...rate, inclusive: false }] }), 12100)
  const lines = [make.line("il_1", 12100, ["2026-01-10", "2026-02-10"], { taxes: [make.tax(2100, "inclusive")] })]
  const objects = { invoices: [make.invoice("in_1", "2026-01-10", lines)] }
  const { mrr } = books([created("2026-01-10", subscription([item(price(12100))]))], { objects })
  assert.deepEqual(mrr.total, { eur: 10000 })
})

test("of several lines the newest of then tells what tax is inside", () => {
  const billed = (/** @type {string} */ id, /** @type {string} */ at, /** @type {number} */ inside) =>
    make.invoice(id, at, [make.line(`il_${id}`, 12100, [at, at], { taxes: [make.tax(inside, "inclusive")] })])
  const invoices = [billed("in_2", "2026-03-10", 1100), billed("in_1", "2026-01-10", 2100)]
  const events = [created("2026-01-10", subscription([item(price(12100))]))]
  assert.deepEqual(moves(events, { objects: { invoices } }), [
    ["2026-01-10", "new", 10000],
    ["2026-03-10", "expansion", 1000],
  ])
})

test("who is exempt has no tax inside", () => {
  const rate = { id: "txr_1", inclusive: true, percentage: 21 }
  const customer = event("customer.created", "2026-01-01", { id: "cus_1", tax_exempt: "reverse" })
  assert.equal(mrrOf([item(price(12100))], { default_tax_rates: [rate] }, [customer]), 12100)
})

test("each kind of movement; a scheduled cancellation counts until it ends, a trial not before it is over", () => {
  const of = (/** @type {number} */ quantity, more = {}) => subscription([item(price(1000), quantity)], more)
  const items = (/** @type {number} */ quantity) => ({ items: of(quantity).items })
  const events = [
    created("2026-01-01", of(5, { status: "trialing" })),
    updated("2026-01-05", of(9, { status: "trialing" }), items(5)),
    updated("2026-01-15", of(9), { status: "trialing" }),
    updated("2026-02-01", of(12), items(9)),
    updated("2026-03-01", of(8), items(12)),
    updated("2026-04-01", of(8, { cancel_at_period_end: true }), { cancel_at_period_end: false }),
    ended("2026-05-01", of(8)),
    created("2026-07-01", subscription([item(price(2000))], { id: "sub_2" })),
  ]
  assert.deepEqual(moves(events), [
    ["2026-01-15", "new", 9000],
    ["2026-02-01", "expansion", 3000],
    ["2026-03-01", "contraction", 4000],
    ["2026-05-01", "churn", 8000],
    ["2026-07-01", "reactivation", 2000],
  ])
  const { months } = books(events)
  for (const [month, { eur }] of Object.entries(months)) {
    const { mrr_start, mrr_end, new: fresh, reactivation, expansion, contraction, churn } = /** @type {Json} */ (eur)
    assert.equal(mrr_start + fresh + reactivation + expansion - contraction - churn, mrr_end, month)
  }
  assert.equal(months["2026-04"].eur.mrr_end, 8000)
})

test("changes of a day are one movement, and the day is that of the zone", () => {
  const of = (/** @type {number} */ quantity) => subscription([item(price(1000), quantity)])
  const items = (/** @type {number} */ quantity) => ({ items: of(quantity).items })
  const events = [
    created("2026-03-01", of(5)),
    // In Madrid the 29th of March has 23 hours: from 23:00 of the 28th to 22:00.
    updated("2026-03-28T23:30:00Z", of(9), items(5)),
    updated("2026-03-29T21:30:00Z", of(7), items(9)),
    updated("2026-03-29T22:30:00Z", of(6), items(7)),
  ]
  assert.deepEqual(moves(events, { zone: "Europe/Madrid" }).slice(1), [
    ["2026-03-29", "expansion", 2000],
    ["2026-03-30", "contraction", 1000],
  ])
  assert.deepEqual(moves(events).slice(1), [
    ["2026-03-28", "expansion", 4000],
    ["2026-03-29", "contraction", 3000],
  ])
})

test("who leaves one subscription for another on the same day has only changed", () => {
  const small = subscription([item(price(5000))])
  const large = subscription([item(price(8000))], { id: "sub_2" })
  const events = [
    created("2026-01-10", small),
    ended("2026-02-03T10:00:00Z", small),
    created("2026-02-03T10:05:00Z", large),
  ]
  assert.deepEqual(moves(events)[1], ["2026-02-03", "expansion", 3000])
  assert.deepEqual(moves([events[0], { ...events[1] }, { ...events[2], created: seconds("2026-02-04") }]).slice(1), [
    ["2026-02-03", "churn", 5000],
    ["2026-02-04", "reactivation", 8000],
  ])
})

test("a backdated start counts from the day it is known", () => {
  const backdated = subscription([item(price(5000))], { start_date: seconds("2026-01-01") })
  assert.deepEqual(moves([created("2026-03-10", backdated)]), [["2026-03-10", "new", 5000]])
})

test("late, shuffled and repeated events make the same books", () => {
  const of = (/** @type {number} */ quantity) => subscription([item(price(1000), quantity)])
  const items = (/** @type {number} */ quantity) => ({ items: of(quantity).items })
  const events = [
    created("2026-01-01", of(1)),
    updated("2026-01-01", of(2), items(1)),
    updated("2026-02-01", of(5), items(2)),
    updated("2026-02-01", of(3), items(5)),
    ended("2026-06-01", of(3)),
  ]
  const expected = books(events)
  for (const shuffled of [[...events].reverse(), [...events, ...events], [3, 0, 4, 2, 1, 2].map(i => events[i])])
    assert.deepEqual(books(shuffled), expected)
  assert.deepEqual(expected.problems, [])
})

test("a subscription of which no event tells is named, not guessed", () => {
  const { mrr, problems } = books([], { objects: { subscriptions: [subscription([item(price(5000))])] } })
  assert.deepEqual([mrr.total, problems], [{}, ["no event tells of the subscription sub_1"]])
})
