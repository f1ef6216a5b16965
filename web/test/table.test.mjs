// Ticks over many pages, chips of filters, and what a second look at a page says.

import assert from "node:assert/strict"
import { describe, test } from "node:test"
import "./dom.mjs"

const words = { textContent: JSON.stringify({ "table.searched": "“{text}”" }) }
Object.assign(document, { getElementById: (/** @type {string} */ id) => (id === "messages" ? words : null) })

const { Selection } = await import("../src/elements/data-table/selection.js")
const { chipsOf } = await import("../src/elements/data-table/chips.js")
const { compared } = await import("../src/elements/data-table/rows.js")
const { addressPlace, ownPlace } = await import("../src/elements/data-table/place.js")

const PAGE = ["a", "b", "c"]

describe("ticks", () => {
  test("stay with their rows over all pages", () => {
    const selection = new Selection()
    selection.tickPage(PAGE, true)
    selection.tick("b", false)
    selection.tick("on another page", true)
    assert.deepEqual(selection.target(new URLSearchParams()), { ids: ["a", "c", "on another page"] })
    assert.equal(selection.count(500), 3)
    assert.deepEqual(
      [selection.ofPage(PAGE), selection.ofPage(["x"]), selection.ofPage(["a"])],
      ["some", "none", "whole"],
    )
  })

  test("all that match is a question with exceptions, not a list of ids", () => {
    const selection = new Selection()
    selection.tick("a", true)
    selection.tickAll()
    selection.tick("b", false)
    const filter = new URLSearchParams("q=acme&state=live,suspended")
    assert.deepEqual(selection.target(filter), {
      filter: { q: "acme", state: "live,suspended" },
      exclude: ["b"],
    })
    assert.equal(selection.count(312), 311)
    assert.equal(selection.has("never seen"), true)
    selection.tick("b", true)
    assert.equal(selection.count(312), 312)
  })

  test("of all, fewer than the exceptions can match: then none is meant", () => {
    const selection = new Selection()
    selection.tickAll()
    for (const id of PAGE) selection.tick(id, false)
    assert.equal(selection.count(2), 0)
  })

  test("are of one question: another one starts without any, a page of the same does not", () => {
    const selection = new Selection()
    selection.ask("plan=starter")
    selection.tickAll()
    selection.ask("plan=starter")
    assert.equal(selection.isEmpty, false)
    selection.ask("")
    assert.deepEqual([selection.isEmpty, selection.count(423)], [true, 0])
    selection.tick("a", true)
    selection.ask("state=live")
    assert.equal(selection.has("a"), false)
  })

  test("the head's box, unticked, unticks everything", () => {
    const selection = new Selection()
    selection.tickAll()
    selection.tickPage(PAGE, false)
    assert.deepEqual([selection.count(9), selection.isAll, selection.ofPage([])], [0, false, "none"])
  })
})

describe("chips", () => {
  const filters = [
    { name: "state", label: "State", words: (/** @type {string} */ value) => value.toUpperCase() },
    { name: "plan", label: "Plan", words: (/** @type {string} */ value) => value },
  ]
  const columns = { order: [], hidden: [] }
  const state = {
    q: "a&b",
    filters: { state: ["live", "down"], plan: ["team"] },
    sort: "",
    limit: 50,
    cursor: "c",
    dense: false,
    columns,
  }

  test("kind and label make the words; each takes itself away and begins at the first page", () => {
    const chips = chipsOf(state, filters)
    assert.deepEqual(
      chips.map(({ text }) => text),
      ["State: LIVE", "State: DOWN", "Plan: team", "“a&b”"],
    )
    assert.deepEqual(chips[0].without.filters, { state: ["down"], plan: ["team"] })
    assert.deepEqual(chips[2].without.filters, { state: ["live", "down"] })
    assert.deepEqual([chips[3].without.q, chips[3].without.cursor], ["", ""])
  })

  test("without filters there are none", () => {
    assert.deepEqual(chipsOf({ ...state, q: "", filters: {} }, filters), [])
  })
})

describe("a second look", () => {
  const idOf = (/** @type {{ id: string }} */ row) => row.id
  const shown = [
    { id: "a", v: 1 },
    { id: "b", v: 1 },
  ]

  test("rows are known by id: changed ones by their place, new ones only counted", () => {
    const fresh = [
      { id: "new", v: 1 },
      { id: "a", v: 1 },
      { id: "b", v: 2 },
    ]
    assert.deepEqual(compared(shown, fresh, idOf), { changed: [[1, { id: "b", v: 2 }]], unseen: 1 })
  })

  test("rows that went away stay until somebody asks", () => {
    assert.deepEqual(compared(shown, [], idOf), { changed: [], unseen: 0 })
  })
})

describe("the history", () => {
  /** As a browser keeps it. */
  function useHistory() {
    const entries = [{ address: "http://localhost/list", state: /** @type {any} */ (null) }]
    Object.assign(globalThis, {
      addEventListener() {},
      scrollY: 0,
      location: {
        pathname: "/list",
        hash: "",
        get href() {
          return entries.at(-1)?.address
        },
      },
      history: {
        get state() {
          return entries.at(-1)?.state
        },
        pushState: (/** @type {any} */ state, /** @type {string} */ _, /** @type {string} */ address) =>
          entries.push({ state, address: new URL(address, "http://localhost").href }),
        replaceState(/** @type {any} */ state, /** @type {string} */ _, /** @type {string} */ address) {
          const now = entries.pop()
          entries.push({ state, address: address ? new URL(address, "http://localhost").href : (now?.address ?? "") })
        },
      },
    })
    const box = /** @type {HTMLElement} */ (/** @type {unknown} */ ({ scrollTop: 0 }))
    const searches = () => entries.map(({ address }) => new URL(address).search)
    return { place: addressPlace(() => {}, box), searches }
  }

  test("typing adds nothing; what is submitted stands after what was there before", () => {
    const { place, searches } = useHistory()
    place.write("?q=a", "typed", [])
    place.write("?q=acme", "typed", [])
    assert.deepEqual(searches(), ["?q=acme"])
    place.write("?q=acme", "submitted", [])
    assert.deepEqual(searches(), ["", "?q=acme"])
    assert.equal(place.isTyped(), false)
  })

  test("what was typed is a step of its own before what is decided next", () => {
    const { place, searches } = useHistory()
    place.write("?q=acme", "typed", [])
    place.write("?q=acme&state=live", "push", [])
    assert.deepEqual(searches(), ["", "?q=acme", "?q=acme&state=live"])
    place.write("?q=acme", "push", [])
    assert.equal(searches().length, 4)
  })
})

test("a small table within a page keeps its place to itself", () => {
  const place = ownPlace()
  place.write("?cursor=x", "push", [""])
  assert.deepEqual([place.search(), place.trail()], ["?cursor=x", [""]])
  assert.equal(ownPlace().search(), "")
})
