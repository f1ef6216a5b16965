// The events of security as a table, with what can be done about each.

import { mdiAlertCircleOutline, mdiAlertOutline, mdiInformationOutline } from "@mdi/js"
import { h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { field, formDialog, selectFor, values } from "./form-dialog.js"
import { BASE, hoursField, reasonField } from "./security-fields.js"
import { dangerousRequest } from "./step-up.js"
import { timeText } from "./time-text.js"

/** @typedef {import("./security-fields.js").Page} Page */
/**
 * @typedef {{ id: string, kind: string, severity: string, created_at: string, last_seen_at: string, occurrences: number,
 *             staff_id: string | null, email: string | null, account_locked: boolean | null, api_key_id: string | null,
 *             api_key_prefix: string | null, api_key_works: boolean | null, address: string, address_blocked: boolean,
 *             detail: Record<string, unknown>, closed_at: string | null, closed_by: string | null,
 *             outcome: string | null, close_reason: string | null }} SecurityEvent
 */

const TONES = { info: "", low: "tone-info", medium: "tone-caution", high: "tone-negative", critical: "tone-negative" }

/** @param {string} severity */
function severityBadge(severity) {
  const path = severity === "info" || severity === "low" ? mdiInformationOutline : mdiAlertOutline
  const tone = TONES[/** @type {keyof typeof TONES} */ (severity)] ?? ""
  return h(
    "span",
    { class: `badge ${tone}` },
    icon(severity === "critical" ? mdiAlertCircleOutline : path),
    label("event_severity", severity),
  )
}

/** @param {Page} page @returns {import("./data-table/data-table.js").Table<SecurityEvent>} */
export const eventTable = page => ({
  path: `${BASE}/events`,
  list: "security_events",
  title: t("security.events"),
  heads: id => label("column.security_events", id),
  order: "-id",
  search: { ...rule("GET /api/settings/security/events", "q"), label: t("security.search") },
  filters: [
    { ...rule("GET /api/settings/security/events", "state"), label: t("team.state"), words: stateWord },
    {
      ...rule("GET /api/settings/security/events", "severity"),
      words: severity => label("event_severity", severity),
    },
  ],
  columns: [
    {
      id: "kind",
      exported: ["id", "kind"],
      cell: ({ id, kind }) => [
        h("span", { class: "block min-w-28 max-w-56 whitespace-normal" }, label("security_event", kind)),
        h("code", { class: "font-normal text-soft" }, id),
      ],
    },
    { id: "severity", first: true, cell: ({ severity }, only) => only("severity", severity, severityBadge(severity)) },
    {
      id: "email",
      exported: ["email", "api_key_prefix", "address", "detail"],
      cell: event => [...about(event), details(event)],
    },
    {
      id: "last_seen_at",
      exported: ["last_seen_at", "occurrences"],
      cell: ({ last_seen_at: time, occurrences: count }) => [
        timeText(time),
        count > 1 && h("span", { class: "block text-soft" }, t("security.times", { count })),
      ],
    },
    { id: "outcome", exported: ["outcome", "closed_by", "closed_at", "close_reason"], cell: stateOf },
  ],
  actions: page.mayAct ? event => !event.closed_at && actions(page, event) : undefined,
  none: { title: t("security.none"), text: t("security.none_text") },
})

/** @param {string} state */
const stateWord = state => (state === "open" ? t("security.open") : t("security.closed"))

/** @param {SecurityEvent} event */
function about(event) {
  return [
    event.email && h("span", { class: "block" }, event.email),
    event.api_key_prefix && h("code", { class: "block" }, `${event.api_key_prefix}…`),
    event.address && h("code", { class: "block text-soft" }, event.address),
  ]
}

/** @param {SecurityEvent} event */
function details(event) {
  const known = Object.entries(event.detail ?? {})
  if (known.length === 0) return null
  return h(
    "details",
    {},
    h("summary", { class: "min-h-6 cursor-pointer" }, t("security.detail")),
    h(
      "dl",
      { class: "mt-1" },
      ...known.flatMap(([name, value]) => [
        h("dt", { class: "text-soft" }, label("event_detail", name)),
        h(
          "dd",
          { class: "break-all", translate: "no" },
          h("code", {}, typeof value === "string" ? value : JSON.stringify(value)),
        ),
      ]),
    ),
  )
}

/** @param {SecurityEvent} event */
function stateOf(event) {
  if (!event.closed_at) return [t("security.open")]
  return [
    label("outcome", event.outcome ?? ""),
    h("span", { class: "block text-soft" }, event.closed_by ?? "", " ", timeText(event.closed_at)),
    event.close_reason && h("span", { class: "block max-w-56 whitespace-normal text-soft" }, event.close_reason),
  ]
}

/** @param {Page} page @param {SecurityEvent} event */
function actions(page, event) {
  /** @param {string} text @param {() => void} action */
  const button = (text, action) =>
    h(
      "button",
      { type: "button", class: "button button-small", onclick: action },
      text,
      h("span", { class: "sr-only" }, ` ${event.id}`),
    )
  return h(
    "div",
    { class: "flex max-w-80 flex-wrap justify-end gap-2" },
    event.staff_id &&
      button(t("security.revoke_sessions"), () =>
        act(page, event, "revoke-sessions", t("security.revoke_sessions_title", { who: event.email ?? "" })),
      ),
    event.staff_id &&
      !event.account_locked &&
      button(t("security.lock"), () =>
        act(page, event, "lock-account", t("security.lock_title", { who: event.email ?? "" })),
      ),
    event.address && !event.address_blocked && button(t("security.block_address"), () => blockFromEvent(page, event)),
    event.api_key_id &&
      event.api_key_works &&
      button(t("security.revoke_key"), () =>
        act(page, event, "revoke-key", t("security.revoke_key_title", { key: event.api_key_prefix ?? "" })),
      ),
    button(t("security.close"), () => close(page, event)),
  )
}

/** @param {Page} page @param {SecurityEvent} event @param {string} action @param {string} title */
async function act(page, event, action, title) {
  const done = await formDialog({
    title,
    lead: t("security.at_once"),
    fields: [reasonField()],
    danger: true,
    action: title,
    submit: form => dangerousRequest("POST", `${BASE}/events/${event.id}/${action}`, { body: values(form) }),
  })
  if (done) await page.acted(event.id)
}

/** @param {Page} page @param {SecurityEvent} event */
async function blockFromEvent(page, event) {
  const done = await formDialog({
    title: t("security.block_title", { address: event.address }),
    lead: t("security.block_lead"),
    fields: [hoursField(), reasonField()],
    danger: true,
    action: t("security.block_address"),
    submit: form => {
      const { hours, reason } = values(form)
      const body = { hours: Number(hours), reason }
      return dangerousRequest("POST", `${BASE}/events/${event.id}/block-address`, { body })
    },
  })
  if (done) await page.acted(event.id)
}

/** @param {Page} page @param {SecurityEvent} event */
async function close(page, event) {
  const done = await formDialog({
    title: t("security.close_title", { event: label("security_event", event.kind) }),
    fields: [
      field(
        t("security.outcome"),
        selectFor("POST /api/settings/security/events/{id}/close", "outcome", value => label("outcome", value)),
      ),
      reasonField(),
    ],
    action: t("security.close"),
    submit: form => dangerousRequest("POST", `${BASE}/events/${event.id}/close`, { body: values(form) }),
  })
  if (done) await page.acted(event.id)
}
