// <usage-chart>: one measure of a tenant over time as a line from zero, with its limit where it has one. The same numbers
// stand in the table beside the charts.

import { fill, h, svg } from "../lib/dom.js"
import { formatClock, formatDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"

const HEIGHT = 132
const LEAST_WIDTH = 120
const EDGE = { top: 10, right: 6, bottom: 20, left: 62 }
const DAY = 86_400_000
const MIB = 1024 ** 2
const GIB = 1024 ** 3

/** @typedef {{ title: string, lines: { name: string, points: [number, number][] }[], limit: number | null, bytes?: boolean, format: (value: number) => string }} Measure points as moment and value */

export class UsageChart extends HTMLElement {
  #title = h("h3", { class: "font-semibold" })
  #newest = h("p", { class: "numbers text-sm text-soft" })
  #plot = h("div", { class: "mt-2 min-h-33 min-w-0" })
  /** @type {Measure | undefined} */
  #measure

  connectedCallback() {
    this.classList.add("block", "min-w-0")
    fill(this, this.#title, this.#newest, this.#plot)
    new ResizeObserver(() => this.#draw()).observe(this.#plot)
  }

  /** @param {Measure} measure */
  show(measure) {
    this.#measure = measure
    fill(this.#title, measure.title)
    fill(this.#newest, newestOf(measure))
    this.#draw()
  }

  #draw() {
    const width = this.#plot.clientWidth
    if (!this.#measure || width < LEAST_WIDTH) return
    const empty = this.#measure.lines.every(({ points }) => points.length === 0)
    fill(this.#plot, empty ? h("p", { class: "text-soft" }, t("usage.none")) : drawing(this.#measure, width))
  }
}

/** @param {Measure} measure */
function newestOf({ lines, limit, format }) {
  const parts = lines.flatMap(({ name, points }) => {
    const last = points.at(-1)
    if (!last) return []
    return [lines.length > 1 ? `${name} ${format(last[1])}` : format(last[1])]
  })
  if (parts.length === 0) return ""
  const now = parts.join(" · ")
  return limit ? t("usage.of_limit", { now, limit: format(limit) }) : now
}

/** @param {Measure} measure @param {number} width */
function drawing(measure, width) {
  const { lines, limit, format } = measure
  const all = lines.flatMap(({ points }) => points)
  const [start, end] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))]
  const high = niceTop(Math.max(limit ?? 0, ...all.map(([, value]) => value)), measure.bytes)
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom }
  /** @param {number} at */
  const x = at => EDGE.left + (end === start ? 0 : ((at - start) / (end - start)) * inner.width)
  /** @param {number} value */
  const y = value => EDGE.top + (1 - value / high) * inner.height
  const time = end - start > DAY * 1.5 ? formatDateTime : formatClock
  /** @param {number} at @param {"start" | "end"} anchor */
  const timeText = (at, anchor) =>
    svg(
      "text",
      {
        class: "chart-text",
        x: anchor === "start" ? EDGE.left : width - EDGE.right,
        y: HEIGHT - 4,
        "text-anchor": anchor,
      },
      time(/** @type {any} */ (new Date(at).toISOString())),
    )
  return svg(
    "svg",
    {
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "img",
      "aria-label": `${measure.title}: ${newestOf(measure)}`,
      class: "block",
    },
    ...[0, high / 2, high].map(tick =>
      svg(
        "g",
        {},
        svg("line", { class: "chart-grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
        svg("text", { class: "chart-text", x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, format(tick)),
      ),
    ),
    limit && svg("line", { class: "chart-limit", x1: EDGE.left, x2: width - EDGE.right, y1: y(limit), y2: y(limit) }),
    ...lines.map(({ points }, index) =>
      svg("polyline", {
        class: index === 0 ? "chart-line" : "chart-before",
        points: points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      }),
    ),
    timeText(start, "start"),
    end > start && timeText(end, "end"),
  )
}

/** The next round number above, of bytes in their own unit. @param {number} value @param {boolean} [bytes] @returns {number} */
function niceTop(value, bytes) {
  if (value <= 0) return bytes ? MIB : 1
  const unit = bytes ? (value > GIB ? GIB : MIB) : 1
  if (unit > 1) return niceTop(value / unit) * unit
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find(factor => factor * power >= value) ?? 10) * power
}

customElements.define("usage-chart", UsageChart)
