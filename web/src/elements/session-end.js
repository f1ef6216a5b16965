// The end of the session without the end of the work: the page stays as it is, somebody logs in in another tab, and the
// page goes on. Also keeps the session alive while somebody types, which needs no request of its own.

import { request } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { formatClock } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { leaveForLogin, onSessionOver, renew } from "../lib/session.js"
import { notice } from "./feedback.js"

const WARN_BEFORE_END = 5 * 60_000
const LONGEST_TIMER = 2 ** 31 - 1
const RENEW_WHILE_WORKING = 10 * 60_000

/** @typedef {import("../lib/session.js").Me} Me */

/** Tabs tell each other that somebody has logged in. */
const tabs = new BroadcastChannel("session")

/** @param {Me} user @param {(node: Node) => void} showAbove */
export function watchSession(user, showAbove) {
  onSessionOver(() => askInAnotherTab(user))
  keepAlive()
  warnBeforeEnd(user, showAbove)
}

/** @param {Me} user @param {(node: Node) => void} showAbove */
function warnBeforeEnd(user, showAbove) {
  const end = Date.parse(user.session_expires_at)
  const wait = end - WARN_BEFORE_END - Date.now()
  if (wait > LONGEST_TIMER) return
  setTimeout(
    () => {
      const warning = notice(
        "caution",
        t("session.ends_at", { time: formatClock(end) }),
        h("p", {}, t("session.ends_keep")),
        h("p", {}, signInLink()),
      )
      warning.setAttribute("role", "status")
      showAbove(warning)
      tabs.addEventListener("message", () => warning.remove(), { once: true })
    },
    Math.max(0, wait),
  )
}

function signInLink() {
  return h(
    "a",
    { class: "button button-primary", href: "/login?return=tab", target: "_blank" },
    t("session.sign_in_tab"),
  )
}

/** @param {Me} user @returns {Promise<void>} */
function askInAnotherTab(user) {
  const dialog = h(
    "dialog",
    {
      class: "dialog",
      role: "alertdialog",
      "aria-labelledby": "session-over",
      "aria-describedby": "session-over-text",
    },
    h(
      "div",
      { class: "grid gap-5 p-6" },
      h(
        "div",
        {},
        h("h2", { class: "text-xl", id: "session-over" }, t("session.over_title")),
        h("p", { class: "mt-1 text-soft", id: "session-over-text" }, t("session.over_text")),
      ),
      h(
        "div",
        { class: "flex flex-wrap justify-end gap-2 border-t border-line pt-5" },
        h("button", { type: "button", class: "button", onclick: leaveForLogin }, t("session.leave")),
        signInLink(),
      ),
    ),
  )
  // Without a session there is nothing behind it to go on with.
  dialog.addEventListener("cancel", event => event.preventDefault())
  document.body.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    const check = async () => {
      if (!(await renew().catch(() => false))) return
      // Somebody else's session: what is on the page is not theirs to see.
      if ((await request("GET", "/api/admin/me")).id !== user.id) location.reload()
      tabs.removeEventListener("message", check)
      removeEventListener("focus", check)
      dialog.close()
      dialog.remove()
      resolve()
    }
    tabs.addEventListener("message", check)
    addEventListener("focus", check)
  })
}

// Typing a long text is no request, but it is work: the session does not run out under it.
function keepAlive() {
  let renewedAt = Date.now()
  const renewNow = () => {
    if (Date.now() - renewedAt < RENEW_WHILE_WORKING) return
    renewedAt = Date.now()
    renew().catch(() => {})
  }
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, renewNow, { passive: true })
}
