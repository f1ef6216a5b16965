// The row of figures. Amounts stand one per currency and are never added up; what is compared is the currency and the
// range that the page shows.

import { changeOf, lastOf, totalOf } from "../lib/chart/change.js"
import { formatChange, formatValue } from "../lib/chart/units.js"
import { monthBegan } from "../lib/days.js"
import { fill, h } from "../lib/dom.js"
import { formatMoney, formatNumber, formatPercent } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import "./figure-tile.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */
/** @typedef {import("../lib/metrics.js").Growth} Growth */
/** @typedef {import("../lib/chart/series.js").Series} Series */
/** @typedef {import("./figure-tile.js").Figure} Figure */
/** @typedef {import("../lib/chart/change.js").Change} Change */
/** @typedef {{ title: string, definition: string, needs?: string, figure: (metrics: Metrics, growth: Growth | null) => Figure }} Tile `needs`: what one must be allowed for where it leads */

/** @type {Tile[]} */
const TILES = [
  { title: t("tile.mrr"), definition: "mrr", figure: mrrFigure },
  { title: t("tile.net_new_mrr"), definition: "net_new_mrr", figure: netFigure },
  {
    title: t("tile.revenue"),
    definition: "revenue",
    needs: "billing:read",
    figure: revenueFigure,
  },
  { title: t("tile.active_tenants"), definition: "active_tenants", figure: activeFigure },
  {
    title: t("tile.pending"),
    definition: "pending",
    figure: ({ pending }) => ({
      figures: [formatNumber(pending)],
      note: t("tile.pending_note"),
      href: "/admin/tenants?state=queued,provisioning,provision_failed",
    }),
  },
  {
    title: t("tile.failed_payments"),
    definition: "failed_payments",
    needs: "billing:read",
    figure: ({ failed_payments: count, failed_payments_amount: sums }) => ({
      figures: [formatNumber(count)],
      note: t("tile.at_risk", { amount: sums.map(formatMoney).join(" · ") || "–" }),
      href: "/admin/billing?standing=at_risk",
    }),
  },
]

export class DashboardTiles {
  #tiles = TILES.map(tile => ({ tile, element: h("figure-tile").describe(tile.title, tile.definition) }))

  /** @param {HTMLElement} place @param {string[]} scopes of whoever looks */
  constructor(place, scopes) {
    this.scopes = scopes
    fill(place, ...this.#tiles.map(({ element }) => element))
  }

  /** @param {Metrics} metrics @param {Growth | null} growth none: the server could not be asked for it */
  show(metrics, growth) {
    for (const { tile, element } of this.#tiles) {
      const figure = tile.figure(metrics, growth)
      const leads = !tile.needs || this.scopes.includes(tile.needs)
      element.show(leads ? figure : { ...figure, href: null, links: undefined })
    }
  }
}

/** @param {Series} series @param {string} id */
const columnOf = ({ columns }, id) => columns.findIndex(column => column.id === id)

/** What is live stands for a range's end only where that is today. @param {Series} series */
const endsToday = ({ range }) => !range?.later

/** Each amount leads to the invoices behind it. @param {Metrics} metrics @returns {Figure} */
export function revenueFigure({ revenue, revenue_previous_month: before, as_of: now, timezone }) {
  const since = monthBegan(now, timezone)
  const query = { status: "paid", paid_from: since, sort: "-payment_date" }
  return {
    figures: revenue.map(formatMoney),
    note: t("tile.previous_month", { amount: before.map(formatMoney).join(" · ") || "–" }),
    links: revenue.map(({ currency }) => `/admin/billing?${new URLSearchParams({ ...query, currency })}`),
  }
}

/** The level at the range's end, beside that of an earlier range. @param {Metrics} metrics @param {Growth | null} growth @returns {Figure} */
export function mrrFigure({ mrr }, growth) {
  const series = growth?.mrr
  if (!series) return { figures: mrr.map(formatMoney) }
  const end = columnOf(series, "end")
  const others = endsToday(series) ? mrr.filter(({ currency }) => currency !== series.unit.currency) : []
  const now = lastOf(series.rows, end)
  if (mrr.length === 0 && !now) return { figures: [], points: series.rows.map(({ values }) => values[end]) }
  const of = changeOf(now, series.comparison ? lastOf(series.comparison.rows, end) : null)
  return {
    figures: [formatValue(now, series.unit), ...others.map(formatMoney)],
    change: { of, size: sizeOf(of, series), since: label("tile_than", growth.compared) },
    points: series.rows.map(({ values }) => values[end]),
  }
}

/** What the range brought, beside what an earlier one had brought by then. @param {Metrics} metrics @param {Growth | null} growth @returns {Figure} */
export function netFigure({ net_new_mrr: nets, mrr }, growth) {
  const series = growth?.mrr
  if (!series) return { figures: nets.map(formatMoney), note: t("tile.this_month") }
  const net = columnOf(series, "net")
  const now = totalOf(series.rows, net)
  const before = series.comparison && totalOf(series.comparison.rows, net)
  const amount = before === null ? "" : formatChange(before, series.unit)
  return {
    figures: mrr.length > 0 || now ? [formatChange(now ?? 0, series.unit)] : [],
    note: before === null ? "" : label("tile_before", growth.compared, amount, { amount }),
    points: series.rows.map(({ values }) => values[net]),
  }
}

/** @param {Metrics} metrics @param {Growth | null} growth @returns {Figure} */
export function activeFigure({ active_tenants: active, customers }, growth) {
  const live = {
    figures: [formatNumber(active)],
    note: t("tile.customers", { count: customers }),
    href: "/admin/tenants?state=live",
  }
  const series = growth?.tenants
  if (!series || series.rows.length === 0) return live
  const column = columnOf(series, "active")
  const first = series.rows[0].values
  const before = Number(first[column]) - Number(first[columnOf(series, "change")])
  const now = lastOf(series.rows, column)
  const of = changeOf(now, before)
  return {
    ...(endsToday(series) ? live : { figures: [formatNumber(Number(now))] }),
    change: { of, size: formatNumber(Math.abs(of.difference)), since: t("tile.since_range_began") },
    points: series.rows.map(({ values }) => values[column]),
  }
}

/** @param {Change} change @param {Series} series */
const sizeOf = ({ share, difference }, { unit }) =>
  share === null ? formatValue(Math.abs(difference), unit) : formatPercent(Math.abs(share), 1)
