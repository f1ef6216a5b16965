// While nobody can sign up: why, and a form that takes an address instead.

import { ApiProblem, request } from "../lib/api.js"
import { byId, h, setText } from "../lib/dom.js"
import { label, language, t } from "../lib/messages.js"
import { notice } from "./feedback.js"
import { clearErrors, showErrors } from "./form-errors.js"

/** @typedef {import("../lib/plans.js").PriceList} PriceList */

let sendsMail = false

export function connectWaitingList() {
  byId("waiting-form", HTMLFormElement).addEventListener("submit", wait)
}

/** @param {PriceList | null} prices @param {boolean} hasBegun whoever has begun may end it */
export function drawAvailability(prices, hasBegun) {
  const reason = prices?.availability ?? "open"
  const closed = reason !== "open" && !hasBegun
  sendsMail = prices?.sends_mail ?? false
  byId("order", HTMLDivElement).hidden = closed
  byId("waiting", HTMLElement).hidden = !closed
  if (!closed) return
  setText(byId("waiting-title", HTMLElement), label("closed_title", reason, t("closed_title.full")))
  setText(byId("waiting-text", HTMLElement), label("closed_text", reason, t("closed_text.full")))
  setText(byId("waiting-promise", HTMLElement), sendsMail ? t("waiting.promise") : t("waiting.promise_kept"))
}

/** @param {SubmitEvent} event */
async function wait(event) {
  event.preventDefault()
  const waiting = byId("waiting-form", HTMLFormElement)
  const place = byId("waiting-errors", HTMLDivElement)
  const email = byId("waiting-email", HTMLInputElement).value.trim()
  clearErrors(place, waiting)
  try {
    await request("POST", "/api/waitlist", { body: { email, locale: language } })
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    showErrors(place, waiting, problem)
    return
  }
  const then = sendsMail ? t("waiting.thanks_text", { email }) : t("waiting.thanks_kept", { email })
  const thanks = notice("positive", t("waiting.thanks"), h("p", {}, then))
  thanks.setAttribute("role", "status")
  thanks.tabIndex = -1
  waiting.replaceWith(thanks)
  thanks.focus()
}
