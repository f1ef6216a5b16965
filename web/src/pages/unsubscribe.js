// Declines emails of one kind, without signing in. Programs that look at links before people do change nothing.

import { notice } from "../elements/feedback.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"

/** @typedef {{ template: string, declined: boolean }} Declined */

const path = `/api/unsubscribe/${location.pathname.split("/").filter(Boolean).at(-1) ?? ""}`
const place = byId("problem", HTMLElement)
const decline = byId("decline", HTMLButtonElement)
const takeBack = byId("take-back", HTMLButtonElement)

startPreferences()
decline.addEventListener("click", () => change(decline, true))
takeBack.addEventListener("click", () => change(takeBack, false))
load()

async function load() {
  try {
    draw(await request("GET", path))
  } catch (problem) {
    showProblem(problem)
  }
  const waiting = byId("waiting", HTMLElement)
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

/** @param {Declined} now */
function draw({ template, declined }) {
  setText(byId("lead", HTMLElement), t("unsubscribe.lead", { occasion: label("mail_template", template) }))
  byId("content", HTMLElement).hidden = false
  decline.hidden = declined
  takeBack.hidden = !declined
  fill(place, declined && notice("positive", t("unsubscribe.declined"), h("p", {}, t("unsubscribe.declined_text"))))
}

/** @param {HTMLButtonElement} pressed @param {boolean} declined */
async function change(pressed, declined) {
  if (pressed.getAttribute("aria-disabled")) return
  pressed.setAttribute("aria-disabled", "true")
  try {
    draw(await request("POST", path, { body: { declined } }))
    byId("heading", HTMLElement).focus()
  } catch (problem) {
    showProblem(problem)
  } finally {
    pressed.removeAttribute("aria-disabled")
  }
}

/** @param {unknown} problem */
function showProblem(problem) {
  if (!(problem instanceof ApiProblem)) throw problem
  const isUnknown = [404, 422].includes(problem.status)
  fill(
    place,
    isUnknown
      ? notice("info", t("unsubscribe.unknown"), h("p", {}, t("unsubscribe.unknown_text")))
      : notice("negative", problem.sentence),
  )
}
