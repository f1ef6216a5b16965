// Lines and stacked areas.

import { svg } from "../dom.js"
import { colourOf, filled, shape } from "./marks.js"

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {{ x: number, y: number, complete: boolean }} Point */

const MOST_SHAPES = 40

/** @param {Series} series @param {Layout} layout @param {number} column @param {boolean} compared */
export function lineMarks(series, layout, column, compared) {
  const rows = (compared ? series.comparison?.rows.slice(0, series.rows.length) : series.rows) ?? []
  const classes = colourOf(series.columns[column], column)
  const kind = compared ? "chart-line chart-compared" : "chart-line"
  const { solid, dotted, points } = pathsOf(
    rows.map(({ values, complete }, index) => {
      const value = values[column]
      return value === null || value === undefined ? null : { x: layout.x(index), y: layout.y(value), complete }
    }),
  )
  const every = Math.ceil(points.length / MOST_SHAPES) > 1 ? Math.ceil(points.length / 8) : 1
  return svg(
    "g",
    {},
    solid && svg("path", { class: `${kind} ${classes}`, d: solid }),
    dotted && svg("path", { class: `chart-line ${classes} chart-open`, d: dotted }),
    ...points
      .filter((point, index) => !compared && (point.alone || index % every === 0))
      .map(({ x, y }) => shape(column, x, y, classes, points.length > MOST_SHAPES ? 3 : 3.5)),
  )
}

/** What is known is joined, what is open is dotted, what is unknown parts the line. @param {(Point | null)[]} all */
export function pathsOf(all) {
  let solid = ""
  let dotted = ""
  /** @type {(Point & { alone: boolean })[]} */
  const points = []
  for (const [index, point] of all.entries()) {
    if (!point) continue
    const before = all[index - 1]
    points.push({ ...point, alone: !before && !all[index + 1] })
    if (!before) continue
    const piece = `M${round(before.x)} ${round(before.y)}L${round(point.x)} ${round(point.y)}`
    if (!point.complete || !before.complete) dotted += piece
    // One stroke goes on where the last one ended.
    else solid += all[index - 2]?.complete && solid ? `L${round(point.x)} ${round(point.y)}` : piece
  }
  return { solid, dotted, points }
}

const round = (/** @type {number} */ value) => Math.round(value * 10) / 10

/** Stacked from zero, the first column lowest. @param {Series} series @param {Layout} layout */
export function areaMarks({ columns, rows }, { x, y }) {
  const floor = rows.map(() => 0)
  return columns.flatMap((column, index) => {
    if (column.mark !== "area") return []
    const top = rows.map(({ values }, row) => floor[row] + Math.max(0, values[index] ?? 0))
    const edge = top.map((value, row) => `${round(x(row))} ${round(y(value))}`)
    const base = floor.map((value, row) => `${round(x(row))} ${round(y(value))}`).reverse()
    for (const [row, value] of top.entries()) floor[row] = value
    if (edge.length < 2) return edge.length === 1 ? [shape(index, x(0), y(top[0]), colourOf(column, index))] : []
    return [
      ...filled("path", { d: `M${edge.join("L")}L${base.join("L")}Z` }, colourOf(column, index), index),
      // A divider between the parts of the stack.
      svg("path", { class: "chart-divider", d: `M${edge.join("L")}` }),
      ...openEnd(rows, top, x, y, colourOf(column, index)),
    ]
  })
}

/** The upper edge of what has not ended. @param {Series["rows"]} rows @param {number[]} top @param {Layout["x"]} x @param {Layout["y"]} y @param {string} classes */
function openEnd(rows, top, x, y, classes) {
  const { dotted } = pathsOf(rows.map(({ complete }, row) => ({ x: x(row), y: y(top[row]), complete })))
  return dotted ? [svg("path", { class: `chart-line ${classes} chart-open`, d: dotted })] : []
}
