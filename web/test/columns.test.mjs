// Columns: what differs from the declaration is written by id, applied to whatever columns there are now, and healed.

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { declared, differences, healed, moved, seen, visibleColumns } from "../src/elements/data-table/columns.js"

const COLUMNS = [{ id: "name" }, { id: "plan" }, { id: "state" }, { id: "health" }, { id: "region", hidden: true }]
const NOTHING = { shown: [], hidden: [], moved: [] }
/** @param {import("../src/elements/data-table/columns.js").Arrangement} arrangement */
const visible = arrangement => visibleColumns(COLUMNS, arrangement).map(({ id }) => id)

test("unchanged, nothing is written", () => {
  assert.deepEqual(differences(COLUMNS, declared(COLUMNS)), NOTHING)
  assert.deepEqual(visible(declared(COLUMNS)), ["name", "plan", "state", "health"])
})

test("every order can be written and read again, with as few moves as possible", () => {
  for (const order of permutations(["plan", "state", "health", "region"])) {
    const arrangement = { order: ["name", ...order], hidden: ["region"] }
    const written = differences(COLUMNS, arrangement)
    assert.deepEqual(healed(COLUMNS, written), { arrangement, unknown: {} }, order.join())
    assert.ok(written.moved.length < order.length)
  }
  const swapped = moved(declared(COLUMNS), "health", -1)
  assert.deepEqual(differences(COLUMNS, swapped).moved.length, 1)
})

test("the first column heads the row: it stays first and seen, and nothing goes before it", () => {
  const usual = declared(COLUMNS)
  assert.equal(moved(usual, "name", 1), usual)
  assert.equal(moved(usual, "plan", -1), usual)
  assert.equal(moved(usual, "region", 1), usual)
  const { arrangement, unknown } = healed(COLUMNS, { shown: [], hidden: ["name"], moved: ["name:plan"] })
  assert.deepEqual(visible(arrangement)[0], "name")
  assert.deepEqual(unknown, { hide: ["name"], move: ["name:plan"] })
})

test("hidden by the declaration, seen when it is asked for; and the other way round", () => {
  const shown = seen(declared(COLUMNS), "region", true)
  assert.deepEqual(differences(COLUMNS, shown), { ...NOTHING, shown: ["region"] })
  const hidden = seen(shown, "plan", false)
  assert.deepEqual(differences(COLUMNS, hidden), { ...NOTHING, shown: ["region"], hidden: ["plan"] })
  assert.deepEqual(visible(hidden), ["name", "state", "health", "region"])
})

describe("what was kept for a while", () => {
  const kept = { shown: ["region"], hidden: ["plan"], moved: ["health:name"] }

  test("a column that came since stands where the declaration puts it", () => {
    const later = [{ id: "name" }, { id: "owner" }, ...COLUMNS.slice(1)]
    const { order } = healed(later, kept).arrangement
    assert.deepEqual(order, ["name", "health", "owner", "plan", "state", "region"])
  })

  test("a column that went since is named, and the rest holds", () => {
    const later = COLUMNS.filter(({ id }) => id !== "plan" && id !== "region")
    const { arrangement, unknown } = healed(later, kept)
    assert.deepEqual(arrangement, { order: ["name", "health", "state"], hidden: [] })
    assert.deepEqual(unknown, { show: ["region"], hide: ["plan"] })
  })

  test("rubbish, and the same said twice, break nothing", () => {
    const { arrangement } = healed(COLUMNS, {
      shown: [""],
      hidden: ["x"],
      moved: ["", ":", "a:b:c", "plan:", "plan:health", "plan:name"],
    })
    assert.deepEqual([...arrangement.order].sort(), COLUMNS.map(({ id }) => id).sort())
  })
})

/** @param {string[]} items @returns {string[][]} */
function permutations(items) {
  if (items.length === 0) return [[]]
  return items.flatMap(item => permutations(items.filter(other => other !== item)).map(rest => [item, ...rest]))
}
