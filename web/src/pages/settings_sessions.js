// Where one is logged in, and how to end that.

import { startConsole } from "../elements/console-shell.js"
import { failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { byId, fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, created_at: string, last_used_at: string, expires_at: string, address: string,
 *             user_agent: string, browser: string, system: string, second_factor: string | null,
 *             current: boolean }} Session
 */

const endOthers = byId("end-others", HTMLButtonElement)
const problemPlace = byId("problem", HTMLDivElement)

startConsole().then(
  () => {
    endOthers.addEventListener("click", endAllOthers)
    load()
  },
  () => {},
)

async function load() {
  const waiting = byId("waiting", HTMLDivElement)
  try {
    /** @type {{ data: Session[] }} */
    const { data } = await staffRequest("GET", "/api/settings/sessions")
    fill(problemPlace)
    fill(byId("rows", HTMLTableSectionElement), ...data.map(row))
    byId("list", HTMLDivElement).hidden = false
    endOthers.disabled = data.length < 2
  } catch (problem) {
    fill(problemPlace, failedCard(problem, load))
  }
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

/** @param {Session} session */
function deviceOf({ browser, system, user_agent }) {
  if (browser && system) return t("sessions.device_of", { browser, system })
  return browser || system || user_agent || t("sessions.unknown_device")
}

/** @param {Session} session */
function row(session) {
  const device = deviceOf(session)
  return h(
    "tr",
    { "data-id": session.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h("span", { class: "table-name block", title: session.user_agent }, device),
      session.current && h("span", { class: "block font-normal text-soft" }, t("sessions.current")),
    ),
    h("td", {}, h("code", {}, session.address)),
    h("td", {}, timeText(session.last_used_at)),
    h("td", {}, exactTime(session.created_at)),
    h("td", {}, label("session_factor", session.second_factor ?? "none")),
    h(
      "td",
      { class: "align-end" },
      !session.current &&
        h(
          "button",
          {
            type: "button",
            class: "button button-small",
            "aria-label": t("sessions.end_label", { device }),
            onclick: () => endOne(session),
          },
          t("sessions.end"),
        ),
    ),
  )
}

/** @param {string} sentence */
const say = sentence => fill(byId("done", HTMLDivElement), notice("positive", sentence))

/** @param {Session} session */
async function endOne(session) {
  try {
    await staffRequest("DELETE", `/api/settings/sessions/${session.id}`)
    say(t("sessions.ended"))
    await load()
  } catch (problem) {
    fill(problemPlace, failedCard(problem))
  }
}

async function endAllOthers() {
  let ended = 0
  const done = await formDialog({
    title: t("sessions.end_others_title"),
    lead: t("sessions.end_others_lead"),
    fields: [],
    action: t("sessions.end_others_action"),
    danger: true,
    submit: async () => {
      ended = (await staffRequest("DELETE", "/api/settings/sessions")).ended
    },
  })
  if (!done) return
  say(t("sessions.ended_others", { count: ended }))
  await load()
}
