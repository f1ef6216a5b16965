// Asks for the payment link of a stopped tenant; who comes back from paying is thanked. Whether there is something to pay is not said here: anybody can open this
// page, and the mail goes to the tenant's owner.

import { notice } from "../elements/feedback.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const button = byId("send", HTMLButtonElement)
const problem = byId("problem", HTMLElement)

startPreferences()
const name = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
// The same owner's page, for whoever wants more than to pay.
byId("account", HTMLAnchorElement).href = `/portal?tenant=${name}`
button.addEventListener("click", send)
if (new URLSearchParams(location.search).has("paid")) thank()

// For some seconds its own address still says that a payment is outstanding.
function thank() {
  fill(problem, notice("positive", t("pay.thanks"), h("p", {}, t("pay.thanks_detail", { name }))))
  byId("before", HTMLElement).hidden = true
}

async function send() {
  if (button.getAttribute("aria-disabled")) return
  button.setAttribute("aria-disabled", "true")
  fill(problem)
  try {
    const { mailed } = await request("POST", location.pathname)
    fill(
      problem,
      mailed
        ? notice("positive", t("pay.sent"), h("p", {}, t("pay.sent_detail")))
        : notice("info", t("pay.kept"), h("p", {}, t("pay.kept_detail"))),
    )
    byId("before", HTMLElement).hidden = true
    byId("heading", HTMLElement).focus()
  } catch (failure) {
    if (!(failure instanceof ApiProblem)) throw failure
    fill(problem, notice("negative", failure.sentence))
  } finally {
    button.removeAttribute("aria-disabled")
  }
}
