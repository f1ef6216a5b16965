// Security events with what can be done about them, blocked addresses, and the switches of an incident.

import { mdiAlertCircleOutline, mdiAlertOutline, mdiInformationOutline } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { field, formDialog } from "../elements/form-dialog.js"
import { ListPage } from "../elements/list-page.js"
import { dangerousRequest } from "../elements/step-up.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { byId, fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { leaveForLogin, staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, kind: string, severity: string, created_at: string, last_seen_at: string, occurrences: number,
 *             staff_id: string | null, email: string | null, account_locked: boolean | null, api_key_id: string | null,
 *             api_key_prefix: string | null, api_key_works: boolean | null, address: string, address_blocked: boolean,
 *             detail: Record<string, unknown>, closed_at: string | null, closed_by: string | null,
 *             outcome: string | null, close_reason: string | null }} SecurityEvent
 * @typedef {{ id: string, address: string, reason: string, blocked_by: string | null, created_at: string,
 *             expires_at: string }} Block
 * @typedef {{ time_zone: string, opens_hour: number, closes_hour: number, working_days: number[] }} Hours
 * @typedef {{ read_only: { on_since: string | null, reason: string | null, changed_by: string | null }, hours: Hours,
 *             open_events: number, sessions: number, api_keys: number, public_key: string }} Overview
 */

const BASE = "/api/settings/security"
const BLOCK_HOURS = [1, 24, 168, 720]
const DAYS = [1, 2, 3, 4, 5, 6, 7]
const TONES = { info: "", low: "tone-info", medium: "tone-caution", high: "tone-negative", critical: "tone-negative" }
const CONFIRMATION = "revoke everything"

let mayAct = false
/** @type {ListPage<SecurityEvent>} */
let list

startConsole().then(
  async user => {
    mayAct = user.scopes.includes("security:write")
    list = new ListPage({
      load: (query, signal) => staffRequest("GET", `${BASE}/events?${query}`, { signal }),
      row: eventRow,
      empty: filtered =>
        filtered
          ? emptyCard(
              t("security.no_match"),
              t("team.no_match_text"),
              h("button", { type: "button", class: "button", onclick: () => list.clear() }, t("tenants.clear_all")),
            )
          : emptyCard(t("security.none"), t("security.none_text")),
    })
    byId("block", HTMLButtonElement).addEventListener("click", blockByHand)
    await Promise.all([list.reload(), showBlocks(), showSwitches()])
  },
  () => {},
)

/** @param {string} sentence */
const say = sentence => fill(byId("done", HTMLDivElement), notice("positive", sentence))

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

/** @param {SecurityEvent} event */
function eventRow(event) {
  return h(
    "tr",
    { "data-id": event.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h("span", { class: "block min-w-28 max-w-56 whitespace-normal" }, label("security_event", event.kind)),
      h("code", { class: "font-normal text-soft" }, event.id),
    ),
    h("td", {}, severityBadge(event.severity)),
    h("td", {}, ...about(event), details(event)),
    h(
      "td",
      {},
      timeText(event.last_seen_at),
      event.occurrences > 1 &&
        h("span", { class: "block text-soft" }, t("security.times", { count: event.occurrences })),
    ),
    h("td", {}, ...stateOf(event)),
    mayAct && h("td", { class: "align-end" }, !event.closed_at && actions(event)),
  )
}

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

/** @param {SecurityEvent} event */
function actions(event) {
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
        act(event, "revoke-sessions", t("security.revoke_sessions_title", { who: event.email ?? "" })),
      ),
    event.staff_id &&
      !event.account_locked &&
      button(t("security.lock"), () =>
        act(event, "lock-account", t("security.lock_title", { who: event.email ?? "" })),
      ),
    event.address && !event.address_blocked && button(t("security.block_address"), () => blockFromEvent(event)),
    event.api_key_id &&
      event.api_key_works &&
      button(t("security.revoke_key"), () =>
        act(event, "revoke-key", t("security.revoke_key_title", { key: event.api_key_prefix ?? "" })),
      ),
    button(t("security.close"), () => close(event)),
  )
}

const reasonField = () =>
  field(
    t("security.reason"),
    h("input", { class: "input", name: "reason", autocomplete: "off", maxlength: 500, required: true }),
    h("p", { class: "hint" }, t("security.reason_hint")),
  )

const hoursField = () =>
  field(
    t("security.how_long"),
    h(
      "select",
      { class: "input", name: "hours", autocomplete: "off" },
      ...BLOCK_HOURS.map(hours =>
        h("option", { value: hours, selected: hours === 24 }, t("api_keys.hours", { count: hours })),
      ),
    ),
  )

/** @param {HTMLFormElement} form */
const values = form => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]))

/** @param {SecurityEvent} event @param {string} action @param {string} title */
async function act(event, action, title) {
  const done = await formDialog({
    title,
    lead: t("security.at_once"),
    fields: [reasonField()],
    danger: true,
    action: title,
    submit: form => dangerousRequest("POST", `${BASE}/events/${event.id}/${action}`, { body: values(form) }),
  })
  if (done) await acted()
}

async function acted() {
  say(t("security.done"))
  await Promise.all([list.reload(), showBlocks(), showSwitches()])
}

/** @param {SecurityEvent} event */
async function blockFromEvent(event) {
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
  if (done) await acted()
}

async function blockByHand() {
  const done = await formDialog({
    title: t("security.block"),
    lead: t("security.block_lead"),
    fields: [
      field(
        t("security.address"),
        h("input", { class: "input font-mono", name: "address", autocomplete: "off", maxlength: 64, required: true }),
        h("p", { class: "hint" }, t("security.address_hint")),
      ),
      hoursField(),
      reasonField(),
    ],
    action: t("security.block"),
    submit: form => {
      const { address, hours, reason } = values(form)
      return dangerousRequest("POST", `${BASE}/blocked-addresses`, { body: { address, hours: Number(hours), reason } })
    },
  })
  if (done) await acted()
}

/** @param {SecurityEvent} event */
async function close(event) {
  const done = await formDialog({
    title: t("security.close_title", { event: label("security_event", event.kind) }),
    fields: [
      field(
        t("security.outcome"),
        h(
          "select",
          { class: "input", name: "outcome", autocomplete: "off" },
          ...["resolved", "false_alarm", "accepted"].map(value => h("option", { value }, label("outcome", value))),
        ),
      ),
      reasonField(),
    ],
    action: t("security.close"),
    submit: form => dangerousRequest("POST", `${BASE}/events/${event.id}/close`, { body: values(form) }),
  })
  if (done) await acted()
}

async function showBlocks() {
  const place = byId("blocks", HTMLDivElement)
  try {
    /** @type {{ data: Block[] }} */
    const { data } = await staffRequest("GET", `${BASE}/blocked-addresses`)
    fill(place, data.length === 0 ? emptyCard(t("security.no_blocks"), t("security.no_blocks_text")) : blockTable(data))
  } catch (problem) {
    fill(place, failedCard(problem, showBlocks))
  }
}

/** @param {Block[]} blocks */
function blockTable(blocks) {
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("security.blocks") },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, t("security.blocks")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "sticky-column" }, t("security.address")),
          h("th", { scope: "col" }, t("security.reason")),
          h("th", { scope: "col" }, t("security.until")),
          mayAct && h("th", { scope: "col" }, h("span", { class: "sr-only" }, t("team.actions"))),
        ),
      ),
      h(
        "tbody",
        {},
        ...blocks.map(block =>
          h(
            "tr",
            { "data-id": block.id },
            h("th", { scope: "row", class: "sticky-column" }, h("code", {}, block.address)),
            h(
              "td",
              {},
              h("span", { class: "block max-w-80 whitespace-normal" }, block.reason),
              h("span", { class: "block text-soft" }, block.blocked_by ?? ""),
            ),
            h("td", {}, exactTime(block.expires_at)),
            mayAct &&
              h(
                "td",
                { class: "align-end" },
                h(
                  "button",
                  { type: "button", class: "button button-small", onclick: () => unblock(block) },
                  t("security.unblock"),
                  h("span", { class: "sr-only" }, ` ${block.address}`),
                ),
              ),
          ),
        ),
      ),
    ),
  )
}

/** @param {Block} block */
async function unblock(block) {
  const done = await formDialog({
    title: t("security.unblock_title", { address: block.address }),
    fields: [],
    action: t("security.unblock"),
    submit: () => dangerousRequest("DELETE", `${BASE}/blocked-addresses/${block.id}`),
  })
  if (done) await acted()
}

async function showSwitches() {
  const problem = byId("overview-problem", HTMLDivElement)
  try {
    /** @type {Overview} */
    const overview = await staffRequest("GET", BASE)
    fill(problem)
    fill(
      byId("switches", HTMLDivElement),
      readOnlyCard(overview),
      revokeCard(overview),
      rotateCard(),
      hoursCard(overview.hours),
      keyCard(overview.public_key),
    )
  } catch (failure) {
    fill(problem, failedCard(failure, showSwitches))
  }
}

/** @param {string} id @param {string} title @param {string} text @param {...import("../lib/dom.js").Child} rest */
const card = (id, title, text, ...rest) =>
  h(
    "div",
    { class: "card grid content-start gap-3 p-5", id },
    h("h3", { class: "text-lg" }, title),
    h("p", { class: "text-soft" }, text),
    ...rest,
  )

/** @param {string} text @param {() => void} action @param {boolean} [danger] */
const cardButton = (text, action, danger = false) =>
  mayAct &&
  h("p", {}, h("button", { type: "button", class: `button ${danger ? "button-danger" : ""}`, onclick: action }, text))

/** @param {Overview} overview */
function readOnlyCard({ read_only }) {
  const on = read_only.on_since
  return card(
    "read-only-card",
    t("security.read_only"),
    t("security.read_only_text"),
    on &&
      notice(
        "caution",
        t("security.read_only_on"),
        h("p", {}, exactTime(on), " ", read_only.changed_by ?? ""),
        h("p", {}, read_only.reason ?? ""),
      ),
    cardButton(on ? t("security.read_only_end") : t("security.read_only_begin"), () => turnReadOnly(!on)),
  )
}

/** @param {boolean} on */
async function turnReadOnly(on) {
  const action = on ? t("security.read_only_begin") : t("security.read_only_end")
  const done = await formDialog({
    title: action,
    lead: on ? t("security.read_only_text") : undefined,
    fields: [reasonField()],
    danger: on,
    action,
    submit: form => dangerousRequest("PUT", `${BASE}/read-only`, { body: { on, ...values(form) } }),
  })
  if (done) location.reload()
}

/** @param {Overview} overview */
function revokeCard({ sessions, api_keys }) {
  return card(
    "revoke-card",
    t("security.revoke"),
    t("security.revoke_text"),
    h("p", {}, t("security.revoke_counts", { sessions, keys: api_keys })),
    cardButton(t("security.revoke_begin"), revokeEverything, true),
  )
}

async function revokeEverything() {
  const done = await formDialog({
    title: t("security.revoke_title"),
    lead: t("security.revoke_lead"),
    fields: [
      h(
        "label",
        { class: "flex items-center gap-2" },
        h("input", { type: "checkbox", class: "size-5", name: "api_keys" }),
        t("security.revoke_keys_too"),
      ),
      field(
        t("security.revoke_confirm", { words: CONFIRMATION }),
        h("input", { class: "input font-mono", name: "confirm", autocomplete: "off", spellcheck: "false" }),
      ),
      reasonField(),
    ],
    danger: true,
    action: t("security.revoke_begin"),
    submit: form => {
      const { confirm, reason, api_keys } = values(form)
      const body = { confirm, reason, api_keys: api_keys !== undefined }
      return dangerousRequest("POST", `${BASE}/revoke-everything`, { body })
    },
  })
  if (done) leaveForLogin()
}

function rotateCard() {
  return card(
    "rotate-card",
    t("security.rotate"),
    t("security.rotate_text"),
    cardButton(t("security.rotate_begin"), async () => {
      const done = await formDialog({
        title: t("security.rotate"),
        lead: t("security.rotate_text"),
        fields: [reasonField()],
        action: t("security.rotate_begin"),
        submit: form => dangerousRequest("POST", `${BASE}/rotate-keys`, { body: values(form) }),
      })
      if (done) await acted()
    }),
  )
}

/** @param {Hours} hours */
function hoursCard(hours) {
  const days = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "short", timeZone: "UTC" })
  // 2024-01-01 was a Monday.
  const dayName = (/** @type {number} */ day) => days.format(Date.UTC(2024, 0, day))
  return card(
    "hours-card",
    t("security.hours"),
    t("security.hours_text"),
    h(
      "p",
      {},
      hours.working_days.map(dayName).join(", "),
      `, ${hours.opens_hour}:00–${hours.closes_hour}:00, `,
      h("code", {}, hours.time_zone),
    ),
    cardButton(t("security.hours_change"), () => changeHours(hours, dayName)),
  )
}

/** @param {Hours} hours @param {(day: number) => string} dayName */
async function changeHours(hours, dayName) {
  /** @param {string} name @param {number} value @param {number} from @param {number} to */
  const hour = (name, value, from, to) =>
    h("input", { class: "input", type: "number", name, value, min: from, max: to, autocomplete: "off" })
  const done = await formDialog({
    title: t("security.hours"),
    fields: [
      field(
        t("security.time_zone"),
        h("input", { class: "input font-mono", name: "time_zone", value: hours.time_zone, autocomplete: "off" }),
      ),
      field(t("security.opens"), hour("opens_hour", hours.opens_hour, 0, 23)),
      field(t("security.closes"), hour("closes_hour", hours.closes_hour, 1, 24)),
      h(
        "fieldset",
        { class: "field" },
        h("legend", {}, t("security.days")),
        h(
          "div",
          { class: "flex flex-wrap gap-3" },
          ...DAYS.map(day =>
            h(
              "label",
              { class: "flex min-h-6 items-center gap-2" },
              h("input", {
                type: "checkbox",
                class: "size-5",
                name: "day",
                value: day,
                checked: hours.working_days.includes(day),
              }),
              dayName(day),
            ),
          ),
        ),
      ),
    ],
    action: t("security.hours_save"),
    submit: form => {
      const data = new FormData(form)
      const body = {
        time_zone: String(data.get("time_zone")).trim(),
        opens_hour: Number(data.get("opens_hour")),
        closes_hour: Number(data.get("closes_hour")),
        working_days: data.getAll("day").map(Number),
      }
      return dangerousRequest("PUT", `${BASE}/hours`, { body })
    },
  })
  if (done) await acted()
}

/** @param {string} key */
const keyCard = key =>
  card(
    "key-card",
    t("security.public_key"),
    t("security.public_key_text"),
    h("p", {}, h("code", { class: "break-all" }, key)),
  )
