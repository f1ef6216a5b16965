// The states of a figure beside an earlier one, and what a range picker writes and asks.

import assert from "node:assert/strict"
import { test } from "node:test"
import { changeOf, lastOf, totalOf } from "../src/lib/chart/change.js"
import { row, seriesOf, usePage } from "./page.mjs"

usePage("en")
const { ApiProblem } = await import("../src/lib/api.js")
const { contextOf } = await import("../src/lib/chart/series.js")
const { inRows } = await import("../src/lib/chart/picture.js")
const { inPlaces } = await import("../src/lib/dom.js")
const { t } = await import("../src/lib/messages.js")
const { answerTo, apiQuery, faultOfDays, readView, refusedParts, written } = await import("../src/lib/range-view.js")

test("up, down, same, from zero, nothing earlier", () => {
  assert.deepEqual(changeOf(150, 100), { state: "up", difference: 50, share: 0.5 })
  assert.deepEqual(changeOf(50, 100), { state: "down", difference: -50, share: -0.5 })
  assert.deepEqual(changeOf(100, 100), { state: "same", difference: 0, share: 0 })
  assert.deepEqual(changeOf(100, 0), { state: "from_zero", difference: 100, share: null })
  assert.equal(changeOf(0, 0).state, "same")
  assert.equal(changeOf(100, null).state, "nothing_earlier")
  assert.equal(changeOf(100, undefined).state, "nothing_earlier")
  assert.equal(changeOf(null, 100).state, "nothing_earlier")
  assert.deepEqual(changeOf(-50, -100), { state: "up", difference: 50, share: 0.5 })
  assert.equal(changeOf(0, 100).state, "down")
})

test("sums and last values know what is unknown", () => {
  assert.equal(totalOf([], 0), null)
  assert.equal(totalOf([row("a", null)], 0), null)
  assert.equal(totalOf([row("a", 1), row("b", null), row("c", -3)], 0), -2)
  assert.equal(lastOf([], 0), null)
  assert.equal(lastOf([row("a", 1), row("b", 0)], 0), 0)
})

test("words stay words in the address, and other parameters stay", () => {
  const address = new URL("https://example.com/admin?lang=es&range=this_month&compare=previous_year")
  const view = readView(address.searchParams)
  assert.equal(view.range, "this_month")
  assert.equal(apiQuery(view).toString(), "range=this_month&compare=previous_year")
  const custom = written(address, { ...view, range: "", from: "2026-01-01", to: "2026-03-31", compare: "" })
  assert.equal(custom.search, "?lang=es&from=2026-01-01&to=2026-03-31")
  assert.deepEqual(apiQuery(readView(new URLSearchParams())).toString(), "")
})

test("keys choose ranges, step, and compare", () => {
  const view = readView(new URLSearchParams("range=last_12_months&granularity=week"))
  assert.deepEqual(answerTo("d", view), { range: "today", from: "", to: "", granularity: "" })
  assert.equal(/** @type {any} */ (answerTo("w", view)).range, "this_week")
  assert.equal(/** @type {any} */ (answerTo("m", view)).range, "this_month")
  assert.equal(/** @type {any} */ (answerTo("y", view)).range, "this_year")
  assert.equal(answerTo("[", view), "earlier")
  assert.equal(answerTo("]", view), "later")
  assert.deepEqual(answerTo("c", view), { compare: "previous_period" })
  assert.deepEqual(answerTo("c", { ...view, compare: "previous_year" }), { compare: "" })
  assert.equal(answerTo("x", view), null)
  assert.equal(answerTo("constructor", view), null)
})

test("two days are right, or one of them is wrong", () => {
  assert.equal(faultOfDays("2026-05-05", "2026-05-05"), null)
  assert.deepEqual(faultOfDays("", "2026-05-05"), { name: "from", code: "required" })
  assert.deepEqual(faultOfDays("2026-05-05", ""), { name: "to", code: "required" })
  // A year under way: its first digit is typed.
  assert.deepEqual(faultOfDays("0002-05-05", "2026-05-05"), { name: "from", code: "not_a_day" })
  assert.deepEqual(faultOfDays("2026-05-05", "2026-05-04"), { name: "to", code: "ends_before" })
})

test("of a view that is refused the parts are named that there are, and days go together", () => {
  const refused = (/** @type {string[]} */ ...pointers) =>
    new ApiProblem(422, { errors: pointers.map(pointer => ({ pointer, code: "invalid" })) })
  const view = readView(new URLSearchParams("range=nonsense&granularity=hour&from=2026-05-05&to=2026-04-04"))
  assert.deepEqual(refusedParts(refused("?range", "?granularity", "?compare"), view), ["range", "granularity"])
  assert.deepEqual(refusedParts(refused("?to"), view), ["from", "to"])
  assert.deepEqual(refusedParts(refused("?from"), readView(new URLSearchParams("to=2026-04-04"))), ["to"])
  assert.deepEqual(refusedParts(new ApiProblem(503, {}), view), [])
  assert.deepEqual(refusedParts(new Error("no answer"), view), [])
})

test("a picture says of which days and which currency it is, in as many rows as it takes", () => {
  assert.deepEqual(contextOf(seriesOf({})), [
    "1 September 2026 to 29 November 2026, days of Europe/Madrid",
    "Euro (EUR)",
  ])
  assert.deepEqual(contextOf(seriesOf({ range: null, unit: { kind: "count", decimals: 0, currency: null } })), [])
  const placed = inRows([50, 40, 30], 120, width => width)
  assert.deepEqual(
    placed.map(({ x, y }) => [x, y]),
    [
      [0, 0],
      [68, 0],
      [0, 22],
    ],
  )
})

test("nodes stand at the places of a text", () => {
  const nodes = { before: "a\u202eb", after: "c" }
  assert.deepEqual(inPlaces(t("config.change", { field: "Name" }), nodes), ["Name: ", nodes.before, " → ", "c", ""])
})
