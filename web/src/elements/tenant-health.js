// How a tenant is doing: its state as the front door sees it, uptime, and what it uses, as lines and as a table.

import "./usage-chart.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatBytes, formatDuration, formatFullDateTime, formatNumber, formatPercent } from "../lib/format.js"
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
 * @typedef {{ at: string, cpu_percent: number, memory_bytes: number, disk_bytes: number, network_in_bytes: number,
 *   network_out_bytes: number }} Sample
 */

const RANGES = ["24h", "7d", "30d"]
const MOST_ROWS = 100

export class TenantHealth {
  #range = byId("usage-range", HTMLSelectElement)
  #table = byId("usage-table", HTMLElement)
  #charts = byId("usage-charts", HTMLElement)
  #asTable = byId("usage-as-table", HTMLButtonElement)
  /** @type {import("./usage-chart.js").UsageChart[]} */
  #lines = []
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
    this.#asTable.addEventListener("click", () => {
      const now = this.#asTable.getAttribute("aria-pressed") !== "true"
      this.#asTable.setAttribute("aria-pressed", String(now))
      setText(this.#asTable, now ? t("chart.as_chart") : t("chart.as_table"))
      this.#table.hidden = !now
      this.#charts.hidden = now
    })
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

  /** @param {Sample[]} samples */
  #draw(samples) {
    const health = this.#health
    if (!health) return
    const fingerprint = JSON.stringify([health, samples])
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(byId("health-facts", HTMLElement), facts(health))
    fill(byId("uptime", HTMLElement), uptimeStrip(health.uptime.days, new Date()))
    const measures = measuresOf(health, samples)
    if (this.#lines.length === 0) {
      this.#lines = measures.map(() => h("usage-chart"))
      fill(this.#charts, ...this.#lines)
    }
    measures.forEach((measure, index) => {
      this.#lines[index].show(measure)
    })
    fill(this.#table, table(samples))
  }
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

/** @param {Health} health @param {Sample[]} samples @returns {import("./usage-chart.js").Measure[]} */
function measuresOf({ resource_usage: resources }, samples) {
  /** @param {(sample: Sample) => number} value @returns {[number, number][]} */
  const points = value => samples.map(sample => [Date.parse(sample.at), value(sample)])
  return [
    {
      title: t("config.cpu"),
      lines: [{ name: t("config.cpu"), points: points(({ cpu_percent }) => cpu_percent) }],
      limit: resources?.cpu_limit_percent ?? null,
      format: value => `${formatNumber(value, value < 10 ? 1 : 0)} %`,
    },
    {
      title: t("config.memory"),
      lines: [{ name: t("config.memory"), points: points(({ memory_bytes }) => memory_bytes) }],
      limit: resources?.memory_limit_bytes ?? null,
      bytes: true,
      format: formatBytes,
    },
    {
      title: t("config.storage_limit"),
      lines: [{ name: t("config.storage_limit"), points: points(({ disk_bytes }) => disk_bytes) }],
      limit: resources?.disk_limit_bytes ?? null,
      bytes: true,
      format: formatBytes,
    },
    {
      title: t("usage.network"),
      lines: [
        { name: t("usage.in"), points: points(({ network_in_bytes }) => network_in_bytes) },
        { name: t("usage.out_dashed"), points: points(({ network_out_bytes }) => network_out_bytes) },
      ],
      limit: null,
      bytes: true,
      format: formatBytes,
    },
  ]
}

/** As many rows as one reads, spread over the whole time. @param {Sample[]} samples */
function table(samples) {
  const step = Math.ceil(samples.length / MOST_ROWS)
  const rows = samples.filter((_, index) => (samples.length - 1 - index) % Math.max(1, step) === 0).reverse()
  const titles = [
    t("usage.time"),
    t("config.cpu"),
    t("config.memory"),
    t("config.storage_limit"),
    t("usage.in"),
    t("usage.out"),
  ]
  return h(
    "table",
    { class: "table", "data-density": "compact" },
    h("caption", { class: "sr-only" }, t("usage.title")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...titles.map((title, index) =>
          h("th", { scope: "col", class: index > 0 ? "align-end" : "sticky-column" }, title),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...rows.map(sample =>
        h(
          "tr",
          {},
          h("th", { scope: "row", class: "sticky-column" }, formatFullDateTime(sample.at)),
          h("td", { class: "align-end" }, `${formatNumber(sample.cpu_percent, 1)} %`),
          ...[sample.memory_bytes, sample.disk_bytes, sample.network_in_bytes, sample.network_out_bytes].map(bytes =>
            h("td", { class: "align-end" }, formatBytes(bytes)),
          ),
        ),
      ),
    ),
  )
}
