// A login that is shown once. Opening the page shows nothing yet: programs that look at links before people do would use
// it up, so it takes the button.

import { mdiOpenInNew } from "@mdi/js"
import { copyField } from "../elements/copy-field.js"
import { notice } from "../elements/feedback.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

/** The link itself is what is wrong, so trying again does not help. */
const OVER = [404, 410]

const button = byId("show-login", HTMLButtonElement)
const place = byId("login", HTMLElement)

startPreferences()
button.addEventListener("click", show)

async function show() {
  if (button.getAttribute("aria-disabled")) return
  button.setAttribute("aria-disabled", "true")
  fill(byId("problem", HTMLElement))
  try {
    const access = await request("POST", location.pathname)
    fill(place, ...credentials(access))
    byId("before", HTMLElement).hidden = true
    byId("heading", HTMLElement).focus()
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    showProblem(problem)
  } finally {
    button.removeAttribute("aria-disabled")
  }
}

/** @param {{ login: string, password: string, url: string }} access */
function credentials({ login, password, url }) {
  return [
    notice("caution", t("access.once"), h("p", {}, t("access.keep"))),
    copyField(t("access.login"), login),
    copyField(t("access.password"), password),
    h(
      "a",
      { class: "button button-primary button-large", href: url, id: "open-system", target: "_blank", rel: "noopener" },
      t("access.open"),
      icon(mdiOpenInNew),
    ),
    h("p", { class: "hint wrap-anywhere" }, url.replace(/^https?:\/\//, "")),
  ]
}

/** @param {ApiProblem} problem */
function showProblem(problem) {
  const over = OVER.includes(problem.status)
  byId("before", HTMLElement).hidden = over
  const title = over ? label("access_over", problem.code, t("access_over.other")) : problem.sentence
  fill(
    byId("problem", HTMLElement),
    notice(over ? "info" : "negative", title, over && h("p", {}, t("access.ask_again"))),
  )
  if (over) byId("heading", HTMLElement).focus()
}
