import assert from "node:assert/strict"
import { test } from "node:test"
import { histories, inOrder } from "./events.mjs"
import { created, ended, event, item, price, subscription, updated } from "./made.mjs"

/** @typedef {import("./events.mjs").Json} Json */

const first = "2026-01-10"
const seats = (/** @type {number} */ quantity, more = {}) => subscription([item(price(1000), quantity)], more)
const itemsOf = (/** @type {number} */ quantity) => ({ items: seats(quantity).items })

/** @param {Json[]} events @returns {{ order: string[], problems: string[] }} */
function orderOf(events) {
  /** @type {string[]} */
  const problems = []
  const all = histories(inOrder(events), ["status", "items", "pause_collection", "metadata"], text =>
    problems.push(text),
  )
  return { order: (all.get("sub_1") ?? []).map(({ id }) => id), problems }
}

/** All orders of a few events. @param {Json[]} events @returns {Json[][]} */
const permutations = events =>
  events.length < 2
    ? [events]
    : events.flatMap((one, i) => permutations(events.filter((_, j) => j !== i)).map(rest => [one, ...rest]))

/** The ids must not decide: all of them are given to all events. @param {Json[]} events */
function everyWay(events) {
  const ids = events.map(({ id }) => id)
  for (const turn of permutations(ids)) {
    const named = events.map((one, i) => ({ ...one, id: turn[i] }))
    for (const delivered of [named, [...named].reverse(), [...named, ...named]]) {
      const { order, problems } = orderOf(delivered)
      assert.deepEqual(order, turn)
      assert.deepEqual(problems, [])
    }
  }
}

test("events of one second are chained by what they found, whatever their ids are", () => {
  everyWay([
    created(first, seats(1)),
    updated("2026-02-01", seats(2), itemsOf(1)),
    updated("2026-02-01", seats(5), itemsOf(2)),
    updated("2026-02-01", seats(3), itemsOf(5)),
  ])
})

test("a state that returns within the second is chained too", () => {
  everyWay([
    created(first, seats(1)),
    updated(first, seats(2), itemsOf(1)),
    updated(first, seats(1), itemsOf(2)),
    updated(first, seats(4), itemsOf(1)),
  ])
})

test("what begins comes first within its second, what ends last", () => {
  everyWay([
    created(first, seats(1, { status: "incomplete" })),
    updated(first, seats(1), { status: "incomplete" }),
    ended(first, seats(1)),
  ])
})

test("a state told without what was before stands where it fits", () => {
  everyWay([
    created(first, seats(1)),
    updated(first, seats(1, { status: "paused" }), { status: "active" }),
    event("customer.subscription.paused", first, seats(1, { status: "paused" })),
    updated(first, seats(1), { status: "paused" }),
  ])
})

test("where the second itself leaves it open, what comes next decides", () => {
  const base = created(first, seats(1, { metadata: {} }))
  const one = updated("2026-02-01", seats(2, { metadata: {} }))
  const two = updated("2026-02-01", seats(3, { metadata: {} }))
  const next = updated("2026-02-05", seats(4, { metadata: {} }), itemsOf(2))
  assert.deepEqual(
    orderOf([base, one, two, next]).order,
    [base, two, one, next].map(({ id }) => id),
  )
})

test("one change under two ids is one change", () => {
  const start = created(first, seats(1))
  const change = updated("2026-02-01", seats(2), itemsOf(1))
  const more = updated("2026-02-01", seats(3), itemsOf(2))
  const twin = { ...change, id: "evt_zzz" }
  const { order } = orderOf([twin, more, change, start])
  assert.equal(order.at(-1), more.id)
  assert.equal(order.length, 3)
})

test("a nested attribute is told whole or as the part that changed; null is absent", () => {
  const held = (/** @type {any} */ pause_collection) => seats(1, { pause_collection })
  for (const told of [{ behavior: "void" }, { behavior: "void", resumes_at: 5 }, { behavior: "void", reason: null }]) {
    const { problems } = orderOf([
      created(first, held({ behavior: "void", resumes_at: 5 })),
      updated("2026-02-01", held({ behavior: "keep_as_draft", resumes_at: 5 }), { pause_collection: told }),
    ])
    assert.deepEqual(problems, [])
  }
  const before = seats(1, { metadata: { plan: "a", seat: "1" } })
  const { problems } = orderOf([
    created(first, before),
    updated("2026-02-01", seats(1, { metadata: { plan: "b", seat: "1", extra: "x" } }), {
      metadata: { plan: "a", extra: null },
    }),
  ])
  assert.deepEqual(problems, [])
})

test("a state that does not follow is told: an event is missing", () => {
  const { problems } = orderOf([created(first, seats(1)), updated("2026-02-01", seats(5), itemsOf(4))])
  assert.equal(problems.length, 1)
  assert.match(problems[0], /does not follow from .*: items/)
})
