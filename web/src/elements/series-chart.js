// <series-chart>: a Series as a chart with its summary, legend and readout, the same numbers as a table, and both as files.
// The mouse finds the nearest point along the axis of all its lines, the arrow keys walk along them, Esc leaves.

import { funnel, grid, linked } from "../lib/chart/cells.js"
import { nearest } from "../lib/chart/layout.js"
import { colourOf, key, shape } from "../lib/chart/marks.js"
import { downloadCsv, downloadPng } from "../lib/chart/picture.js"
import { plot } from "../lib/chart/plot.js"
import { columnName, comparedColumns, rowName, summaryOf, tableOf, titleOf } from "../lib/chart/series.js"
import { formatValue } from "../lib/chart/units.js"
import { fill, h, setText, svg } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { notice } from "./feedback.js"
import { rowMenu } from "./row-menu.js"

/** @typedef {import("../lib/chart/series.js").Series} Series */
/** @typedef {"plot" | "waterfall" | "grid" | "funnel"} Kind */
/** @typedef {{ kind?: Kind, summary?: string, height?: number, title?: string }} Look `title`: a heading of its own */

/** A page that is still being laid out can be narrower than an axis needs; the next size is drawn. */
const LEAST_WIDTH = 120
const MOST_ROWS = 100
const MARGIN = 8
const SLIDER = ["tabindex", "role", "aria-label", "aria-valuemin", "aria-valuemax", "aria-valuenow", "aria-valuetext"]

export class SeriesChart extends HTMLElement {
  #head = h("h3", { class: "font-semibold", hidden: true })
  #summary = h("p", { class: "min-w-0 flex-1 basis-72 text-soft" })
  #tools = h("div", { class: "screen-only flex items-center gap-1" })
  #plot = h("div", { class: "chart-plot" })
  #readout = h("div", { class: "chart-readout", hidden: true, "aria-hidden": "true" })
  #table = h("div", { class: "card scroller chart-table", hidden: true, tabindex: "0", role: "region" })
  #legend = h("ul", { class: "chart-legend" })
  #asTable = h("button", { type: "button", class: "button button-small", "aria-pressed": "false" }, t("chart.as_table"))
  /** @type {Series | undefined} */
  #series
  /** @type {Look} */
  #look = {}
  /** @type {import("../lib/chart/layout.js").Layout | undefined} */
  #layout
  #shown = ""
  #at = -1
  #cross = svg("g", { class: "chart-cross" })

  connectedCallback() {
    this.classList.add("block", "min-w-0")
    if (this.childElementCount > 0) return
    fill(
      this,
      this.#head,
      h("div", { class: "flex flex-wrap items-start justify-between gap-x-4 gap-y-1.5" }, this.#summary, this.#tools),
      h("div", { class: "relative mt-2 min-w-0" }, this.#plot, this.#readout),
      this.#legend,
      this.#table,
    )
    this.#asTable.addEventListener("click", () => this.#showTable(this.#table.hidden === true))
    this.#plot.addEventListener("pointermove", event => this.#follow(event))
    this.#plot.addEventListener("pointerdown", event => this.#follow(event))
    this.#plot.addEventListener("pointerleave", () => this.#leave())
    this.#plot.addEventListener("blur", () => this.#leave())
    this.#plot.addEventListener("keydown", event => this.#walk(event))
    this.#plot.addEventListener("click", () => this.#open())
    new ResizeObserver(() => this.#draw()).observe(this.#plot)
  }

  /** @param {Series} series @param {Look} [look] */
  show(series, look = {}) {
    const shown = JSON.stringify([series, look])
    if (shown === this.#shown) return
    this.#shown = shown
    this.#series = series
    this.#look = look
    const title = look.title ?? titleOf(series)
    this.#head.hidden = !look.title
    setText(this.#head, look.title ?? "")
    setText(this.#summary, look.summary ?? usualSummary(series, look.kind))
    // The card around it has the chart's own title.
    this.#table.setAttribute("aria-label", t("chart.table_of", { title }))
    fill(this.#tools, series.rows.length > 0 && this.#asTable, series.rows.length > 0 && this.#menu(series, title))
    fill(this.#legend, ...legendOf(series, look.kind ?? "plot"))
    if (!this.#table.hidden) fill(this.#table, tableTwin(series))
    this.#at = -1
    this.#draw()
  }

  /** @param {Series} series @param {string} title */
  #menu(series, title) {
    const drawing = () => this.#plot.querySelector("svg")
    const drawn = !["grid", "funnel"].includes(this.#look.kind ?? "plot")
    return rowMenu(t("chart.menu", { title }), [
      { text: t("chart.download_csv"), onclick: () => downloadCsv(series) },
      drawn && {
        text: t("chart.download_png"),
        onclick: () => {
          const found = drawing()
          if (found)
            downloadPng(found, series, this.#legend).catch(() => this.append(notice("negative", t("chart.png_failed"))))
        },
      },
    ])
  }

  /** @param {boolean} asTable */
  #showTable(asTable) {
    if (this.#series && asTable) fill(this.#table, tableTwin(this.#series))
    this.#asTable.setAttribute("aria-pressed", String(asTable))
    setText(this.#asTable, asTable ? t("chart.as_chart") : t("chart.as_table"))
    this.#table.hidden = !asTable
    this.#plot.hidden = asTable
    this.#legend.hidden = asTable
    if (!asTable) this.#draw()
  }

  #draw() {
    const series = this.#series
    const width = this.#plot.clientWidth
    if (!series || width < LEAST_WIDTH || this.#plot.hidden) return
    const { kind = "plot", height = 250 } = this.#look
    this.#leave()
    this.#layout = undefined
    if (series.rows.length === 0) return this.#stand(null)
    if (kind === "funnel") return this.#stand(funnel(series))
    if (kind === "grid") {
      const title = this.#look.title ?? titleOf(series)
      const box = { class: "scroller", tabindex: "0", role: "region", "aria-label": t("chart.table_of", { title }) }
      return this.#stand(h("div", box, grid(series)))
    }
    const { drawing, layout } = plot(series, { width, height, kind })
    this.#layout = layout
    drawing.append(this.#cross)
    fill(this.#plot, drawing)
    this.#describe()
  }

  /** What one does not walk along. @param {Node | null} content */
  #stand(content) {
    for (const name of SLIDER) this.#plot.removeAttribute(name)
    fill(this.#plot, content)
  }

  // A slider says its value by itself whenever it changes, which is what a walk along a chart needs.
  #describe() {
    const series = /** @type {Series} */ (this.#series)
    const attributes = {
      tabindex: "0",
      role: "slider",
      "aria-label": this.#look.title ?? titleOf(series),
      "aria-valuemin": "1",
      "aria-valuemax": String(series.rows.length),
      "aria-valuenow": String(this.#at < 0 ? series.rows.length : this.#at + 1),
      "aria-valuetext": this.#at < 0 ? this.#summary.textContent : wordsOf(series, this.#at).join(", "),
    }
    for (const [name, value] of Object.entries(attributes)) this.#plot.setAttribute(name, String(value))
    this.#plot.toggleAttribute("data-opens", this.#at >= 0 && !!series.rows[this.#at]?.drill)
  }

  /** @param {PointerEvent} event */
  #follow(event) {
    if (!this.#layout || !this.#series) return
    const x = event.clientX - this.#plot.getBoundingClientRect().left
    this.#go(nearest(this.#layout.x, this.#series.rows.length, x))
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const count = this.#series?.rows.length ?? 0
    if (!this.#layout || count === 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const last = count - 1
    const at = this.#at < 0 ? last + 1 : this.#at
    const leap = Math.max(1, Math.round(count / 10))
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: this.#at < 0 ? 0 : at + 1, ArrowUp: at + 1 }
    /** @type {Record<string, number>} */
    const leaps = { Home: 0, End: last, PageDown: at - leap, PageUp: at + leap }
    if (event.key === "Escape" && this.#at >= 0) {
      event.stopPropagation()
      return this.#leave()
    }
    if (event.key === "Enter") return this.#open()
    const to = steps[event.key] ?? leaps[event.key]
    if (to === undefined) return
    event.preventDefault()
    this.#go(Math.max(0, Math.min(last, to)))
  }

  #open() {
    const drill = this.#at < 0 ? null : this.#series?.rows[this.#at]?.drill
    if (drill) location.assign(drill)
  }

  #leave() {
    if (this.#at < 0) return
    this.#at = -1
    fill(this.#cross)
    this.#readout.hidden = true
    if (this.#layout) this.#describe()
  }

  /** @param {number} index */
  #go(index) {
    const { layout, series } = { layout: this.#layout, series: this.#series }
    if (!layout || !series || index === this.#at) return
    this.#at = index
    const x = layout.x(index)
    const dots = series.columns.flatMap((column, position) => {
      const value = series.rows[index].values[position]
      if (column.mark !== "line" || value === null || value === undefined) return []
      return [shape(position, x, layout.y(value), `chart-at ${colourOf(column, position)}`, 4.5)]
    })
    fill(this.#cross, svg("line", { class: "chart-axis", x1: x, x2: x, y1: layout.top, y2: layout.bottom }), ...dots)
    fill(this.#readout, ...readout(series, index))
    this.#readout.hidden = false
    const width = this.#readout.offsetWidth
    const room = this.#plot.clientWidth
    const left = x + MARGIN * 2 + width > room ? x - MARGIN * 2 - width : x + MARGIN * 2
    this.#readout.style.left = `${Math.max(0, Math.min(left, room - width))}px`
    this.#describe()
  }
}

/** Charts whose numbers stand in them need no sentence. @param {Series} series @param {Kind} [kind] */
const usualSummary = (series, kind) =>
  series.rows.length > 0 && (kind === "grid" || kind === "funnel") ? "" : summaryOf(series)

/** @param {Series} series @param {number} index */
function wordsOf(series, index) {
  const row = series.rows[index]
  const values = series.columns.map(
    (column, position) => `${columnName(column)} ${formatValue(row.values[position], series.unit)}`,
  )
  const before = comparedColumns(series).map(position => {
    const value = formatValue(series.comparison?.rows[index]?.values[position], series.unit)
    return `${t("series_table.before", { name: columnName(series.columns[position]) })} ${value}`
  })
  const more = [!row.complete && t("chart.not_over"), row.drill && t("chart.opens")].filter(words => !!words)
  return [rowName(series, row), ...values, ...before, ...more]
}

/** @param {Series} series @param {number} index */
function readout(series, index) {
  const row = series.rows[index]
  /** @param {Element} mark @param {string} name @param {number | null | undefined} value */
  const line = (mark, name, value) =>
    h("li", {}, mark, h("span", { class: "flex-1" }, name), h("strong", {}, formatValue(value, series.unit)))
  return [
    h("p", { class: "font-semibold" }, rowName(series, row)),
    h(
      "ul",
      { class: "numbers" },
      ...series.columns.map((column, position) =>
        line(
          column.mark === "none" ? h("span", { class: "chart-key" }) : key(column, position),
          columnName(column),
          row.values[position],
        ),
      ),
      ...comparedColumns(series).map(position => {
        const column = series.columns[position]
        const before = series.comparison?.rows[index]
        const name = before ? rowName(series, before) : t("series_table.before", { name: columnName(column) })
        return line(key(column, position, true), name, before?.values[position])
      }),
    ),
    !row.complete && h("p", { class: "text-soft" }, t("chart.not_over")),
    row.drill && h("p", { class: "text-soft" }, t("chart.opens")),
  ]
}

/** From two series on. @param {Series} series @param {Kind} kind */
function legendOf(series, kind) {
  if (kind !== "plot") return []
  const entries = series.columns.flatMap((column, index) =>
    column.mark === "none" ? [] : [h("li", {}, key(column, index), columnName(column))],
  )
  const compared = comparedColumns(series).map(index => {
    const column = series.columns[index]
    return h("li", {}, key(column, index, true), t("series_table.before", { name: columnName(column) }))
  })
  return entries.length + compared.length > 1 ? [...entries, ...compared] : []
}

/** @param {Series} series */
function tableTwin(series) {
  const { head, rows } = tableOf(series, MOST_ROWS)
  return h(
    "table",
    { class: "table", "data-density": "compact" },
    h("caption", { class: "sr-only" }, titleOf(series)),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...head.map((text, index) => h("th", { scope: "col", class: index > 0 ? "align-end" : "sticky-column" }, text)),
      ),
    ),
    h(
      "tbody",
      {},
      ...rows.map(({ name, cells, drill, complete }) =>
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row", class: "sticky-column" },
            linked(name, drill),
            !complete && h("span", { class: "hint block font-normal" }, t("chart.not_over")),
          ),
          ...cells.map(cell => h("td", { class: "align-end" }, cell)),
        ),
      ),
    ),
  )
}

customElements.define("series-chart", SeriesChart)
