// The last 90 days of a tenant as a strip of bars, one a day. Height and colour say the same, a sentence sums it up, and
// the days that were not whole stand in a table.

import { h } from "../lib/dom.js"
import { formatDate, formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"

const DAYS = 90
const DAY = 86_400_000

/** @typedef {{ day: string, probes: number, down: number, degraded: number }} Day */

/** @param {Day[]} days @param {Date} today */
export function uptimeStrip(days, today) {
  const byDay = new Map(days.map(day => [day.day, day]))
  const all = Array.from({ length: DAYS }, (_, index) => {
    const day = new Date(today.getTime() - (DAYS - 1 - index) * DAY).toISOString().slice(0, 10)
    return byDay.get(day) ?? { day, probes: 0, down: 0, degraded: 0 }
  })
  const broken = all.filter(day => ["down", "degraded"].includes(stateOf(day)))
  return h(
    "div",
    { class: "grid gap-2" },
    h(
      "div",
      { class: "uptime", role: "img", "aria-label": summary(all) },
      ...all.map(day => h("span", { "data-state": stateOf(day), title: wordsOf(day) })),
    ),
    h(
      "p",
      { class: "hint flex justify-between gap-3", "aria-hidden": "true" },
      h("span", {}, t("uptime.days_ago", { count: DAYS })),
      h("span", {}, t("uptime.today")),
    ),
    h("p", { class: "hint" }, summary(all)),
    broken.length > 0 &&
      h(
        "details",
        {},
        h("summary", { class: "min-h-6 cursor-pointer" }, t("uptime.broken", { count: broken.length })),
        table(broken),
      ),
  )
}

/** @param {Day} day */
function stateOf({ probes, down, degraded }) {
  if (probes === 0) return "unknown"
  if (down > 0) return "down"
  return degraded > 0 ? "degraded" : "healthy"
}

/** @param {Day} day */
const wordsOf = day => `${formatDate(noon(day))}: ${label("uptime_state", stateOf(day))}`

// A day is a day wherever it is read.
/** @param {Day} day */
const noon = ({ day }) => new Date(`${day}T12:00`)

/** @param {Day[]} days */
function summary(days) {
  /** @param {string} state */
  const count = state => days.filter(day => stateOf(day) === state).length
  return t("uptime.summary", {
    healthy: count("healthy"),
    degraded: count("degraded"),
    down: count("down"),
    unknown: count("unknown"),
  })
}

/** @param {Day[]} days */
function table(days) {
  const titles = [t("uptime.day"), t("uptime.probes"), t("uptime.down"), t("uptime.degraded")]
  return h(
    "div",
    { class: "card scroller mt-2", tabindex: "0", role: "region", "aria-label": t("uptime.title") },
    h(
      "table",
      { class: "table", "data-density": "compact" },
      h("caption", { class: "sr-only" }, t("uptime.title")),
      h(
        "thead",
        {},
        h("tr", {}, ...titles.map((title, index) => h("th", { scope: "col", class: index > 0 && "align-end" }, title))),
      ),
      h(
        "tbody",
        {},
        ...[...days]
          .reverse()
          .map(day =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, formatDate(noon(day))),
              ...[day.probes, day.down, day.degraded].map(count =>
                h("td", { class: "align-end" }, formatNumber(count)),
              ),
            ),
          ),
      ),
    ),
  )
}
