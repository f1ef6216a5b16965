// The page behind the link of an invitation: sets a password and leads into the console.

import { notice } from "../elements/feedback.js"
import { clearErrors, showErrors } from "../elements/form-errors.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { roleTitle } from "../lib/team.js"

const path = `/api/invitations/${location.pathname.split("/").at(-1)}`
const form = byId("accept-form", HTMLFormElement)
const errors = byId("form-errors", HTMLDivElement)
const button = byId("accept", HTMLButtonElement)
const password = byId("password", HTMLInputElement)
const showPassword = byId("show-password", HTMLButtonElement)

startPreferences()
form.addEventListener("submit", accept)
showPassword.addEventListener("click", () => {
  const visible = password.type === "text"
  password.type = visible ? "password" : "text"
  showPassword.setAttribute("aria-pressed", String(!visible))
  setText(showPassword, visible ? t("login.show") : t("login.hide"))
})
show()

async function show() {
  try {
    const invited = await request("GET", path)
    const role = roleTitle({ name: invited.role, title: invited.role_title })
    const lead = invited.invited_by_name
      ? t("invitation.lead", { inviter: invited.invited_by_name, role })
      : t("invitation.lead_without", { role })
    setText(
      byId("lead", HTMLElement),
      `${lead} ${t("invitation.until", { time: formatFullDateTime(invited.expires_at) })}`,
    )
    byId("email", HTMLInputElement).value = invited.email
    byId("name", HTMLInputElement).value = invited.name
    form.hidden = false
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    fill(byId("problem", HTMLElement), notice("negative", problem.sentence, h("p", {}, t("invitation.ask_again"))))
  }
  byId("card", HTMLElement).removeAttribute("aria-busy")
}

/** @param {SubmitEvent} event */
async function accept(event) {
  event.preventDefault()
  if (button.getAttribute("aria-disabled")) return
  clearErrors(errors, form)
  button.setAttribute("aria-disabled", "true")
  try {
    const body = { password: password.value, name: byId("name", HTMLInputElement).value.trim() }
    await request("POST", `${path}/accept`, { body })
    location.assign("/admin")
  } catch (problem) {
    button.removeAttribute("aria-disabled")
    if (!(problem instanceof ApiProblem)) throw problem
    showErrors(errors, form, problem)
  }
}
