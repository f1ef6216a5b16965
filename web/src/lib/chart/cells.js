// Charts that are tables and lists: heat maps, cohort triangles, funnels; and the small line beside a number. Their numbers
// are text, so everybody reads them as they stand.

import { h, svg } from "../dom.js"
import { formatNumber, formatPercent } from "../format.js"
import { t } from "../messages.js"
import { place } from "./scale.js"
import { columnName, rowName, titleOf } from "./series.js"
import { formatValue } from "./units.js"

/** @typedef {import("./series.js").Series} Series */

/**
 * Rows and columns with the depth of a colour for the size of a number. Of a triangle the cells that cannot be yet are blank.
 * @param {Series} series
 */
export function grid(series) {
  const most = series.rows
    .flatMap(({ values }) => values)
    .reduce((/** @type {number} */ top, value) => Math.max(top, value ?? 0), 0)
  /** @param {number | null} value */
  const cell = value => {
    if (value === null || value === undefined) return h("td", { class: "chart-cell" })
    const box = h("td", { class: "chart-cell align-end" }, h("span", {}, formatValue(value, series.unit)))
    box.style.setProperty("--share", String(most > 0 ? Math.max(0, value / most) : 0))
    return box
  }
  return h(
    "table",
    { class: "table chart-cells", "data-density": "compact" },
    h("caption", { class: "sr-only" }, titleOf(series)),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, t("series_table.name")),
        ...series.columns.map(column => h("th", { scope: "col", class: "align-end" }, columnName(column))),
      ),
    ),
    h(
      "tbody",
      {},
      ...series.rows.map(row =>
        h("tr", {}, h("th", { scope: "row" }, linked(rowName(series, row), row.drill)), ...row.values.map(cell)),
      ),
    ),
  )
}

/** @param {string} text @param {string | null} href */
export const linked = (text, href) => (href ? h("a", { href }, text) : text)

/** Each step with its share of the step before. @param {Series} series */
export function funnel(series) {
  const first = series.rows[0]?.values[0] ?? 0
  return h(
    "ol",
    { class: "grid gap-4" },
    ...series.rows.map((row, index) => {
      const count = row.values[0] ?? 0
      const before = series.rows[index - 1]?.values[0] ?? 0
      const bar = h("span", {})
      bar.style.inlineSize = `${first > 0 ? Math.min(1, count / first) * 100 : 0}%`
      return h(
        "li",
        { class: "grid gap-1.5" },
        h(
          "p",
          { class: "numbers flex flex-wrap justify-between gap-x-3" },
          h("span", {}, linked(rowName(series, row), row.drill)),
          h(
            "span",
            {},
            h("strong", { class: "font-semibold" }, formatNumber(count)),
            before > 0 && h("span", { class: "ms-2 text-sm text-soft" }, formatPercent(count / before)),
          ),
        ),
        h("div", { class: "meter", "aria-hidden": "true" }, bar),
      )
    }),
  )
}

/** From zero, so that growth is not exaggerated; the number beside it says the same. @param {(number | null)[]} values */
export function sparkline(values) {
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, index }]))
  if (known.length < 2) return null
  const low = known.reduce((least, { value }) => Math.min(least, value), 0)
  const high = known.reduce((most, { value }) => Math.max(most, value), 1)
  const y = place({ low, high }, 24, 2)
  const points = known.map(({ value, index }) => `${(index / (values.length - 1)) * 100},${y(value).toFixed(1)}`)
  return svg(
    "svg",
    { class: "sparkline", viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" },
    low < 0 && svg("line", { class: "chart-grid", x1: 0, x2: 100, y1: y(0), y2: y(0) }),
    svg("polyline", {
      class: "chart-line series series-net",
      points: points.join(" "),
      "vector-effect": "non-scaling-stroke",
    }),
  )
}
