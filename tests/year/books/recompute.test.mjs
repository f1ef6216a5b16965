import assert from "node:assert/strict"
import { test } from "node:test"
import { created, ended, event, invoice, item, line, price, refund, seconds, subscription } from "./made.mjs"
import { recompute } from "./recompute.mjs"

const paying = subscription([item(price(5000))])
const monthly = (/** @type {string} */ id, /** @type {string} */ from, /** @type {string} */ to, more = {}) =>
  invoice(id, from, [line(`il_${id}`, 5000, [from, to])], { paid: from, ...more })

const account = () => ({
  events: [
    created("2026-01-31", paying),
    event("invoice.payment_failed", "2026-02-28", { id: "in_2", amount_remaining: 5000 }),
    ended("2026-03-31", paying),
  ],
  objects: {
    subscriptions: { sub_1: paying },
    invoices: {
      in_1: monthly("in_1", "2026-01-31", "2026-02-28"),
      in_2: monthly("in_2", "2026-02-28", "2026-03-31", { paid: "2026-03-07" }),
    },
    refunds: [refund("re_1", "2026-03-31", "in_2", 1000)],
  },
})

test("a small account, from the 31st: every number of every month", () => {
  const { months, mrr, problems } = recompute({ ...account(), until: new Date("2026-04-30T12:00:00Z") })
  assert.deepEqual(problems, [])
  assert.deepEqual(mrr, {
    perCustomer: {},
    total: { eur: 0 },
    movements: [
      { customer: "cus_1", currency: "eur", day: "2026-01-31", kind: "new", amount: 5000 },
      { customer: "cus_1", currency: "eur", day: "2026-03-31", kind: "churn", amount: 5000 },
    ],
  })
  const nothing = { new: 0, reactivation: 0, expansion: 0, contraction: 0, churn: 0, gross: 0, other: 0, refunds: 0 }
  const calm = { entered: 0, entered_amount: 0, recovered: 0, recovered_amount: 0, pending: 0 }
  const month = { ...nothing, disputes: 0, net: 0, receivables: 0, invoiced: 0, dunning: calm, revenue: 0, contra: 0 }
  assert.deepEqual(months, {
    "2026-01": {
      eur: {
        ...month,
        mrr_start: 0,
        mrr_end: 5000,
        new: 5000,
        gross: 5000,
        net: 5000,
        invoiced: 5000,
        revenue: 179,
        recognised: 179,
        deferred: 4821,
      },
    },
    "2026-02": {
      eur: {
        ...month,
        mrr_start: 5000,
        mrr_end: 5000,
        receivables: 5000,
        invoiced: 5000,
        dunning: { entered: 1, entered_amount: 5000, recovered: 1, recovered_amount: 5000, pending: 0 },
        revenue: 4982,
        recognised: 4982,
        deferred: 4839,
      },
    },
    "2026-03": {
      eur: {
        ...month,
        mrr_start: 5000,
        mrr_end: 0,
        churn: 5000,
        gross: 5000,
        refunds: 1000,
        net: 4000,
        revenue: 4839,
        contra: -1000,
        recognised: 3839,
        deferred: 0,
      },
    },
    "2026-04": { eur: { ...month, mrr_start: 0, mrr_end: 0, recognised: 0, deferred: 0 } },
  })
})

test("the answer is plain JSON and the same whatever order the objects have", () => {
  const question = { ...account(), until: seconds("2026-04-30") }
  const answer = recompute(question)
  assert.deepEqual(JSON.parse(JSON.stringify(answer)), answer)
  const { events, objects } = account()
  const turned = { ...objects, invoices: Object.values(objects.invoices).reverse() }
  const again = recompute({ events: [...events, ...events].reverse(), objects: turned, until: seconds("2026-04-30") })
  assert.deepEqual(again.mrr, recompute({ events, objects, until: seconds("2026-04-30") }).mrr)
  assert.deepEqual(again.months, answer.months)
  assert.deepEqual(again.invoices, answer.invoices)
})

test("cut at an instant the books show what was so then; what happens in that second is in", () => {
  const at = (/** @type {string} */ until) => recompute({ ...account(), until: seconds(until) })
  assert.deepEqual(at("2026-03-30T23:59:59Z").mrr.total, { eur: 5000 })
  assert.deepEqual(at("2026-03-31").mrr.total, { eur: 0 })
  assert.equal(at("2026-03-01").invoices.in_2.status, "open")
  assert.equal(at("2026-03-01").invoices.in_2.receivable_at_until, 5000)
  assert.equal(at("2026-02-14").months["2026-02"].eur.revenue, 2500 - 179)
  assert.deepEqual(Object.keys(at("2026-02-14").months), ["2026-01", "2026-02"])
})

test("each currency has its own books", () => {
  const yen = monthly("in_3", "2026-02-01", "2026-03-01", { currency: "jpy" })
  const { objects, events } = account()
  const all = recompute({
    events,
    objects: { ...objects, invoices: { ...objects.invoices, in_3: yen } },
    until: seconds("2026-03-01"),
  })
  assert.deepEqual(Object.keys(all.months["2026-01"]), ["eur", "jpy"])
  assert.deepEqual([all.months["2026-02"].jpy.revenue, all.months["2026-02"].eur.gross], [5000, 0])
})

test("an account without anything has no months", () => {
  assert.deepEqual(recompute({ events: [], objects: {}, until: 0 }), {
    mrr: { perCustomer: {}, total: {}, movements: [] },
    months: {},
    invoices: {},
    problems: [],
  })
})
