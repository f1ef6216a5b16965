// The audit trail: rows with what changed, and the badge that says whether the trail is whole.

import { mdiAlertCircleOutline, mdiCheckCircle, mdiClockOutline } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard } from "../elements/feedback.js"
import { exactTime } from "../elements/time-text.js"
import { daysAsMoments, dayWords } from "../lib/days.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatFullDateTime } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, locale, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { actorName } from "../lib/say.js"
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

/** @param {string} action a code, or what codes begin with */
const actionWords = action => label("audit_action", action, action)

startConsole().then(
  () =>
    Promise.all([
      showVerification(),
      byId("table", DataTable).start({
        path: "/api/audit",
        list: "audit",
        title: t("audit.title"),
        heads: id => label("column.audit", id),
        order: "-id",
        search: { ...rule("GET /api/audit", "q"), label: t("audit.search") },
        query: query => daysAsMoments(query, { from: 0, to: 1 }),
        filters: [
          rule("GET /api/audit", "actor"),
          { ...rule("GET /api/audit", "action"), words: actionWords, example: t("audit.action_example") },
          rule("GET /api/audit", "target"),
          { ...rule("GET /api/audit", "from"), label: t("audit.from"), words: dayWords },
          { ...rule("GET /api/audit", "to"), label: t("audit.to"), words: dayWords },
        ],
        columns: [
          { id: "timestamp", cell: ({ timestamp: time }) => timeOf(time) },
          {
            id: "actor",
            exported: ["actor", "role"],
            cell: ({ actor, role }, only) => [
              only("actor", actor, actorName(actor)),
              role && h("span", { class: "block text-soft" }, label("role", role)),
            ],
          },
          {
            id: "action",
            exported: ["action", "reason"],
            cell: ({ action, reason }, only) => [
              actionWords(action) !== action && h("span", { class: "block" }, actionWords(action)),
              only("action", action, h("code", { class: "text-soft", translate: "no" }, action)),
              reason && h("span", { class: "block max-w-64 whitespace-normal text-soft" }, reason),
            ],
          },
          { id: "target", cell: ({ target }, only) => target && only("target", target, h("code", {}, target)) },
          { id: "after", exported: ["before", "after"], cell: changesOf },
          {
            id: "address",
            exported: ["address", "request_id"],
            cell: ({ address, request_id: request }) => [
              address && h("code", {}, address),
              request && h("code", { class: "block text-soft" }, request),
            ],
          },
        ],
        none: { title: t("audit.none"), text: t("audit.none_text") },
      }),
    ]),
  () => {},
)

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
  if (names.length === 0) return null
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
