// The row of figures. Amounts stand one per currency and are never added up. Tiles are made once and only their
// values change, so that an open definition or a selection survives the next update.

import { mdiArrowDown, mdiArrowUp } from "@mdi/js"
import { fill, h, svg } from "../lib/dom.js"
import { formatMoney, formatMoneyChange, formatNumber } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { lastTwelveMonths } from "../lib/mrr-months.js"
import { definition } from "./definition.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */
/** @typedef {import("../lib/format.js").Money} Money */
/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {{ title: string, definition: string, href?: string, value: (metrics: Metrics) => Child[] }} Tile */

/** @type {Tile[]} */
const TILES = [
  {
    title: t("tile.mrr"),
    definition: "mrr",
    value: metrics => [...amounts(metrics.mrr), sparkline(metrics)],
  },
  {
    title: t("tile.net_new_mrr"),
    definition: "net_new_mrr",
    value: ({ net_new_mrr: changes }) => [...amounts(changes, formatMoneyChange), direction(changes)],
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
    value: ({ active_tenants: active, customers }) => [
      figure(formatNumber(active)),
      note(t("tile.customers", { count: customers })),
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

  /** @param {Metrics} metrics */
  show(metrics) {
    for (const entry of this.#tiles) {
      const content = h("div", {}, ...entry.tile.value(metrics))
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

/** @param {Money[]} changes */
function direction(changes) {
  if (changes.length !== 1 || changes[0].amount === 0) return note(t("tile.this_month"))
  const up = changes[0].amount > 0
  return h(
    "span",
    { class: `flex items-center gap-1 text-sm ${up ? "text-positive" : "text-negative"}` },
    icon(up ? mdiArrowUp : mdiArrowDown),
    up ? t("tile.growing") : t("tile.shrinking"),
  )
}

// Twelve month ends of the first currency; the chart below carries the numbers.
/** @param {Metrics} metrics */
function sparkline({ mrr, mrr_months: months, as_of: asOf }) {
  if (mrr.length === 0) return null
  const ends = lastTwelveMonths(months, mrr[0].currency, asOf).map(month => month.end)
  const top = Math.max(...ends, 1)
  const points = ends.map((end, index) => `${(index / (ends.length - 1)) * 100},${24 - (end / top) * 22}`).join(" ")
  return svg(
    "svg",
    { class: "mt-1 h-6 w-full", viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polyline", { class: "chart-line", points, "vector-effect": "non-scaling-stroke" }),
  )
}
