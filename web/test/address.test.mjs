// The address of a table and its state: there and back, what nobody understands, the next order, another filter.

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import {
  filterParameters,
  isFiltered,
  nextSort,
  pageParameters,
  readAddress,
  withFilter,
  without,
  withoutFilters,
  writeAddress,
} from "../src/elements/data-table/address.js"

/** @type {import("../src/elements/data-table/address.js").Shape} */
const SHAPE = {
  order: "-created_at",
  search: "Search",
  keep: ["new"],
  filters: [{ name: "state", many: true, values: ["live", "suspended"] }, { name: "plan" }],
  columns: [
    { id: "subdomain", sort: "subdomain" },
    { id: "company" },
    { id: "plan" },
    { id: "created_at", sort: "created_at" },
    { id: "region", hidden: true },
  ],
}

/** @param {string} search */
const read = search => readAddress(search, SHAPE)
/** @param {string} search */
const again = search => writeAddress(read(search).state, SHAPE, search)

test("what is usual is not written", () => {
  assert.equal(again(""), "")
  assert.equal(again("?limit=50&sort=-created_at&density=comfortable&q=%20"), "")
})

test("every view has one address, and the address has that view", () => {
  for (const search of [
    "?q=acme",
    "?q=acme&state=live,suspended&plan=team&sort=subdomain&limit=100&density=compact",
    "?state=live&show=region&hide=company&move=company:plan&cursor=abc",
    "?q=a%26b%3Dc+%C3%B1+%F0%9F%A6%84",
    "?plan=team&new=1",
  ]) {
    assert.equal(again(search), search)
    assert.deepEqual(read(search).dropped, [])
  }
})

describe("what nobody understands", () => {
  test("is told apart by its name, and left out", () => {
    const { state, dropped } = read("?status=live&plan=team&sort=nonsense&hide=gone&move=plan:gone")
    assert.deepEqual(Object.fromEntries(dropped), { status: "live", sort: "nonsense", hide: "gone", move: "plan:gone" })
    assert.equal(writeAddress(state, SHAPE, ""), "?plan=team")
  })

  test("one unknown value takes the known ones not with it", () => {
    const { state, dropped } = read("?state=live,melting")
    assert.deepEqual(state.filters, { state: ["live"] })
    assert.deepEqual(dropped, [["state", "live,melting"]])
  })

  test("a list without search takes no search", () => {
    const { dropped } = readAddress("?q=acme", { ...SHAPE, search: undefined })
    assert.deepEqual(dropped, [["q", "acme"]])
  })

  test("the choice of a language is the server's, and no size but ours is a size", () => {
    assert.deepEqual(read("?lang=es").dropped, [])
    for (const limit of ["0", "-1", "1000000", "NaN", "1e9"]) assert.equal(read(`?limit=${limit}`).state.limit, 50)
  })

  test("an address of ten thousand letters, of control characters or of nothing is no trouble", () => {
    for (const search of [`?q=${"x".repeat(10_000)}`, "?%00=%00", "?", "?=&=&", "?state=,,,&move=,:,"]) read(search)
  })
})

test("the API is asked for the list's own order, and never for columns", () => {
  const { state } = read("?state=live&hide=company&density=compact")
  assert.equal(pageParameters(state, SHAPE).toString(), "state=live&limit=50&sort=-created_at")
  assert.equal(filterParameters(state).toString(), "state=live")
})

test("a filter set anew begins at the first page; none is no filter", () => {
  const { state } = read("?state=live&cursor=abc")
  const other = withFilter(state, "plan", ["team"])
  assert.deepEqual([other.filters, other.cursor], [{ state: ["live"], plan: ["team"] }, ""])
  assert.deepEqual(withFilter(other, "state", []).filters, { plan: ["team"] })
  assert.equal(isFiltered(withoutFilters(other)), false)
  assert.equal(isFiltered({ ...withoutFilters(other), q: "x" }), true)
})

test("what the server refuses goes, the rest stays", () => {
  const { state } = read("?q=acme&state=live&plan=team&sort=subdomain&cursor=old")
  const left = without(state, ["cursor", "plan", "sort"])
  assert.equal(writeAddress(left, SHAPE, ""), "?q=acme&state=live")
})

describe("a click on a head", () => {
  test("goes up, down, and back to the list's own order", () => {
    assert.equal(nextSort("", "subdomain", "-created_at"), "subdomain")
    assert.equal(nextSort("subdomain", "subdomain", "-created_at"), "-subdomain")
    assert.equal(nextSort("-subdomain", "subdomain", "-created_at"), "")
  })

  test("on the column of the list's own order turns it round and back", () => {
    assert.equal(nextSort("", "created_at", "-created_at"), "created_at")
    assert.equal(nextSort("created_at", "created_at", "-created_at"), "")
    assert.equal(nextSort("", "name", "name"), "-name")
    assert.equal(nextSort("-name", "name", "name"), "")
  })

  test("on another column begins there", () => {
    assert.equal(nextSort("-subdomain", "created_at", "-created_at"), "created_at")
  })
})
