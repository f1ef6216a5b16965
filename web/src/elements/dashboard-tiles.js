// The row of figures. Amounts stand one per currency and are never added up. Tiles are made once and only their
// values change, so that an open definition or a selection survives the next update.

import { mdiArrowDown, mdiArrowUp } from "@mdi/js"
import { fill, h, svg } from "../lib/dom.js"
import { formatMoney, formatMoneyChange, formatNumber, formatPercent } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { lastMonths, netOf } from "../lib/mrr-months.js"
import { definition } from "./definition.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */
/** @typedef {import("../lib/format.js").Money} Money */
/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {import("../lib/metrics.js").History} History */
/** @typedef {{ title: string, definition: string, href?: string, value: (metrics: Metrics, history: History | null) => Child[] }} Tile */

/** @type {Tile[]} */
const TILES = [
  {
    title: t("tile.mrr"),
    definition: "mrr",
    value: metrics => [...amountsWithChange(metrics), mrrLine(metrics)],
  },
  {
    title: t("tile.net_new_mrr"),
    definition: "net_new_mrr",
    value: metrics => [...amounts(metrics.net_new_mrr, formatMoneyChange), ...netBefore(metrics)],
  },
  {
    title: t("tile.revenue"),
    definition: "revenue",
    value: ({ revenue, revenue_previous_month: before }) => [
      ...amounts(revenue),
      note(t("tile.previous_month", { amount: before.map(formatMoney).join(" · ") || "–" })),
    ],
  },
  {
    title: t("tile.active_tenants"),
    definition: "active_tenants",
    href: "/admin/tenants?state=live",
    value: ({ active_tenants: active, customers, as_of: asOf }, history) => [
      figure(formatNumber(active)),
      activeChange(active, history, asOf),
      note(t("tile.customers", { count: customers })),
      activeLine(active, history),
    ],
  },
  {
    title: t("tile.pending"),
    definition: "pending",
    href: "/admin/tenants?state=queued,provisioning,provision_failed",
    value: ({ pending }) => [figure(formatNumber(pending)), note(t("tile.pending_note"))],
  },
  {
    title: t("tile.failed_payments"),
    definition: "failed_payments",
    value: ({ failed_payments: count, failed_payments_amount: sums }) => [
      figure(formatNumber(count)),
      note(t("tile.at_risk", { amount: sums.map(formatMoney).join(" · ") || "–" })),
    ],
  },
]

export class DashboardTiles {
  /** @type {{ tile: Tile, place: HTMLElement, drawn: string }[]} */
  #tiles

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#tiles = TILES.map(tile => ({ tile, place: h("div", { class: "mt-1 grid gap-0.5" }), drawn: "" }))
    fill(
      place,
      ...this.#tiles.map(({ tile, place: value }) =>
        h("div", { class: "card min-h-29 px-4 py-3" }, heading(tile), value),
      ),
    )
  }

  /** @param {Metrics} metrics @param {History | null} history */
  show(metrics, history) {
    for (const entry of this.#tiles) {
      const content = h("div", {}, ...entry.tile.value(metrics, history))
      if (content.innerHTML === entry.drawn) continue
      entry.drawn = content.innerHTML
      entry.place.replaceChildren(...content.childNodes)
    }
  }
}

/** @param {Tile} tile */
function heading(tile) {
  const title = tile.href ? h("a", { href: tile.href, class: "inline-block py-0.5" }, tile.title) : tile.title
  return h(
    "div",
    { class: "flex items-start justify-between gap-1" },
    h("h2", { class: "pt-0.5 text-sm font-medium text-soft" }, title),
    definition(tile.definition, tile.title),
  )
}

/** @param {Money[]} moneys @param {(money: Money) => string} [format] */
function amounts(moneys, format = formatMoney) {
  if (moneys.length === 0) return [figure("–")]
  return moneys.map((money, index) => figure(format(money), index > 0))
}

/** @param {string} text @param {boolean} [second] */
function figure(text, second = false) {
  return h("span", { class: second ? "figure figure-second" : "figure" }, text)
}

/** @param {string} text */
function note(text) {
  return h("span", { class: "numbers block text-sm text-soft" }, text)
}

/** Each amount beside what it changed by since the month began. @param {Metrics} metrics */
function amountsWithChange({ mrr, net_new_mrr: changes }) {
  if (mrr.length === 0) return [figure("–")]
  const lines = mrr.map((money, index) => {
    const change = changes.find(({ currency }) => currency === money.currency)?.amount ?? 0
    const before = money.amount - change
    const line = h("span", { class: "flex flex-wrap items-baseline gap-x-2" }, figure(formatMoney(money), index > 0))
    if (before > 0) line.append(changeMark(change, formatPercent(Math.abs(change) / before, 1)))
    return line
  })
  return [...lines, note(t("tile.since_month_began"))]
}

/** An arrow and a word, so that colour is not needed. @param {number} change @param {string} size */
function changeMark(change, size) {
  if (change === 0) return h("span", { class: "text-sm text-soft" }, t("tile.unchanged"))
  const up = change > 0
  return h(
    "span",
    { class: `numbers inline-flex items-center gap-0.5 text-sm font-medium ${up ? "text-positive" : "text-negative"}` },
    icon(up ? mdiArrowUp : mdiArrowDown),
    up ? t("tile.more", { size }) : t("tile.less", { size }),
  )
}

/** The month before in full, since a month that is still running cannot be compared with it. @param {Metrics} metrics */
function netBefore({ mrr, mrr_months: months, as_of: asOf }) {
  const before = mrr.map(({ currency }) => {
    const month = lastMonths(months, currency, asOf, 2)[0]
    return formatMoneyChange({ currency, amount: netOf(month) })
  })
  if (before.length === 0) return [note(t("tile.this_month"))]
  const nets = lastMonths(months, mrr[0].currency, asOf).map(netOf)
  return [note(t("tile.previous_month", { amount: before.join(" · ") })), sparkline(nets)]
}

/** @param {Metrics} metrics */
function mrrLine({ mrr, mrr_months: months, as_of: asOf }) {
  if (mrr.length === 0) return null
  return sparkline(lastMonths(months, mrr[0].currency, asOf).map(month => month.end))
}

/** @param {number} active @param {History | null} history @param {string} asOf */
function activeChange(active, history, asOf) {
  const before = history?.tenants_months.filter(({ month }) => month < asOf.slice(0, 7)).at(-1)?.active
  if (before === undefined) return null
  const change = active - before
  return h(
    "span",
    { class: "flex flex-wrap items-baseline gap-x-1.5 text-sm text-soft" },
    changeMark(change, formatNumber(Math.abs(change))),
    t("tile.since_month_began"),
  )
}

/** @param {number} active @param {History | null} history */
function activeLine(active, history) {
  const ends = history?.tenants_months.slice(-12).map(month => month.active) ?? []
  return ends.length < 2 ? null : sparkline([...ends.slice(0, -1), active])
}

// From zero, so that growth is not exaggerated; the chart below and the lists carry the numbers.
/** @param {number[]} values twelve months of the first currency */
function sparkline(values) {
  const top = Math.max(...values, 1)
  const low = Math.min(...values, 0)
  /** @param {number} value */
  const y = value => 24 - ((value - low) / (top - low)) * 22
  const points = values.map((value, index) => `${(index / (values.length - 1)) * 100},${y(value)}`).join(" ")
  return svg(
    "svg",
    { class: "mt-1 h-6 w-full", viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" },
    low < 0 && svg("line", { class: "chart-grid", x1: 0, x2: 100, y1: y(0), y2: y(0) }),
    svg("polyline", { class: "chart-line", points, "vector-effect": "non-scaling-stroke" }),
  )
}
