// The same numbers for a reader of Spanish.

import assert from "node:assert/strict"
import { test } from "node:test"
import { row, seriesOf, usePage } from "./page.mjs"

usePage("es")
const { periodLabels, periodName, timeTicks } = await import("../src/lib/chart/time.js")
const { formatTick, formatValue } = await import("../src/lib/chart/units.js")
const { tableOf } = await import("../src/lib/chart/series.js")

test("months, quarters and weeks", () => {
  assert.equal(periodName("2026-11-01", "month"), "noviembre de 2026")
  assert.equal(periodName("2026-10-01", "quarter"), "T4 2026")
  assert.match(periodName("2026-11-23", "week"), /^Semana del 23 nov/)
  assert.equal(periodLabels(["2026-11-01"], "month")[0].text, "nov")
})

test("decimal commas, with grouping and units", () => {
  assert.equal(formatValue(1.5 * 1024 ** 3, { kind: "bytes", decimals: 0, currency: null }), "1,5 GiB")
  assert.equal(formatValue(490000, { kind: "money", decimals: 2, currency: "eur" }).replace(/\s/g, " "), "4.900,00 €")
  assert.match(formatTick(50, { kind: "money", decimals: 2, currency: "eur" }, 50), /^0,50/)
})

test("both days of Spain on which the clock is changed", () => {
  for (const [from, hours] of /** @type {[string, number][]} */ ([
    ["2026-03-28T23:00:00Z", 23],
    ["2026-10-24T22:00:00Z", 25],
  ])) {
    const start = Date.parse(from)
    const ticks = timeTicks(start, start + hours * 3_600_000, "Europe/Madrid", 5)
    assert.deepEqual(
      ticks.map(({ text }) => text),
      ["00:00", "06:00", "12:00", "18:00", "00:00"],
    )
  }
})

test("the table's head", () => {
  assert.deepEqual(tableOf(seriesOf({ rows: [row("2026-11-01", 1)] })).head, ["Fecha", "Neto"])
})
