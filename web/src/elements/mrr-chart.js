// <mrr-chart>: what MRR gained and lost in each of the last months, as stacked bars from zero with the net as a line (and
// the net of the months before as a dashed one), a sentence that says the finding, and the same numbers as a table. Colours are classes, so a theme just works.

import { fill, h, svg } from "../lib/dom.js"
import { formatMoney, formatMoneyChange, formatMonth, minorUnits } from "../lib/format.js"
import { label, locale, t } from "../lib/messages.js"
import { gainedIn, lostIn, netOf } from "../lib/mrr-months.js"

/** @typedef {import("../lib/metrics.js").MrrMonth} MrrMonth */
/** @typedef {"new" | "expansion" | "reactivation" | "contraction" | "churn"} Part */

/** @type {Part[]} */
const GAINS = ["new", "expansion", "reactivation"]
/** @type {Part[]} */
const LOSSES = ["contraction", "churn"]
const HEIGHT = 250
/** A page that is still being laid out can be narrower than the axis needs; the next size is drawn. */
const LEAST_WIDTH = 160
const EDGE = { top: 10, right: 4, bottom: 24, left: 58 }

export class MrrChart extends HTMLElement {
  #summary = h("p", { class: "mb-3 text-soft" })
  #plot = h("div", { class: "min-w-0" })
  #table = h("div", {
    class: "card scroller",
    hidden: true,
    tabindex: "0",
    role: "region",
    "aria-label": t("chart.title"),
  })
  #legend = h("ul", { class: "mt-3 flex flex-wrap gap-x-4 gap-y-1.5 text-sm" })
  /** @type {MrrMonth[]} */
  #months = []
  /** The same number of months before those; none when nothing is compared. @type {MrrMonth[]} */
  #before = []
  #drawn = ""
  #compareKey = h(
    "li",
    { class: "flex items-center gap-1.5", hidden: true },
    lineKey("chart-before"),
    t("chart.net_before"),
  )

  connectedCallback() {
    this.className = "block"
    fill(this, this.#summary, this.#plot, this.#legend, this.#table)
    fill(
      this.#legend,
      ...[...GAINS, ...LOSSES].map(part =>
        h(
          "li",
          { class: "flex items-center gap-1.5" },
          h("span", { class: `legend-key series-${part}` }),
          label("movement", part),
        ),
      ),
      h("li", { class: "flex items-center gap-1.5" }, lineKey("chart-line"), t("chart.net")),
      this.#compareKey,
    )
    new ResizeObserver(() => this.#draw()).observe(this.#plot)
  }

  /** @param {boolean} asTable */
  showTable(asTable) {
    this.#table.hidden = !asTable
    this.#plot.hidden = asTable
    this.#legend.hidden = asTable
    if (!asTable) this.#draw()
  }

  /** @param {MrrMonth[]} months without gaps, of one currency, oldest first @param {MrrMonth[]} before to compare with */
  show(months, before) {
    this.#months = months
    this.#before = before
    const fingerprint = JSON.stringify([months, before])
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(this.#summary, summaryOf(months), before.length > 0 && ` ${comparisonOf(months, before)}`)
    fill(this.#table, table(months, before))
    this.#compareKey.hidden = before.length === 0
    this.#draw()
  }

  #draw() {
    const width = this.#plot.clientWidth
    if (width >= LEAST_WIDTH && this.#months.length > 0) fill(this.#plot, drawing(this.#months, this.#before, width))
  }
}

/** @param {MrrMonth[]} months */
function summaryOf(months) {
  const first = months[0]
  const last = months.at(-1)
  if (!first || !last) return t("chart.empty")
  const start = first.end - netOf(first)
  const { currency } = last
  const words = {
    start: formatMoney({ currency, amount: start }),
    end: formatMoney({ currency, amount: last.end }),
    first: formatMonth(first.month, "long"),
    change: formatMoneyChange({ currency, amount: last.end - start }),
  }
  if (last.end === start) return t("chart.summary_flat", words)
  return last.end > start ? t("chart.summary_up", words) : t("chart.summary_down", words)
}

/** @param {MrrMonth[]} months @param {MrrMonth[]} before */
function comparisonOf(months, before) {
  const { currency } = months[0]
  /** @param {MrrMonth[]} some */
  const net = some => formatMoneyChange({ currency, amount: some.reduce((sum, month) => sum + netOf(month), 0) })
  return t("chart.comparison", { now: net(months), before: net(before), count: before.length })
}

/** @param {MrrMonth[]} months @param {MrrMonth[]} before @param {number} width */
function drawing(months, before, width) {
  const { currency } = months[0]
  const ticks = niceTicks(
    Math.min(0, ...months.map(month => -lostIn(month)), ...before.map(netOf)),
    Math.max(1, ...months.map(gainedIn), ...before.map(netOf)),
    currency,
  )
  const [low, high] = [ticks[0], ticks[ticks.length - 1]]
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom }
  /** @param {number} amount */
  const y = amount => EDGE.top + ((high - amount) / (high - low)) * inner.height
  const slot = inner.width / months.length
  const bar = Math.min(34, slot * 0.62)
  /** @param {number} index */
  const middle = index => EDGE.left + slot * (index + 0.5)
  const everyOther = slot < 34 ? 2 : 1
  /** @param {MrrMonth[]} some */
  const netLine = some => some.map((month, index) => `${middle(index)},${y(netOf(month))}`).join(" ")
  return svg(
    "svg",
    {
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "img",
      "aria-label": summaryOf(months),
      class: "block",
    },
    ...ticks.map(tick => gridLine(tick, y(tick), width, currency)),
    ...months.flatMap((month, index) => stack(month, middle(index) - bar / 2, bar, y, index === months.length - 1)),
    svg("line", { class: "chart-axis", x1: EDGE.left, x2: width - EDGE.right, y1: y(0), y2: y(0) }),
    before.length > 0 && svg("polyline", { class: "chart-before", points: netLine(before) }),
    svg("polyline", { class: "chart-line", points: netLine(months) }),
    ...months.map((month, index) =>
      svg("circle", { class: "chart-point", cx: middle(index), cy: y(netOf(month)), r: 3 }),
    ),
    ...months.map((month, index) =>
      (months.length - 1 - index) % everyOther === 0
        ? svg(
            "text",
            { class: "chart-text", x: middle(index), y: HEIGHT - 6, "text-anchor": "middle" },
            formatMonth(month.month),
          )
        : null,
    ),
  )
}

/** @param {number} tick @param {number} y @param {number} width @param {string} currency */
function gridLine(tick, y, width, currency) {
  const format = {
    style: /** @type {const} */ ("currency"),
    currency: currency.toUpperCase(),
    notation: /** @type {const} */ ("compact"),
  }
  const text = (tick / minorUnits(currency) + 0).toLocaleString(locale, {
    ...format,
    maximumFractionDigits: 1,
    minimumFractionDigits: 0,
  })
  return svg(
    "g",
    {},
    svg("line", { class: "chart-grid", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }),
    svg("text", { class: "chart-text", x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, text),
  )
}

/** @param {MrrMonth} month @param {number} x @param {number} width @param {(amount: number) => number} y @param {boolean} open */
function stack(month, x, width, y, open) {
  /** @type {Element[]} */
  const bars = []
  let above = 0
  let below = 0
  /** @param {Part} part @param {number} from @param {number} to */
  const add = (part, from, to) => {
    const top = y(Math.max(from, to))
    const height = y(Math.min(from, to)) - top
    const title = `${formatMonth(month.month, "long")} · ${label("movement", part)}: ${formatMoney({ currency: month.currency, amount: month[part] })}`
    bars.push(
      svg(
        "rect",
        { class: `series-${part}`, x, y: top, width, height, opacity: open ? 0.72 : 1 },
        svg("title", {}, title),
      ),
    )
  }
  for (const part of GAINS.filter(name => month[name] > 0)) {
    add(part, above, above + month[part])
    above += month[part]
  }
  for (const part of LOSSES.filter(name => month[name] > 0)) {
    add(part, below, below - month[part])
    below -= month[part]
  }
  // The month that is still running is framed with dots.
  if (open && above > below) {
    const frame = { x: x - 3, y: y(above) - 3, width: width + 6, height: y(below) - y(above) + 6, fill: "none" }
    bars.push(svg("rect", { class: "chart-axis chart-open-period", ...frame }))
  }
  return bars
}

/** Round amounts from below `low` to above `high`, with zero among them. @param {number} low @param {number} high @param {string} currency */
function niceTicks(low, high, currency) {
  const rough = Math.max((high - low) / 4, minorUnits(currency))
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(size => size >= rough) ?? rough
  const ticks = []
  for (let tick = Math.floor(low / step); tick <= Math.ceil(high / step); tick += 1) ticks.push(tick * step + 0)
  return ticks
}

/** @param {MrrMonth[]} months @param {MrrMonth[]} before */
function table(months, before) {
  const parts = [...GAINS, ...LOSSES]
  /** @param {MrrMonth} month @param {number} amount */
  const cell = (month, amount) => h("td", { class: "align-end" }, formatMoney({ currency: month.currency, amount }))
  return h(
    "table",
    { class: "table" },
    h("caption", { class: "sr-only" }, t("chart.title")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, t("chart.month")),
        ...parts.map(part => h("th", { scope: "col", class: "align-end" }, label("movement", part))),
        h("th", { scope: "col", class: "align-end" }, t("chart.net")),
        before.length > 0 && h("th", { scope: "col", class: "align-end" }, t("chart.net_before")),
        h("th", { scope: "col", class: "align-end" }, t("chart.end")),
      ),
    ),
    h(
      "tbody",
      {},
      ...months.map((month, index) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, formatMonth(month.month, "long")),
          ...parts.map(part => cell(month, month[part])),
          cell(month, netOf(month)),
          before.length > 0 && cell(month, netOf(before[index])),
          cell(month, month.end),
        ),
      ),
    ),
  )
}

/** @param {"chart-line" | "chart-before"} kind */
function lineKey(kind) {
  const line = svg("line", { class: kind, x1: 0, x2: 16, y1: 6, y2: 6 })
  return svg(
    "svg",
    { width: 16, height: 12, viewBox: "0 0 16 12", "aria-hidden": "true" },
    line,
    kind === "chart-line" && svg("circle", { class: "chart-point", cx: 8, cy: 6, r: 3 }),
  )
}

customElements.define("mrr-chart", MrrChart)
