// The switches of an incident: read-only mode, revoking everything, new keys, the working hours; and the public key.

import { byId, fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { leaveForLogin, staffRequest } from "../lib/session.js"
import { failedCard, notice } from "./feedback.js"
import { field, formDialog, inputFor, values } from "./form-dialog.js"
import { BASE, reasonField } from "./security-fields.js"
import { dangerousRequest } from "./step-up.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("./security-fields.js").Page} Page */
/**
 * @typedef {{ time_zone: string, opens_hour: number, closes_hour: number, working_days: number[] }} Hours
 * @typedef {{ read_only: { on_since: string | null, reason: string | null, changed_by: string | null }, hours: Hours,
 *             open_events: number, sessions: number, api_keys: number, public_key: string }} Overview
 */

const DAYS = [1, 2, 3, 4, 5, 6, 7]
const CONFIRMATION = "revoke everything"

/** @param {Page} page */
export async function showSwitches(page) {
  const problem = byId("overview-problem", HTMLDivElement)
  try {
    /** @type {Overview} */
    const overview = await staffRequest("GET", BASE)
    fill(problem)
    fill(
      byId("switches", HTMLDivElement),
      readOnlyCard(page, overview),
      revokeCard(page, overview),
      rotateCard(page),
      hoursCard(page, overview.hours),
      keyCard(overview.public_key),
    )
  } catch (failure) {
    fill(
      problem,
      failedCard(failure, () => showSwitches(page)),
    )
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

/** @param {Page} page @param {string} text @param {() => void} action @param {boolean} [danger] */
const cardButton = (page, text, action, danger = false) =>
  page.mayAct &&
  h("p", {}, h("button", { type: "button", class: `button ${danger ? "button-danger" : ""}`, onclick: action }, text))

/** @param {Page} page @param {Overview} overview */
function readOnlyCard(page, { read_only }) {
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
    cardButton(page, on ? t("security.read_only_end") : t("security.read_only_begin"), () => turnReadOnly(!on)),
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

/** @param {Page} page @param {Overview} overview */
function revokeCard(page, { sessions, api_keys }) {
  return card(
    "revoke-card",
    t("security.revoke"),
    t("security.revoke_text"),
    h("p", {}, t("security.revoke_counts", { sessions, keys: api_keys })),
    cardButton(page, t("security.revoke_begin"), revokeEverything, true),
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
        inputFor("POST /api/settings/security/revoke-everything", "confirm", {
          class: "input font-mono",
          spellcheck: "false",
        }),
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

/** @param {Page} page */
function rotateCard(page) {
  return card(
    "rotate-card",
    t("security.rotate"),
    t("security.rotate_text"),
    cardButton(page, t("security.rotate_begin"), async () => {
      const done = await formDialog({
        title: t("security.rotate"),
        lead: t("security.rotate_text"),
        fields: [reasonField()],
        action: t("security.rotate_begin"),
        submit: form => dangerousRequest("POST", `${BASE}/rotate-keys`, { body: values(form) }),
      })
      if (done) await page.acted(byId("rotate-card", HTMLElement))
    }),
  )
}

/** @param {Page} page @param {Hours} hours */
function hoursCard(page, hours) {
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
    cardButton(page, t("security.hours_change"), () => changeHours(page, hours, dayName)),
  )
}

/** @param {Page} page @param {Hours} hours @param {(day: number) => string} dayName */
async function changeHours(page, hours, dayName) {
  const done = await formDialog({
    title: t("security.hours"),
    fields: [
      field(
        t("security.time_zone"),
        inputFor("PUT /api/settings/security/hours", "time_zone", {
          class: "input font-mono",
          value: hours.time_zone,
        }),
      ),
      field(
        t("security.opens"),
        inputFor("PUT /api/settings/security/hours", "opens_hour", { value: hours.opens_hour }),
      ),
      field(
        t("security.closes"),
        inputFor("PUT /api/settings/security/hours", "closes_hour", { value: hours.closes_hour }),
      ),
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
    action: t("dialog.save"),
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
  if (done) await page.acted(byId("hours-card", HTMLElement))
}

/** @param {string} key */
const keyCard = key =>
  card(
    "key-card",
    t("security.public_key"),
    t("security.public_key_text"),
    h("p", {}, h("code", { class: "break-all" }, key)),
  )
