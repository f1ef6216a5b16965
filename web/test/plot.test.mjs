// What is drawn for which numbers: gaps, what is open, what is compared, nothing, one, and very many.

import assert from "node:assert/strict"
import { test } from "node:test"
import { row, seriesOf, usePage } from "./page.mjs"

usePage("en")
const { plot } = await import("../src/lib/chart/plot.js")
const { funnel, grid, sparkline } = await import("../src/lib/chart/cells.js")
const { csvOf, summaryOf, tableOf } = await import("../src/lib/chart/series.js")
const { nearest } = await import("../src/lib/chart/layout.js")
const { pathsOf } = await import("../src/lib/chart/lines.js")

/** @param {import("./page.mjs").Series} series @param {"plot" | "waterfall"} [kind] @returns {any} */
const drawn = (series, kind = "plot") => plot(series, { width: 600, height: 250, kind }).drawing
const BYTES = /** @type {const} */ ({ kind: "bytes", decimals: 0, currency: null })
const open = (/** @type {any} */ one) => ({ ...one, complete: false })

test("unknown parts a line, and a value alone is a point", () => {
  const { solid, points } = pathsOf([
    { x: 0, y: 1, complete: true },
    { x: 1, y: 2, complete: true },
    null,
    { x: 3, y: 4, complete: true },
    null,
    { x: 5, y: 6, complete: true },
    { x: 6, y: 7, complete: true },
  ])
  assert.equal(solid, "M0 1L1 2M5 6L6 7")
  assert.deepEqual(
    points.map(({ alone }) => alone),
    [false, false, true, false, false],
  )
})

test("what is open is dotted wherever it stands, not only at the end", () => {
  const line = pathsOf([0, 1, 2, 3].map(x => ({ x, y: 0, complete: x !== 1 })))
  assert.equal(line.dotted, "M0 0L1 0M1 0L2 0")
  assert.equal(line.solid, "M2 0L3 0")
  const bars = seriesOf({
    columns: [{ id: "new", mark: "bar" }],
    rows: [open(row("2026-09-01", 10)), row("2026-10-01", 20), open(row("2026-11-01", 5))],
  })
  assert.equal(drawn(bars).all("chart-open-frame").length, 2)
})

test("bars stack up and down from zero, and a zero has no bar", () => {
  const series = seriesOf({
    columns: [
      { id: "new", mark: "bar" },
      { id: "expansion", mark: "bar" },
      { id: "churn", mark: "bar" },
    ],
    rows: [row("2026-09-01", 300, 100, -200), row("2026-10-01", 0, null, -50)],
  })
  const blocks = drawn(series).all("chart-block")
  assert.equal(blocks.length, 4)
  const [gain, more, loss] = blocks.map((/** @type {any} */ { attributes }) => ({
    top: Number(attributes.y),
    end: Number(attributes.y) + Number(attributes.height),
  }))
  assert.ok(Math.abs(gain.top - more.end) < 0.01, "the second stands on the first")
  assert.ok(Math.abs(loss.top - gain.end) < 0.01, "losses hang from zero")
})

test("the nearest point is found on either side, at both ends, and of one", () => {
  const places = [10, 20, 40, 80]
  const at = (/** @type {number} */ x) => nearest(index => places[index], places.length, x)
  assert.deepEqual([-50, 14, 16, 29, 31, 61, 500].map(at), [0, 0, 1, 1, 2, 3, 3])
  assert.equal(
    nearest(() => 7, 1, 100),
    0,
  )
})

test("a comparison is dashed, of lines only, and never longer than the range", () => {
  const series = seriesOf({
    columns: [
      { id: "new", mark: "bar" },
      { id: "net", mark: "line" },
    ],
    rows: [row("2026-10-01", 5, 5), row("2026-11-01", 6, 6)],
    comparison: {
      from: "2026-08-01",
      to: "2026-10-01",
      rows: [row("2026-08-01", 1, 1), row("2026-09-01", 2, 900), row("2026-10-01", 3, 9_000_000)],
    },
  })
  const compared = drawn(series).all("chart-compared")
  assert.equal(compared.length, 1)
  assert.equal(compared[0].attributes.d.match(/L/g).length, 1)
  assert.ok(plot(series, { width: 600, height: 250 }).layout.scale.high < 9_000_000)
})

test("no rows, one row and ten thousand rows", () => {
  assert.ok(drawn(seriesOf({})))
  assert.equal(summaryOf(seriesOf({})), "Nothing to show in this range.")
  assert.deepEqual(tableOf(seriesOf({})).rows, [])
  const one = drawn(seriesOf({ rows: [row("2026-11-01", 4900)] }))
  assert.equal(one.all("chart-point").length, 1)
  const moments = (/** @type {number} */ count) =>
    seriesOf({
      axis: "moments",
      range: null,
      unit: BYTES,
      rows: Array.from({ length: count }, (_, index) =>
        row(new Date(Date.UTC(2026, 10, 1) + index * 60_000).toISOString(), index % 977),
      ),
    })
  assert.ok(drawn(moments(1)))
  const many = moments(10_000)
  const drawing = drawn(many)
  assert.equal(drawing.all("chart-line").length, 1)
  assert.ok(drawing.all("chart-point").length <= 9)
  assert.ok(drawing.all("chart-text").length < 40)
  assert.equal(tableOf(many, 100).rows.length, 100)
  assert.equal(csvOf(many).trim().split("\r\n").length, 10_001)
})

test("negative values, and a currency without decimals", () => {
  const yen = seriesOf({
    unit: { kind: "money", decimals: 0, currency: "jpy" },
    rows: [row("2026-10-01", -4900), row("2026-11-01", 100)],
  })
  assert.match(drawn(yen).textContent, /-JP¥4k/i)
  assert.match(csvOf(yen), /2026-10-01,-4900,yes/)
})

test("a limit is on the scale with its words, and a cut axis says so", () => {
  const series = seriesOf({ unit: BYTES, limit: 4 * 1024 ** 3, rows: [row("2026-11-01", 1024 ** 3)] })
  assert.match(drawn(series).textContent, /Limit 4 GiB/)
  assert.equal(plot(series, { width: 600, height: 250 }).layout.scale.high, 4 * 1024 ** 3)
  const near = seriesOf({ unit: BYTES, rows: [row("2026-10-01", 1000), row("2026-11-01", 1010)] })
  assert.match(drawn(near).textContent, /The axis begins at/)
})

test("areas are stacked, the first lowest", () => {
  const series = seriesOf({
    columns: [
      { id: "in", mark: "area" },
      { id: "out", mark: "area" },
    ],
    rows: [row("2026-10-01", 10, 20), row("2026-11-01", 30, null)],
  })
  assert.equal(drawn(series).all("chart-divider").length, 2)
  assert.equal(plot(series, { width: 600, height: 250 }).layout.scale.high, 30)
})

test("a waterfall goes from level to level", () => {
  const series = seriesOf({
    axis: "names",
    columns: [
      { id: "change", mark: "bar" },
      { id: "end", mark: "bar" },
    ],
    rows: [row("started", null, 1000), row("paid", 500, null), row("live", -200, null), row("end", null, 1300)],
  })
  const blocks = drawn(series, "waterfall").all("chart-block")
  assert.equal(blocks.length, 4)
  const bottom = (/** @type {any} */ { attributes: { y, height } }) => Number(y) + Number(height)
  assert.ok(Math.abs(bottom(blocks[1]) - Number(blocks[0].attributes.y)) < 0.01, "it begins where the total ends")
  assert.equal(Number(blocks[2].attributes.y), Number(blocks[1].attributes.y), "a loss hangs from the top")
  assert.equal(drawn(series, "waterfall").all("chart-step").length, 3)
})

test("a grid has numbers, and the cells that cannot be yet are blank", () => {
  const table = /** @type {any} */ (
    grid(
      seriesOf({
        axis: "names",
        unit: { kind: "percent", decimals: 0, currency: null },
        columns: [
          { id: "in", mark: "none" },
          { id: "out", mark: "none" },
        ],
        rows: [row("started", 100, 50), row("paid", 100, null)],
      }),
    )
  )
  assert.equal(table.all("chart-cell").length, 4)
  assert.match(table.textContent, /100 %50 %.*100 %$/)
})

test("a funnel tells each step's share of the one before, and nothing of nothing", () => {
  const steps = seriesOf({ axis: "names", rows: [row("started", 8), row("paid", 4), row("live", 1)] })
  assert.equal(funnel(steps).textContent, "Started8Paid450%Live125%")
  const none = seriesOf({ axis: "names", rows: [row("started", 0), row("paid", 0)] })
  assert.ok(!(/** @type {string} */ (funnel(none).textContent).includes("%")))
})

test("a small line needs two values, and stands on zero", () => {
  assert.equal(sparkline([]), null)
  assert.equal(sparkline([5]), null)
  assert.equal(sparkline([null, 5, null]), null)
  assert.ok(sparkline([0, 0]))
  assert.equal(/** @type {any} */ (sparkline([100, 100])).all("chart-line")[0].attributes.points, "0,2.0 100,2.0")
})

test("the table is newest first, the comparison beside it", () => {
  const series = seriesOf({
    rows: [row("2026-10-01", 100), open(row("2026-11-01", null))],
    comparison: { from: "2026-08-01", to: "2026-09-29", rows: [row("2026-08-01", 50)] },
  })
  const { head, rows } = tableOf(series)
  assert.deepEqual(head, ["Time", "Net", "Net, before"])
  assert.deepEqual(
    rows.map(({ name, cells }) => [name, ...cells]),
    [
      ["November 2026", "–", "–"],
      ["October 2026", "€1.00", "€0.50"],
    ],
  )
})

test("a file keeps plain numbers, says what is open, and runs nothing", () => {
  const series = seriesOf({
    rows: [row("=2+3", -490000), open(row("2026-11-01", null))],
  })
  assert.equal(csvOf(series), "time (Europe/Madrid),net (EUR),complete\r\n'=2+3,-4900.00,yes\r\n2026-11-01,,no\r\n")
})

test("the summary says where it stands and what it came from", () => {
  const series = seriesOf({ rows: [row("2026-09-01", 10000), row("2026-10-01", null), open(row("2026-11-01", 12000))] })
  assert.equal(
    summaryOf(series),
    "Net: €120.00 (November 2026), +€20.00 since September 2026. What isn't over yet is dotted.",
  )
  assert.equal(summaryOf(seriesOf({ rows: [row("2026-11-01", null)] })), "Nothing to show in this range.")
})
