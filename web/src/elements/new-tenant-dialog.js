// Asks for what a new tenant needs and goes there: one that nobody pays for, or one made out of another or of a backup.

import { request } from "../lib/api.js"
import { countryOptions } from "../lib/countries.js"
import { h } from "../lib/dom.js"
import { language, languageName, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { field, formDialog, inputFor, selectFor, values } from "./form-dialog.js"
import { SubdomainCheck } from "./subdomain-check.js"
import { planName } from "./tenant-badges.js"

/**
 * @param {{ title: string, lead: string, action: string, fields?: HTMLElement[],
 *           send: (body: Record<string, string>) => Promise<{ id: string }> }} parts
 */
export async function newTenantFrom({ title, lead, action, fields = [], send }) {
  const subdomain = inputFor("POST /api/tenants", "subdomain", { autocapitalize: "none", spellcheck: "false" })
  const state = h("div", { class: "min-h-7", role: "status" })
  const suggestions = h("div", { class: "flex flex-wrap items-center gap-2 empty:hidden" })
  new SubdomainCheck(subdomain, state, suggestions, () => {})
  let made = ""
  const done = await formDialog({
    title,
    lead,
    fields: [...fields, field(t("tenants.subdomain"), subdomain, state, suggestions)],
    action,
    submit: async form => {
      made = (await send({ ...values(form), subdomain: subdomain.value.trim().toLowerCase() })).id
    },
  })
  if (done) location.assign(`/admin/tenants/${made}`)
}

export const companyField = (value = "") =>
  field(t("field.company"), inputFor("POST /api/tenants", "company", { value }))

export async function newTenant() {
  /** @type {import("../lib/plans.js").PriceList} */
  const { plans } = await request("GET", "/api/plans")
  const country = selectFor("POST /api/tenants", "country", () => t("sign_up.choose_country"), { values: [""] })
  country.append(...countryOptions())
  const locale = selectFor("POST /api/tenants", "locale", languageName, { chosen: language })
  const plan = selectFor("POST /api/tenants", "plan", planName, { values: plans.map(({ id }) => id) })
  const keys = new Map()
  await newTenantFrom({
    title: t("new_tenant.title"),
    lead: t("new_tenant.lead"),
    action: t("new_tenant.create"),
    fields: [
      h(
        "div",
        { class: "grid gap-5 sm:grid-cols-2" },
        companyField(),
        field(t("sign_up.name"), inputFor("POST /api/tenants", "name")),
        field(t("field.email"), inputFor("POST /api/tenants", "email")),
        field(t("sign_up.country"), country),
        field(t("new_tenant.locale"), locale),
        field(t("field.plan"), plan),
      ),
    ],
    send: body => {
      // The same details sent twice are one tenant; changed details are another request.
      const details = JSON.stringify(body)
      if (!keys.has(details)) keys.set(details, crypto.randomUUID())
      return staffRequest("POST", "/api/tenants", { body, headers: { "Idempotency-Key": keys.get(details) } })
    },
  })
}
