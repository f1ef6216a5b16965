// Where one is logged in, and how to end that.

import { beside, sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, created_at: string, last_used_at: string, expires_at: string, address: string,
 *             user_agent: string, browser: string, system: string, second_factor: string | null,
 *             current: boolean }} Session
 */

const endOthers = byId("end-others", HTMLButtonElement)
const table = byId("sessions", DataTable)

startConsole().then(
  () => {
    endOthers.addEventListener("click", endAllOthers)
    return table.start({
      embedded: true,
      path: "/api/settings/sessions",
      query: () => new URLSearchParams(), // all of them, in the API's order
      title: t("sessions.title"),
      heads: id => label("column.sessions", id),
      order: "",
      columns: [
        { id: "device", cell: deviceCell },
        { id: "address", cell: ({ address }) => h("code", {}, address) },
        { id: "last_used_at", cell: ({ last_used_at: time }) => timeText(time) },
        { id: "created_at", cell: ({ created_at: time }) => exactTime(time) },
        { id: "second_factor", cell: ({ second_factor: factor }) => label("session_factor", factor ?? "none") },
      ],
      actions: session => !session.current && endButton(session),
      none: { title: "", text: "" },
      drawn: sessions => {
        endOthers.disabled = sessions.length < 2
      },
    })
  },
  () => {},
)

/** @param {Session} session */
function deviceOf({ browser, system, user_agent }) {
  if (browser && system) return t("sessions.device_of", { browser, system })
  return browser || system || user_agent || t("sessions.unknown_device")
}

/** @param {Session} session */
const deviceCell = session => [
  h("span", { class: "table-name block", title: session.user_agent }, deviceOf(session)),
  session.current && h("span", { class: "block font-normal text-soft" }, t("sessions.current")),
]

/** @param {Session} session */
const endButton = session =>
  h(
    "button",
    {
      type: "button",
      class: "button button-small",
      "aria-label": t("sessions.end_label", { device: deviceOf(session) }),
      onclick: () => endOne(session),
    },
    t("sessions.end"),
  )

/** @param {Session} session */
async function endOne(session) {
  const answer = beside(session.id)
  try {
    await staffRequest("DELETE", `/api/settings/sessions/${session.id}`)
    await table.reload()
    answer(notice("positive", t("sessions.ended")))
  } catch (problem) {
    answer(failedCard(problem))
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
  sayOnPage(notice("positive", t("sessions.ended_others", { count: ended })))
  await table.reload()
}
