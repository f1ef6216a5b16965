// A saved view and the state of its table, there and back, also when the list has changed since.

import assert from "node:assert/strict"
import { test } from "node:test"
import "./dom.mjs"

const { lookOf, openingView, stateOf } = await import("../src/elements/data-table/views.js")
const { readAddress, writeAddress } = await import("../src/elements/data-table/address.js")

/** @type {import("../src/elements/data-table/address.js").Shape} */
const SHAPE = {
  order: "-created_at",
  search: "Search",
  filters: [{ name: "state", many: true }, { name: "plan" }],
  columns: [
    { id: "name", sort: "name" },
    { id: "plan" },
    { id: "state" },
    { id: "created_at", sort: "created_at" },
    { id: "region", hidden: true },
  ],
}
const NOTHING = { query: "", columns: { hidden: [], shown: [], order: [] }, density: null, page_size: null }

test("every address can be kept as a view and comes back as itself", () => {
  for (const search of [
    "",
    "?q=a%26b&state=live,down&plan=team&sort=-name&limit=100&density=compact",
    "?show=region&hide=plan&move=state:name",
    "?move=region:name,plan:created_at",
  ]) {
    const { state } = readAddress(search, SHAPE)
    const kept = JSON.parse(JSON.stringify(lookOf(state, SHAPE)))
    assert.equal(writeAddress(stateOf(kept, SHAPE), SHAPE, ""), writeAddress(state, SHAPE, ""), search)
  }
})

test("what is usual is not kept, and a page is never a part of a view", () => {
  const { state } = readAddress("?cursor=abc&limit=50", SHAPE)
  assert.deepEqual(lookOf(state, SHAPE), { ...NOTHING, page_size: 50 })
})

test("a column that came since keeps its place, one that went leaves the others alone", () => {
  const view = { ...NOTHING, columns: { hidden: ["gone"], shown: [], order: ["created_at", "gone", "plan"] } }
  const later = { ...SHAPE, columns: [SHAPE.columns[0], { id: "owner" }, ...SHAPE.columns.slice(1)] }
  assert.deepEqual(stateOf(view, later).columns.order, ["name", "owner", "created_at", "state", "plan", "region"])
})

test("for whoever begins a list with a view, an address that means all rows says so and stays", () => {
  const shape = { ...SHAPE, list: "tenants", keep: ["export"] }
  const { state, dropped } = readAddress("?view=none", shape)
  assert.deepEqual(dropped, [])
  assert.equal(writeAddress(state, shape, "?view=none"), "?view=none")
  assert.equal(writeAddress(state, shape, "?state=live&export=exp_1", true), "?view=none&export=exp_1")
  assert.equal(writeAddress({ ...state, q: "acme" }, shape, "?view=none", true), "?q=acme")
  assert.equal(writeAddress(state, shape, "?state=live"), "")
  assert.deepEqual(readAddress("?view=view_9", shape).dropped, [["view", "view_9"]])
  assert.deepEqual(readAddress("?view=none", SHAPE).dropped, [["view", "none"]])
})

test("an address with filters beats the default; so does one that wants no view", async () => {
  assert.equal(await openingView("tenants", "?state=live"), null)
  assert.equal(await openingView("tenants", "?view=none"), null)
})
