// The last lines that a tenant's application wrote, read when somebody asks for them.

import { byId, fill, h, setText } from "../lib/dom.js"
import { formatClock } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { failedCard } from "./feedback.js"

const LINES = 200

/** @param {string} path of the tenant */
export function connectLog(path) {
  const button = byId("read-log", HTMLButtonElement)
  const place = byId("log", HTMLElement)
  const read = async () => {
    if (button.getAttribute("aria-disabled")) return
    button.setAttribute("aria-disabled", "true")
    try {
      /** @type {{ data: string[] }} */
      const { data } = await staffRequest("GET", `${path}/logs?lines=${LINES}`)
      const lines = h(
        "pre",
        { class: "log", tabindex: "0", role: "region", "aria-label": t("log.title"), translate: "no" },
        data.join("\n"),
      )
      fill(place, data.length > 0 ? lines : h("p", { class: "text-soft" }, t("log.none")))
      lines.scrollTop = lines.scrollHeight
      setText(byId("log-state", HTMLElement), t("log.read", { count: data.length, time: formatClock(Date.now()) }))
      setText(button, t("log.again"))
    } catch (problem) {
      fill(place, failedCard(problem, read))
    } finally {
      button.removeAttribute("aria-disabled")
    }
  }
  button.addEventListener("click", read)
}
