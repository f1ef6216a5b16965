import assert from "node:assert/strict"
import { test } from "node:test"
import { addMonths, dayOf, isBefore, monthOf, monthsBetween, startOfDay, startOfMonth } from "./calendar.mjs"
import { seconds } from "./made.mjs"

const madrid = "Europe/Madrid"

test("a day of Madrid begins when its clocks say so, also where the clocks change", () => {
  assert.equal(startOfDay(madrid, "2026-03-29"), seconds("2026-03-28T23:00:00Z"))
  assert.equal(startOfDay(madrid, "2026-03-30"), seconds("2026-03-29T22:00:00Z"), "23 hours")
  assert.equal(startOfDay(madrid, "2026-10-26") - startOfDay(madrid, "2026-10-25"), 25 * 3600)
  assert.equal(dayOf(madrid, seconds("2026-03-29T21:59:59Z")), "2026-03-29")
  assert.equal(dayOf(madrid, seconds("2026-03-29T22:00:00Z")), "2026-03-30")
})

test("months are those of the zone, over the turn of a year too", () => {
  assert.equal(monthOf(madrid, seconds("2026-12-31T22:59:59Z")), "2026-12")
  assert.equal(monthOf(madrid, seconds("2026-12-31T23:00:00Z")), "2027-01")
  assert.equal(startOfMonth("Pacific/Kiritimati", "2026-01"), seconds("2025-12-31T10:00:00Z"))
  assert.deepEqual(monthsBetween("2026-11", "2027-02"), ["2026-11", "2026-12", "2027-01", "2027-02"])
})

test("a midnight that the clocks leave out is no obstacle", () => {
  assert.equal(startOfDay("America/Santiago", "2026-09-06"), seconds("2026-09-06T04:00:00Z"))
})

test("months are added to the day of the month, to its last one at most", () => {
  assert.equal(addMonths(seconds("2028-01-31T10:00:00Z"), 1), seconds("2028-02-29T10:00:00Z"))
  assert.equal(addMonths(seconds("2026-01-31T10:00:00Z"), 2), seconds("2026-03-31T10:00:00Z"))
  assert.equal(addMonths(seconds("2028-02-29"), 12), seconds("2029-02-28"))
  assert.equal(addMonths(seconds("2026-11-30T23:59:59Z"), 3), seconds("2027-02-28T23:59:59Z"))
})

test("a boundary leaves its own instant to what comes after, a cut keeps it", () => {
  assert.deepEqual([isBefore(5, { at: 5, included: false }), isBefore(5, { at: 5, included: true })], [false, true])
})
