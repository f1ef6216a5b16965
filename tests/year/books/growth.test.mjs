import assert from "node:assert/strict"
import { test } from "node:test"
import { cohortsOf, growthOf } from "./growth.mjs"
import * as make from "./made.mjs"

/** @typedef {import("./events.mjs").Json} Json */
const { created, ended, item, price, seconds, subscription, updated } = make

/** @param {string} customer @param {number} amount */
const of = (customer, amount) =>
  subscription([item(price(amount))], { id: `sub_${customer}`, customer: `cus_${customer}` })

/** Two come in January; in February one doubles, one leaves, one comes; in March one comes back. */
const events = () => [
  created("2026-01-10", of("a", 5000)),
  created("2026-01-12", of("b", 10000)),
  updated("2026-02-03", of("a", 10000), { items: of("a", 5000).items }),
  ended("2026-02-20", of("b", 10000)),
  created("2026-02-25", of("c", 2500)),
  created("2026-03-02", { ...of("b", 10000), id: "sub_b2" }),
]

/** @param {Json} [more] */
const question = more => ({
  events: events(),
  zone: "UTC",
  policy: "recurring",
  currency: "eur",
  until: seconds("2026-12-31"),
  from: "2026-01",
  to: "2026-03",
  granularity: "month",
  ...more,
})

test("a month's levels, movements and ratios", () => {
  const [january, february, march] = growthOf(question())
  assert.equal(january.mrr_end, 15000)
  assert.equal(january.nrr, null)
  assert.deepEqual(february.movements, { new: 2500, reactivation: 0, expansion: 5000, contraction: 0, churn: 10000 })
  assert.equal(february.nrr, 0.666667)
  assert.equal(february.grr, 0.333333)
  assert.equal(february.logo_churn, 0.5)
  assert.equal(february.stripe_churn, 0.333333)
  assert.equal(february.net_mrr_churn, 0.333333)
  assert.equal(february.growth, -0.166667)
  assert.equal(february.quick_ratio, 0.75)
  assert.equal(february.ltv, 12500)
  assert.equal(march.movements_month_netted.reactivation, 10000)
})

test("a year before, and weeks that a month cuts", () => {
  const [month] = growthOf(question({ from: "2027-01", to: "2027-01", until: seconds("2027-02-10") }))
  assert.equal(month.nrr_12, 1.333333, "20000 of those who paid 15000")
  assert.equal(month.logo_retention_12, 1)
  const weeks = growthOf(question({ granularity: "week", from: "2026-02", to: "2026-02" }))
  assert.deepEqual(
    weeks.map(({ period, mrr_end, nrr_12 }) => [period, mrr_end, nrr_12]),
    [
      ["2026-02-01", 15000, null],
      ["2026-02-02", 20000, null],
      ["2026-02-09", 20000, null],
      ["2026-02-16", 10000, null],
      ["2026-02-23", 12500, null],
    ],
  )
})

test("what has not begun is no period", () => {
  /** @param {Json} more */
  const names = more => growthOf(question({ from: "2026-02", to: "2026-06", ...more })).map(({ period }) => period)
  assert.deepEqual(names({ until: seconds("2026-03-15") }), ["2026-02", "2026-03"])
  assert.deepEqual(names({ until: seconds("2026-02-10"), granularity: "week" }), [
    "2026-02-01",
    "2026-02-02",
    "2026-02-09",
  ])
})

test("who comes back stays in his cohort", () => {
  const [january, february] = cohortsOf(question({ until: seconds("2026-03-31") }))
  assert.deepEqual(january, {
    cohort: "2026-01",
    size: 2,
    mrr0: 15000,
    logo: [1, 0.5, 1],
    customers: [2, 1, 2],
    mrr: [15000, 10000, 20000],
    revenue_retention: [1, 0.666667, 1.333333],
  })
  assert.equal(february.size, 1)
})
