// Where everything of a chart lies: its edges, its scale, the place of each row and the labels that fit below.

import { label } from "../messages.js"
import { place, scaleOf } from "./scale.js"
import { comparedColumns, zoneOf } from "./series.js"
import { periodLabels, timeTicks } from "./time.js"
import { formatTick } from "./units.js"

/** @typedef {import("./series.js").Series} Series */
/** @typedef {{ x: number, text: string, second: string, anchor: "start" | "middle" | "end" }} AxisLabel */
/**
 * @typedef {{ left: number, right: number, top: number, bottom: number, slot: number, scale: import("./scale.js").Scale,
 *   x: (index: number) => number, y: (value: number) => number, labels: AxisLabel[] }} Layout
 */

const LETTER = 6.4
const EDGE = { top: 12, right: 8, bottom: 34 }

/** @param {Series} series @param {number} width @param {number} height @param {"plot" | "waterfall"} kind @returns {Layout} */
export function layoutOf(series, width, height, kind) {
  const scale = scaleOf(valuesOn(series, kind), series.unit, {
    // How near a line is to its limit is seen from zero only.
    fromZero: kind === "waterfall" || series.limit !== null || series.columns.some(isSolid),
    count: height < 160 ? 2 : 4,
  })
  const longest = scale.ticks.reduce(
    (most, tick) => Math.max(most, formatTick(tick, series.unit, scale.step).length),
    0,
  )
  const left = Math.ceil(longest * LETTER) + 14
  const right = Math.max(left + 1, width - EDGE.right)
  const bottom = height - EDGE.bottom
  const slot = (right - left) / Math.max(1, series.rows.length)
  const x = series.axis === "moments" ? momentPlace(series, left, right) : bandPlace(left, slot)
  const labels = series.axis === "moments" ? momentLabels(series, left, right) : bandLabels(series, x, slot)
  return { left, right, top: EDGE.top, bottom, slot, scale, x, y: place(scale, bottom, EDGE.top), labels }
}

/** Whether its size is what one sees of it. @param {{ mark: string }} column */
const isSolid = ({ mark }) => mark === "bar" || mark === "area"

/** Everything that must be on the scale: stacks as high as they are, lines, comparisons and the limit. @param {Series} series @param {"plot" | "waterfall"} kind */
function valuesOn(series, kind) {
  const { columns, rows, comparison, limit } = series
  if (kind === "waterfall") return waterfallLevels(series).flatMap(({ from, to }) => [from, to])
  /** @type {(number | null)[]} */
  const values = [limit]
  for (const { values: row } of rows) {
    let above = 0
    let below = 0
    for (const [index, { mark }] of columns.entries()) {
      const value = row[index] ?? null
      if (mark === "line") values.push(value)
      if (!isSolid({ mark })) continue
      if ((value ?? 0) > 0) above += Number(value)
      else below += Number(value)
    }
    if (columns.some(isSolid)) values.push(above, below)
  }
  for (const index of comparedColumns(series))
    for (const row of comparison?.rows.slice(0, rows.length) ?? []) values.push(row.values[index] ?? null)
  return values
}

/** The steps of a waterfall: its first column changes the level, its second one states it. @param {Series} series */
export function waterfallLevels({ rows }) {
  let level = 0
  return rows.map(({ values: [change, total] }) => {
    const from = total === null || total === undefined ? level : 0
    level = total ?? level + (change ?? 0)
    return { from, to: level, states: total !== null && total !== undefined }
  })
}

/** @param {number} left @param {number} slot */
const bandPlace = (left, slot) => /** @param {number} index */ index => left + slot * (index + 0.5)

/** @param {Series} series @param {number} left @param {number} right */
function momentPlace({ rows }, left, right) {
  const times = rows.map(({ key }) => Date.parse(key))
  const [from, to] = [times[0], times[times.length - 1]]
  /** @param {number} index */
  return index => (from === to ? (left + right) / 2 : left + ((times[index] - from) / (to - from)) * (right - left))
}

/** @param {Series} series @param {number} left @param {number} right @returns {AxisLabel[]} */
function momentLabels(series, left, right) {
  const from = Date.parse(series.rows[0]?.key)
  const to = Date.parse(series.rows[series.rows.length - 1]?.key)
  if (!(to > from)) return []
  const ticks = timeTicks(from, to, zoneOf(series), Math.max(2, Math.floor((right - left) / 70)))
  return ticks.map(({ at, text, second }) => {
    const x = left + ((at - from) / (to - from)) * (right - left)
    return { x, text, second, anchor: x - left < 18 ? "start" : right - x < 18 ? "end" : "middle" }
  })
}

/** As many as fit, the last one always. @param {Series} series @param {(index: number) => number} x @param {number} slot @returns {AxisLabel[]} */
function bandLabels(series, x, slot) {
  const keys = series.rows.map(({ key }) => key)
  const names = series.axis === "names" ? keys.map(key => label("series_row", key)) : []
  const widest = series.axis === "names" ? names.reduce((most, name) => Math.max(most, name.length), 1) : 4.5
  const every = Math.max(1, Math.ceil((widest * LETTER + 6) / slot))
  const shown = keys.flatMap((_, index) => ((keys.length - 1 - index) % every === 0 ? [index] : []))
  const granularity = series.range?.granularity ?? "day"
  const labels =
    series.axis === "names"
      ? shown.map(index => ({ text: names[index], second: "" }))
      : periodLabels(
          shown.map(index => keys[index]),
          granularity,
        )
  return labels.map((one, position) => ({ ...one, x: x(shown[position]), anchor: "middle" }))
}

/** The row whose place lies nearest: they are in order. @param {(index: number) => number} place @param {number} count @param {number} x */
export function nearest(place, count, x) {
  let [low, high] = [0, count - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (place(middle) < x) low = middle
    else high = middle
  }
  return Math.abs(place(low) - x) <= Math.abs(place(high) - x) ? low : high
}
