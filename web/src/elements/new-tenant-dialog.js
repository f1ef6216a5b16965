// The dialog in which staff create a tenant that nobody pays for. The server decides what is valid.

import { ApiProblem, request } from "../lib/api.js"
import { countryOptions } from "../lib/countries.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { language, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { clearErrors, showErrors } from "./form-errors.js"
import { SubdomainCheck } from "./subdomain-check.js"

export class NewTenantDialog {
  #dialog = byId("new-tenant-dialog", HTMLDialogElement)
  #form = byId("new-tenant-form", HTMLFormElement)
  #errors = byId("form-errors", HTMLDivElement)
  #button = byId("create-tenant", HTMLButtonElement)
  #prepared = false
  #busy = false
  #keyFor = ""
  #key = ""

  constructor() {
    this.#form.addEventListener("submit", event => this.#submit(event))
    byId("cancel-new-tenant", HTMLButtonElement).addEventListener("click", () => this.#dialog.close())
  }

  async open() {
    this.#dialog.showModal()
    if (this.#prepared) return
    this.#prepared = true
    byId("country", HTMLSelectElement).append(...countryOptions())
    byId("locale", HTMLSelectElement).value = language
    const subdomain = byId("subdomain", HTMLInputElement)
    new SubdomainCheck(
      subdomain,
      byId("subdomain-state", HTMLDivElement),
      byId("subdomain-suggestions", HTMLDivElement),
      () => {},
    )
    await this.#loadPlans()
  }

  async #loadPlans() {
    try {
      /** @type {import("../lib/plans.js").PriceList} */
      const { plans } = await request("GET", "/api/plans")
      fill(byId("plan", HTMLSelectElement), ...plans.map(plan => h("option", { value: plan.id }, plan.name)))
    } catch (problem) {
      this.#prepared = false
      if (problem instanceof ApiProblem) showErrors(this.#errors, this.#form, problem)
    }
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault()
    if (this.#busy) return
    clearErrors(this.#errors, this.#form)
    this.#setBusy(true)
    const body = Object.fromEntries([...new FormData(this.#form)].map(([name, value]) => [name, String(value).trim()]))
    try {
      const headers = { "Idempotency-Key": this.#keyOf(body) }
      const tenant = await staffRequest("POST", "/api/tenants", { body, headers })
      location.assign(`/admin/tenants/${tenant.id}`)
    } catch (problem) {
      this.#setBusy(false)
      if (!(problem instanceof ApiProblem)) throw problem
      if (problem.code === "subdomain_taken") problem.errors = [{ pointer: "/subdomain", code: "taken" }]
      showErrors(this.#errors, this.#form, problem)
    }
  }

  // The same details sent twice are one tenant; changed details are another request.
  /** @param {Record<string, string>} body */
  #keyOf(body) {
    const keyFor = JSON.stringify(body)
    if (keyFor !== this.#keyFor) {
      this.#keyFor = keyFor
      this.#key = crypto.randomUUID()
    }
    return this.#key
  }

  /** @param {boolean} now */
  #setBusy(now) {
    this.#busy = now
    if (now) this.#button.setAttribute("aria-disabled", "true")
    else this.#button.removeAttribute("aria-disabled")
    setText(this.#button, now ? t("new_tenant.creating") : t("new_tenant.create"))
  }
}
