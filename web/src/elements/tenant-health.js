// How a tenant is doing: its state as the front door sees it, uptime, and what it uses, as charts.

import "./series-chart.js"
import { ApiProblem } from "../lib/api.js"
import { columnName, endsOf, titleOf } from "../lib/chart/series.js"
import { formatValue } from "../lib/chart/units.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatDuration, formatNumber, formatPercent } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { failedCard } from "./feedback.js"
import { timeText } from "./time-text.js"
import { uptimeStrip } from "./uptime-strip.js"

/**
 * @typedef {{ cpu_percent: number, cpu_limit_percent: number | null, memory_bytes: number, memory_limit_bytes: number | null, disk_bytes: number,
 *   disk_limit_bytes: number | null, network_in_bytes: number, network_out_bytes: number, processes: number,
 *   at: string }} Resources
 * @typedef {{ status: string, latency_ms: number | null, version: string | null, resource_usage: Resources | null,
 *   uptime: { seconds: number | null, percent_30d: number | null, percent_90d: number | null,
 *     days: import("./uptime-strip.js").Day[] } }} Health
 * @typedef {import("../lib/chart/series.js").Series} Series
 */

const RANGES = ["24h", "7d", "30d"]
const HEIGHT = 150

export class TenantHealth {
  #range = byId("usage-range", HTMLSelectElement)
  #place = byId("usage-charts", HTMLElement)
  /** @type {import("./series-chart.js").SeriesChart[]} */
  #charts = []
  /** @type {Health | undefined} */
  #health
  #drawn = ""

  /** @param {string} path of the tenant */
  constructor(path) {
    this.path = path
    fill(
      this.#range,
      ...RANGES.map((value, index) =>
        h("option", { value }, [t("usage.day"), t("usage.week"), t("usage.month")][index]),
      ),
    )
    this.#range.addEventListener("change", () => this.load())
  }

  async load() {
    const problemPlace = byId("health-problem", HTMLElement)
    try {
      this.#health = await staffRequest("GET", `${this.path}/health`)
      const { data } = await staffRequest("GET", `${this.path}/usage?range=${this.#range.value || RANGES[0]}`)
      fill(problemPlace)
      this.#draw(data)
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      fill(
        problemPlace,
        failedCard(problem, () => this.load()),
      )
    }
  }

  /** @param {Series[]} measures */
  #draw(measures) {
    const health = this.#health
    if (!health) return
    const fingerprint = JSON.stringify([health, measures])
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(byId("health-facts", HTMLElement), facts(health))
    fill(byId("uptime", HTMLElement), uptimeStrip(health.uptime.days, new Date()))
    if (this.#charts.length !== measures.length) {
      this.#charts = measures.map(() => h("series-chart"))
      fill(this.#place, ...this.#charts)
    }
    for (const [index, series] of measures.entries())
      this.#charts[index].show(series, { title: titleOf(series), summary: newestOf(series), height: HEIGHT })
  }
}

/** Where each line stands now, and what it must stay below. @param {Series} series */
function newestOf(series) {
  const parts = series.columns.flatMap((column, index) => {
    const ends = endsOf(series, index)
    if (!ends) return []
    const value = formatValue(ends.last.values[index], series.unit)
    return [series.columns.length > 1 ? `${columnName(column)} ${value}` : value]
  })
  if (parts.length === 0) return t("usage.none")
  const now = parts.join(" · ")
  return series.limit === null ? now : t("usage.of_limit", { now, limit: formatValue(series.limit, series.unit) })
}

/** @param {Health} health */
function facts({ status, uptime, latency_ms: latency, version, resource_usage: resources }) {
  /** @param {number | null} percent */
  const share = percent => (percent === null ? "–" : formatPercent(percent / 100, 2))
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const rows = [
    [t("tenants.health"), h("status-badge", { kind: "health", value: status })],
    [t("health_card.uptime_30"), share(uptime.percent_30d)],
    [t("health_card.uptime_90"), share(uptime.percent_90d)],
    [t("health_card.since"), uptime.seconds === null ? "–" : formatDuration(uptime.seconds)],
    [t("health_card.latency"), latency === null ? "–" : `${formatNumber(latency)} ms`],
    [t("health_card.version"), version ? h("span", { class: "wrap-anywhere", translate: "no" }, version) : "–"],
    [t("health_card.processes"), resources ? formatNumber(resources.processes) : "–"],
    [t("health_card.measured"), resources ? timeText(resources.at) : "–"],
  ]
  return h(
    "dl",
    { class: "health-facts numbers" },
    ...rows.map(([name, value]) =>
      h("div", {}, h("dt", { class: "text-sm text-soft" }, name), h("dd", { class: "font-semibold" }, value)),
    ),
  )
}
