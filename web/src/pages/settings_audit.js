// The audit trail: rows with what changed, the badge that says whether the trail is whole, exports.

import { mdiAlertCircleOutline, mdiCheckCircle, mdiClockOutline } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard } from "../elements/feedback.js"
import { ListPage } from "../elements/list-page.js"
import { exactTime } from "../elements/time-text.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatFullDateTime } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, locale, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {Record<string, unknown> | null} Side
 * @typedef {{ id: string, timestamp: string, actor: string, role: string | null, action: string, target: string,
 *             reason: string | null, address: string, request_id: string, before: Side, after: Side }} Entry
 * @typedef {{ at: string, finding: string, rows: number, anchors: number, first_broken_id: number | null,
 *             anchor_at: string | null }} Report
 * @typedef {{ last: Report | null, newer_rows: number }} Verified
 */

const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium" })
const clock = new Intl.DateTimeFormat(locale, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
})

/** @type {ListPage<Entry>} */
let list

startConsole().then(
  async () => {
    list = new ListPage({
      load: (query, signal) => staffRequest("GET", `/api/audit?${apiQuery(query)}`, { signal }),
      row: entryRow,
      empty: filtered =>
        filtered
          ? emptyCard(
              t("audit.no_match"),
              t("team.no_match_text"),
              h("button", { type: "button", class: "button", onclick: () => list.clear() }, t("tenants.clear_all")),
            )
          : emptyCard(t("audit.none"), t("audit.none_text")),
    })
    byId("export-csv", HTMLButtonElement).addEventListener("click", () => exportAs("csv"))
    byId("export-json", HTMLButtonElement).addEventListener("click", () => exportAs("json"))
    await Promise.all([list.reload(), showVerification()])
  },
  () => {},
)

/** Days become moments: from midnight here until the midnight after. @param {URLSearchParams} shown */
function apiQuery(shown) {
  const query = new URLSearchParams(shown)
  const from = query.get("from")
  const to = query.get("to")
  if (from) query.set("from", momentOf(from, 0))
  if (to) query.set("to", momentOf(to, 1))
  return query
}

/** What is no day stays as it is, for the server to refuse. @param {string} day @param {number} later in days */
function momentOf(day, later) {
  const moment = new Date(`${day}T00:00`)
  if (Number.isNaN(moment.getTime())) return day
  moment.setDate(moment.getDate() + later)
  return moment.toISOString()
}

/** @param {"csv" | "json"} format */
async function exportAs(format) {
  const problem = byId("export-problem", HTMLDivElement)
  fill(problem)
  const query = apiQuery(new URLSearchParams(location.search))
  query.delete("cursor")
  query.set("format", format)
  try {
    await showVerification() // a request of ours first: it renews the session, which a download cannot
    location.assign(`/api/audit/export?${query}`)
  } catch (failure) {
    fill(problem, failedCard(failure))
  }
}

async function showVerification() {
  const place = byId("verification", HTMLDivElement)
  try {
    fill(place, ...verificationBadge(await staffRequest("GET", "/api/audit/verification")))
  } catch (problem) {
    fill(place, failedCard(problem, showVerification))
  }
}

/** How many rows were whole, and until when; a check that saw no rows has proved nothing. @param {Verified} verified */
function verificationBadge({ last, newer_rows: newer }) {
  const later = newer > 0 && h("span", { class: "hint" }, " ", t("audit.newer", { count: newer }))
  if (!last || (last.rows === 0 && last.finding === "whole")) {
    return [
      h("span", { class: "badge", id: "verification-badge" }, icon(mdiClockOutline), t("audit.not_checked")),
      later,
    ]
  }
  const whole = last.finding === "whole"
  const where = last.first_broken_id
    ? t("audit.broken_row", { id: `aud_${last.first_broken_id}` })
    : last.anchor_at && t("audit.broken_anchor", { time: formatFullDateTime(last.anchor_at) })
  return [
    h(
      "span",
      { class: `badge ${whole ? "tone-positive" : "tone-negative"}`, id: "verification-badge" },
      icon(whole ? mdiCheckCircle : mdiAlertCircleOutline),
      whole ? t("audit.whole", { count: last.rows }) : label("audit_finding", last.finding),
    ),
    " ",
    h("span", { class: "hint" }, where && `${where} `, t("audit.checked"), " ", exactTime(last.at), "."),
    later,
  ]
}

/** @param {Entry} entry */
function entryRow(entry) {
  return h(
    "tr",
    { "data-id": entry.id },
    h("th", { scope: "row", class: "sticky-column numbers" }, timeOf(entry.timestamp)),
    h("td", {}, entry.actor, entry.role && h("span", { class: "block text-soft" }, label("role", entry.role))),
    h(
      "td",
      {},
      h("code", {}, entry.action),
      entry.reason && h("span", { class: "block max-w-64 whitespace-normal text-soft" }, entry.reason),
    ),
    h("td", {}, h("code", {}, entry.target)),
    h("td", {}, changesOf(entry)),
    h(
      "td",
      {},
      h("code", {}, entry.address || "–"),
      entry.request_id && h("code", { class: "block text-soft" }, entry.request_id),
    ),
  )
}

// Two lines, so that the column stays narrow.
/** @param {string} time */
function timeOf(time) {
  return h(
    "time",
    { datetime: time, title: formatFullDateTime(time) },
    h("span", { class: "block" }, dates.format(new Date(time))),
    h("span", { class: "block font-normal text-soft" }, clock.format(new Date(time))),
  )
}

/** @param {Entry} entry */
function changesOf({ before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  if (names.length === 0) return "–"
  const value = (/** @type {Side} */ side, /** @type {string} */ name) =>
    side && name in side ? h("code", { class: "break-all", translate: "no" }, words(side[name])) : "–"
  return h(
    "details",
    {},
    h("summary", { class: "min-h-6 cursor-pointer" }, t("audit.fields", { count: names.length })),
    h(
      "table",
      { class: "diff" },
      h("caption", { class: "sr-only" }, t("audit.changes")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("audit.field")),
          h("th", { scope: "col" }, t("audit.before")),
          h("th", { scope: "col" }, t("audit.after")),
        ),
      ),
      h(
        "tbody",
        {},
        ...names.map(name =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            h("td", { class: "diff-before" }, value(before, name)),
            h("td", { class: "diff-after" }, value(after, name)),
          ),
        ),
      ),
    ),
  )
}

/** @param {unknown} value */
const words = value => (typeof value === "string" ? value : JSON.stringify(value))
