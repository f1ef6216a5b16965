// Stacked bars, up and down from zero, and the steps of a waterfall.

import { svg } from "../dom.js"
import { waterfallLevels } from "./layout.js"
import { colourOf, filled } from "./marks.js"

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./layout.js").Layout} Layout */

const WIDEST = 36

/** @param {Layout} layout */
const widthOf = ({ slot }) => Math.max(1, Math.min(WIDEST, slot * 0.64))

/** @param {Series} series @param {Layout} layout */
export function barMarks({ columns, rows }, layout) {
  const width = widthOf(layout)
  return rows.flatMap(({ values, complete }, row) => {
    const x = layout.x(row) - width / 2
    let above = 0
    let below = 0
    /** @type {(Element | null)[]} */
    const parts = []
    for (const [index, column] of columns.entries()) {
      const value = values[index] ?? 0
      if (column.mark !== "bar" || value === 0) continue
      const from = value > 0 ? above : below
      if (value > 0) above += value
      else below += value
      parts.push(...block(x, width, layout.y(from), layout.y(from + value), colourOf(column, index), index))
    }
    return complete || parts.length === 0 ? parts : [...parts, openFrame(x, width, layout.y(above), layout.y(below))]
  })
}

/** @param {number} x @param {number} width @param {number} from @param {number} to @param {string} classes @param {number} index */
function block(x, width, from, to, classes, index) {
  const box = { x, width, y: Math.min(from, to), height: Math.max(1, Math.abs(from - to)) }
  return filled("rect", box, `chart-block ${classes}`, index)
}

/** @param {number} x @param {number} width @param {number} top @param {number} bottom */
function openFrame(x, width, top, bottom) {
  return svg("rect", { class: "chart-open-frame", x: x - 3, y: top - 3, width: width + 6, height: bottom - top + 6 })
}

/** @param {Series} series @param {Layout} layout */
export function waterfallMarks(series, layout) {
  const width = widthOf(layout)
  const levels = waterfallLevels(series)
  return levels.flatMap(({ from, to, states }, row) => {
    const x = layout.x(row) - width / 2
    const kind = states ? { id: "total", index: 0 } : to >= from ? { id: "up", index: 1 } : { id: "down", index: 3 }
    return [
      ...block(x, width, layout.y(from), layout.y(to), `series series-${kind.id}`, kind.index),
      row < levels.length - 1 &&
        svg("line", {
          class: "chart-step",
          x1: x + width,
          x2: layout.x(row + 1) - width / 2,
          y1: layout.y(to),
          y2: layout.y(to),
        }),
    ].filter(part => part instanceof Element)
  })
}
