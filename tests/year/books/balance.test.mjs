// What must hold for any account: many made up ones, always the same.
import assert from "node:assert/strict"
import { test } from "node:test"
import {
  created,
  ended,
  event,
  invoice,
  item,
  line,
  note,
  price,
  refund,
  seconds,
  subscription,
  updated,
} from "./made.mjs"
import { recompute } from "./recompute.mjs"

/** @typedef {import("./events.mjs").Json} Json */

/** Numbers below a bound that look like chance. @param {number} seed */
function dice(seed) {
  let state = BigInt(seed) + 1n
  return (/** @type {number} */ bound) => {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) % 2n ** 64n
    return Number((state >> 33n) % BigInt(bound))
  }
}

const accounts = Array.from({ length: 60 }, (_, seed) => seed)
const at = (/** @type {number} */ second) => new Date(second * 1000).toISOString()

/** @param {(bound: number) => number} roll @param {string} id */
function life(roll, id) {
  let moment = seconds("2026-01-05") + roll(90 * 86_400)
  const state = () =>
    subscription([item(price(100 + roll(9000), ["month", "year", "week"][roll(3)]), 1 + roll(5))], {
      id,
      status: ["active", "active", "active", "past_due", "unpaid", "trialing"][roll(6)],
    })
  let now = state()
  const events = [created(at(moment), now)]
  for (let i = roll(12); i > 0; --i) {
    moment += roll(4) === 0 ? 0 : roll(25 * 86_400)
    const next = state()
    events.push(updated(at(moment), next, { items: now.items, status: now.status }))
    now = next
  }
  if (roll(2)) events.push(ended(at(moment + roll(86_400)), now))
  return events
}

test("start and movements make the end of every month, and the days lead to what is left", () => {
  for (const seed of accounts) {
    const roll = dice(seed)
    const events = [...life(roll, "sub_1"), ...life(roll, "sub_2"), ...life(roll, "sub_3")]
    const zone = ["UTC", "Europe/Madrid", "Pacific/Kiritimati", "America/St_Johns"][seed % 4]
    const { months, mrr, problems } = recompute({ events, objects: {}, zone, until: seconds("2026-12-31") })
    assert.deepEqual(problems, [])
    let before = 0
    for (const [month, { eur }] of Object.entries(months)) {
      const { mrr_start, mrr_end, new: fresh, reactivation, expansion, contraction, churn } = /** @type {Json} */ (eur)
      assert.equal(mrr_start, before, `${seed} ${month}`)
      assert.equal(mrr_start + fresh + reactivation + expansion - contraction - churn, mrr_end, `${seed} ${month}`)
      before = mrr_end
    }
    assert.equal(mrr.total.eur ?? 0, before)
    assert.equal(mrr.perCustomer.cus_1?.eur ?? 0, before)
    assert.ok(mrr.movements.filter(({ kind }) => kind === "new").length <= 1)
  }
})

/** An invoice of a few lines whose whole is given back in parts of every kind. @param {number} seed */
function givenBack(seed) {
  const roll = dice(seed)
  const lines = Array.from({ length: 1 + roll(4) }, (_, i) => {
    const start = seconds("2026-01-01") + roll(20 * 86_400)
    const amount = 1 + roll(99_999)
    const taxes = roll(2) ? [{ amount: Math.round(amount / 5), tax_behavior: "exclusive" }] : []
    return line(`il_${i}`, amount, [at(start), at(start + roll(3) * 30 * 86_400)], { taxes })
  })
  const object = invoice("in_1", "2026-01-10", lines, { paid: "2026-01-10" })
  const objects = /** @type {Json} */ ({ invoices: [object], refunds: [], credit_notes: [], disputes: [] })
  const events = []
  let left = object.total
  for (let i = 0; left > 0; ++i) {
    const part = i === 6 ? left : Math.min(left, 1 + roll(object.total))
    const moment = at(seconds("2026-01-15") + i * 8 * 86_400)
    const kind = roll(3)
    if (kind === 0) objects.refunds.push(refund(`re_${i}`, moment, "in_1", part))
    if (kind === 1) objects.credit_notes.push(note(`cn_${i}`, moment, "in_1", part))
    if (kind === 2) {
      const lost = { id: `du_${i}`, status: "lost", amount: part, currency: "eur", payment_intent: "pi_in_1" }
      objects.disputes.push(lost)
      events.push(event("charge.dispute.closed", moment, lost))
    }
    // Some of it comes back again and is given anew.
    if (roll(3) === 0 && kind === 1) objects.credit_notes.at(-1).voided_at = seconds(moment) + 86_400
    else left -= part
  }
  return { objects, events }
}

test("of an invoice that is given back whole nothing is earned and nothing deferred, whatever the parts were", () => {
  for (const seed of accounts) {
    const { objects, events } = givenBack(seed)
    const { months, problems } = recompute({ events, objects, until: seconds("2026-12-31") })
    assert.deepEqual(problems, [])
    const all = Object.values(months).reduce((sum, { eur }) => sum + Number(eur.recognised), 0)
    assert.deepEqual([all, months["2026-12"].eur.deferred], [0, 0], `account ${seed}`)
  }
})

test("what is earned and what is deferred are at every cut what was invoiced and not given back", () => {
  for (const seed of accounts) {
    const { objects, events } = givenBack(seed)
    const cut = seconds("2026-01-12") + dice(seed)(100) * 86_400
    const { months } = recompute({ events, objects, until: cut })
    const earned = Object.values(months).reduce((sum, { eur }) => sum + Number(eur.recognised), 0)
    const deferred = Number(Object.values(months).at(-1)?.eur.deferred)
    const net = objects.invoices[0].lines.data.reduce(
      (/** @type {number} */ sum, /** @type {Json} */ one) => sum + one.amount,
      0,
    )
    assert.ok(earned + deferred >= 0 && earned + deferred <= net, `account ${seed}`)
  }
})
