// Where the arrows lead in a menu, and what the button of a question is called.

import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeElement, usePage } from "./page.mjs"

usePage("es")
Object.assign(globalThis, { HTMLElement: FakeElement, customElements: { define() {} } })
const { neighbour } = await import("../src/elements/row-menu.js")

test("the arrows go from item to item and around, Home and End to the ends, and other keys nowhere", () => {
  const items = ["a", "b", "c"]
  assert.deepEqual(
    [neighbour(items, 0, "ArrowDown"), neighbour(items, 2, "ArrowDown"), neighbour(items, -1, "ArrowDown")],
    ["b", "a", "a"],
  )
  assert.deepEqual(
    [neighbour(items, 1, "ArrowUp"), neighbour(items, 0, "ArrowUp"), neighbour(items, -1, "ArrowUp")],
    ["a", "c", "c"],
  )
  assert.deepEqual([neighbour(items, 1, "Home"), neighbour(items, 1, "End")], ["a", "c"])
  assert.equal(neighbour(items, 1, "j"), undefined)
})
