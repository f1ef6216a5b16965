// The link by mail to the customer's page. Programs that look at links before people do would use it up, so it takes the
// button. Whoever comes too late has a new one sent to the same customer.

import { notice } from "../elements/feedback.js"
import { linkSent } from "../elements/portal-ask.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const token = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const place = byId("problem", HTMLElement)
const button = byId("open", HTMLButtonElement)
const again = byId("send-again", HTMLButtonElement)

startPreferences()
button.addEventListener("click", () => once(button, open))
again.addEventListener("click", () => once(again, sendAgain))

/** @param {HTMLButtonElement} pressed @param {() => Promise<void>} work */
async function once(pressed, work) {
  if (pressed.getAttribute("aria-disabled")) return
  pressed.setAttribute("aria-disabled", "true")
  fill(place)
  try {
    await work()
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    showProblem(problem)
  } finally {
    pressed.removeAttribute("aria-disabled")
  }
}

// The address with the token leaves the history, too.
async function open() {
  await request("POST", "/api/portal/session", { body: { token } })
  location.replace("/portal")
}

async function sendAgain() {
  const { mailed } = await request("POST", "/api/portal/links", { body: { token } })
  byId("again", HTMLElement).hidden = true
  say(linkSent(mailed))
}

/** @param {ApiProblem} problem */
function showProblem(problem) {
  const isOver = problem.status === 410
  const isUnknown = [404, 422].includes(problem.status)
  if (!isOver && !isUnknown) {
    fill(place, notice("negative", problem.sentence))
    return
  }
  byId("before", HTMLElement).hidden = true
  byId("again", HTMLElement).hidden = !isOver
  byId("ask", HTMLElement).hidden = isOver
  say(
    isOver
      ? notice("info", t("portal_link.over"), h("p", {}, t("portal_link.over_text")))
      : notice("info", t("portal_link.unknown"), h("p", {}, t("portal_link.unknown_text"))),
  )
}

/** @param {HTMLElement} words */
function say(words) {
  fill(place, words)
  byId("heading", HTMLElement).focus()
}
