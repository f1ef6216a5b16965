// Draws a Series as lines, stacked areas, stacked bars or a waterfall, in SVG whose colours are classes: a theme, paper
// and forced colours need no second drawing. What is open is dotted, what is compared is dashed, what is unknown is a gap.

import { svg } from "../dom.js"
import { t } from "../messages.js"
import { barMarks, waterfallMarks } from "./bars.js"
import { layoutOf } from "./layout.js"
import { areaMarks, lineMarks } from "./lines.js"
import { comparedColumns, titleOf } from "./series.js"
import { formatTick, formatValue } from "./units.js"

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {"plot" | "waterfall"} Kind */

/** @param {Series} series @param {{ width: number, height: number, kind?: Kind }} options */
export function plot(series, { width, height, kind = "plot" }) {
  const layout = layoutOf(series, width, height, kind)
  const drawing = svg(
    "svg",
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      class: "chart",
      "aria-hidden": "true",
      "data-title": titleOf(series),
    },
    ...layout.scale.ticks.map(tick => gridLine(tick, layout, series)),
    ...(kind === "waterfall"
      ? waterfallMarks(series, layout)
      : [...areaMarks(series, layout), ...barMarks(series, layout)]),
    zeroLine(layout),
    limitLine(series, layout),
    ...comparedColumns(series).map(column => lineMarks(series, layout, column, true)),
    ...series.columns.flatMap(({ mark }, column) =>
      kind === "plot" && mark === "line" ? [lineMarks(series, layout, column, false)] : [],
    ),
    ...layout.labels.map(({ x, text, second, anchor }) => axisLabel(x, text, second, anchor, layout)),
    layout.scale.cut &&
      svg(
        "text",
        { class: "chart-text chart-note", x: layout.left, y: layout.top - 3 },
        t("chart.cut", { value: formatValue(layout.scale.low, series.unit) }),
      ),
  )
  return { drawing, layout }
}

/** @param {number} tick @param {Layout} layout @param {Series} series */
function gridLine(tick, { left, right, y, scale }, { unit }) {
  const at = y(tick)
  return svg(
    "g",
    {},
    svg("line", { class: "chart-grid", x1: left, x2: right, y1: at, y2: at }),
    svg(
      "text",
      { class: "chart-text", x: left - 8, y: at + 4, "text-anchor": "end" },
      formatTick(tick, unit, scale.step),
    ),
  )
}

/** @param {Layout} layout */
function zeroLine({ left, right, y, scale }) {
  const at = y(Math.max(scale.low, Math.min(scale.high, 0)))
  return svg("line", { class: scale.cut ? "chart-grid" : "chart-axis", x1: left, x2: right, y1: at, y2: at })
}

/** @param {Series} series @param {Layout} layout */
function limitLine({ limit, unit }, { left, right, y, top }) {
  if (limit === null) return null
  const at = y(limit)
  return svg(
    "g",
    {},
    svg("line", { class: "chart-limit", x1: left, x2: right, y1: at, y2: at }),
    svg(
      "text",
      { class: "chart-text chart-note", x: right - 4, y: at - 5 < top ? at + 13 : at - 5, "text-anchor": "end" },
      t("chart.limit", { value: formatValue(limit, unit) }),
    ),
  )
}

/** @param {number} x @param {string} text @param {string} second @param {string} anchor @param {Layout} layout */
function axisLabel(x, text, second, anchor, { bottom }) {
  return svg(
    "g",
    {},
    svg("text", { class: "chart-text", x, y: bottom + 15, "text-anchor": anchor }, text),
    second && svg("text", { class: "chart-text", x, y: bottom + 28, "text-anchor": anchor }, second),
  )
}
