// Members of settings as texts of fields, and back.
import assert from "node:assert/strict"
import { test } from "node:test"
import { clockText, kindOf, minutesOfDay, settingOf, textOf } from "../src/lib/setting-values.js"

/** @typedef {import("../src/lib/setting-values.js").Field} Field */
/** @param {Field["type"]} type @param {{ format?: string, optional?: boolean }} [more] */
const field = (type, more) => ({ type, format: "", optional: false, ...more })

test("a format that is not known is drawn by its type", () => {
  assert.equal(kindOf(field("string", { format: "time-zone" })), "time-zone")
  assert.equal(kindOf(field("string", { format: "something-new" })), "string")
  assert.equal(kindOf(field("integer")), "integer")
})

test("every value comes back as it was", () => {
  /** @type {[ReturnType<typeof field>, unknown][]} */
  const cases = [
    [field("string"), "Ñandú\nMadrid"],
    [field("string"), ""],
    [field("integer"), 0],
    [field("integer"), -3],
    [field("number"), 1.5],
    [field("boolean"), false],
    [field("enum"), "live"],
    [field("integer", { optional: true }), null],
    [field("string", { optional: true }), null],
    [field("list", { format: "weekdays" }), [1, 5, 7]],
    [field("list"), ["b", "a"]],
    [field("list"), []],
  ]
  for (const [one, value] of cases) assert.deepEqual(settingOf(one, textOf(one, value)), value)
})

test("days have one order, so that ticking in another is no change", () => {
  const days = field("list", { format: "weekdays" })
  assert.equal(textOf(days, [5, 1]), textOf(days, [1, 5]))
})

test("stray spaces and empty lines are nobody's wish; a missing number is no zero", () => {
  assert.equal(settingOf(field("string"), "  Acme "), "Acme")
  assert.deepEqual(settingOf(field("list"), " a \n\n b\n"), ["a", "b"])
  assert.equal(settingOf(field("integer"), " "), null)
})

test("the day has its quarters, its end, and what stands there now", () => {
  assert.equal(clockText(0), "00:00")
  assert.equal(clockText(545), "09:05")
  assert.equal(clockText(1440), "24:00")
  const from = minutesOfDay(0, 1439, 545)
  assert.equal(from.length, 97)
  assert.ok(from.includes(545) && !from.includes(1440))
  assert.deepEqual(minutesOfDay(1, 30, 15), [15, 30])
})
