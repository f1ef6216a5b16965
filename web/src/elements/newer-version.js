// The server was upgraded under an open page: that is said once, and the page stays until somebody reloads it.

import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { notice } from "./feedback.js"

/** Whoever comes back to a page sooner has missed little. */
const LOOK_AGAIN_AFTER = 5 * 60_000

/** @param {string} version what the page was made for @param {(node: Node) => void} show */
export function watchVersion(version, show) {
  let lookedAt = Date.now()
  let isSaid = false
  const look = async () => {
    if (isSaid) return
    lookedAt = Date.now()
    const now = await staffRequest("GET", "/api/admin/me").catch(() => null)
    if (isSaid || !now || now.version === version) return
    isSaid = true
    show(newer(now.version))
  }
  // A server that was away may have come back as another one.
  document.addEventListener("reconnected", look)
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - lookedAt > LOOK_AGAIN_AFTER) look()
  })
}

/** @param {string} version */
function newer(version) {
  const reload = h(
    "button",
    { type: "button", class: "button button-small", onclick: () => location.reload() },
    t("failed.reload"),
  )
  const said = notice("info", t("live.newer", { version }), h("p", {}, t("live.newer_text")), h("p", {}, reload))
  said.setAttribute("role", "status")
  return said
}
