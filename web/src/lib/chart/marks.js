// What tells one series from another without its colour: hatching of bars and areas, shapes of points.

import { svg } from "../dom.js"

const SHAPES = ["circle", "square", "triangle", "diamond", "cross"]

/** Classes that give a column its colour: by its place, or by what it is. @param {{ id: string }} column @param {number} index */
export const colourOf = ({ id }, index) => `series series-${(index % SHAPES.length) + 1} series-${id}`

/** @param {number} index which column @param {number} x @param {number} y @param {string} classes @param {number} [size] */
export function shape(index, x, y, classes, size = 3.5) {
  const kind = SHAPES[index % SHAPES.length]
  const common = { class: `chart-point ${classes}` }
  if (kind === "circle") return svg("circle", { ...common, cx: x, cy: y, r: size })
  if (kind === "square") return svg("rect", { ...common, x: x - size, y: y - size, width: size * 2, height: size * 2 })
  const far = size * 1.3
  const path = {
    triangle: `M${x} ${y - far}L${x + far} ${y + size}L${x - far} ${y + size}Z`,
    diamond: `M${x} ${y - far}L${x + far} ${y}L${x} ${y + far}L${x - far} ${y}Z`,
    cross: `M${x - size} ${y - size}L${x + size} ${y + size}M${x - size} ${y + size}L${x + size} ${y - size}`,
  }[kind]
  return svg("path", { ...common, d: path })
}

const HATCHES = ["", "M-1 1L1 -1M0 6L6 0M5 7L7 5", "M3 2V4M2 3H4", "M-1 5L1 7M0 0L6 6M5 -1L7 1", "M0 3H6"]

/** The hatching of columns. */
export function patterns() {
  return svg(
    "defs",
    {},
    ...HATCHES.map((path, index) =>
      path
        ? svg(
            "pattern",
            { id: `chart-hatch-${index}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
            svg("path", { class: "chart-hatch", d: path }),
          )
        : null,
    ),
  )
}

/** Once a page, and never inside of something hidden: a hidden pattern is drawn nowhere. */
function offerPatterns() {
  if (document.getElementById("chart-hatch-1")) return
  document.body.append(svg("svg", { width: 0, height: 0, class: "chart-patterns", "aria-hidden": "true" }, patterns()))
}

/** A filled shape and its hatching. @param {"rect" | "path"} tag @param {Record<string, unknown>} properties @param {string} classes @param {number} index */
export function filled(tag, properties, classes, index) {
  const hatch = index % HATCHES.length
  if (HATCHES[hatch]) offerPatterns()
  return [
    svg(tag, { ...properties, class: `chart-fill ${classes}` }),
    HATCHES[hatch] ? svg(tag, { ...properties, fill: `url(#chart-hatch-${hatch})`, class: "chart-over" }) : null,
  ]
}

/** What stands before a column's name in the legend. @param {import("./series.js").Column} column @param {number} index @param {boolean} [compared] */
export function key(column, index, compared = false) {
  const classes = colourOf(column, index)
  const line = column.mark === "line"
  return svg(
    "svg",
    { width: 18, height: 12, viewBox: "0 0 18 12", class: "chart-key", "aria-hidden": "true" },
    ...(line
      ? [
          svg("line", {
            class: `chart-line ${classes} ${compared ? "chart-compared" : ""}`,
            x1: 0,
            x2: 18,
            y1: 6,
            y2: 6,
          }),
          compared ? null : shape(index, 9, 6, classes),
        ]
      : filled("rect", { x: 3, y: 0, width: 12, height: 12 }, classes, index)),
  )
}
