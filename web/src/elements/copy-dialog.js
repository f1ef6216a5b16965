// Asks for the name of a new tenant that is made out of another one or of a backup, and goes there.

import { ApiProblem } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { field, formDialog, inputFor } from "./form-dialog.js"
import { SubdomainCheck } from "./subdomain-check.js"

/**
 * @param {{ title: string, lead: string, action: string, withCompany?: string,
 *           send: (body: { subdomain: string, company?: string }) => Promise<{ id: string }> }} parts
 */
export async function newTenantFrom({ title, lead, action, withCompany, send }) {
  const subdomain = inputFor("POST /api/tenants/{id}/clone", "subdomain", {
    autocapitalize: "none",
    spellcheck: "false",
  })
  const state = h("div", { class: "min-h-7", role: "status" })
  const suggestions = h("div", { class: "flex flex-wrap items-center gap-2 empty:hidden" })
  new SubdomainCheck(subdomain, state, suggestions, () => {})
  const company = inputFor("POST /api/tenants/{id}/clone", "company", { value: withCompany })
  let made = ""
  const done = await formDialog({
    title,
    lead,
    fields: [
      field(t("tenants.subdomain"), subdomain, state, suggestions),
      withCompany !== undefined && field(t("field.company"), company),
    ],
    action,
    submit: async () => {
      try {
        const body = {
          subdomain: subdomain.value.trim().toLowerCase(),
          ...(withCompany !== undefined && { company: company.value.trim() }),
        }
        made = (await send(body)).id
      } catch (problem) {
        if (problem instanceof ApiProblem && problem.code === "subdomain_taken")
          problem.errors = [{ pointer: "/subdomain", code: "taken" }]
        throw problem
      }
    },
  })
  if (done) location.assign(`/admin/tenants/${made}`)
}
