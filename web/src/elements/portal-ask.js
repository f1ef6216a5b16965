// Asking for the link to the customer's page: by email address, or for the owner of a tenant. The answer is the same whether
// anybody is known there.

import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, inPlaces, typed } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { notice } from "./feedback.js"
import { clearErrors, showErrors } from "./form-errors.js"

/** @param {boolean} mailed whether this installation sends email */
export const linkSent = mailed =>
  mailed
    ? notice("positive", t("portal.sent"), h("p", {}, t("portal.sent_detail")))
    : notice("info", t("portal.kept"), h("p", {}, t("portal.kept_detail")))

/** @param {string | null} tenant whose owner is meant; none: whoever has the address that is typed */
export function showAsking(tenant) {
  const form = byId("ask-form", HTMLFormElement)
  const errors = byId("ask-errors", HTMLDivElement)
  const button = byId("ask-send", HTMLButtonElement)
  byId("ask", HTMLElement).hidden = false
  if (tenant) {
    fill(byId("ask-lead", HTMLElement), ...inPlaces(t("portal.ask_tenant"), { name: typed(tenant) }))
    byId("ask-email-field", HTMLElement).hidden = true
  }
  form.addEventListener("submit", async event => {
    event.preventDefault()
    if (button.getAttribute("aria-disabled")) return
    button.setAttribute("aria-disabled", "true")
    clearErrors(errors, form)
    const email = byId("ask-email", HTMLInputElement).value.trim()
    try {
      const { mailed } = await request("POST", "/api/portal/links", {
        body: tenant ? { subdomain: tenant } : { email },
      })
      form.hidden = true
      fill(byId("ask-done", HTMLElement), linkSent(mailed))
      byId("ask-heading", HTMLElement).focus()
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      showErrors(errors, form, problem)
    } finally {
      button.removeAttribute("aria-disabled")
    }
  })
}
