// What the lists about money share: who a row is about, and where it is at Stripe.

import { h } from "../lib/dom.js"

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {{ tenant_id: string | null, subdomain: string | null, company: string | null }} About */

/** The tenant, and whose it is. @param {About} about @param {Child} [otherwise] where there is no tenant */
export function aboutCell({ tenant_id: tenant, subdomain, company }, otherwise) {
  const properties = { class: "table-name inline-block py-0.5", href: `/admin/tenants/${tenant}`, translate: "no" }
  return [
    tenant ? h("a", { ...properties, title: subdomain }, subdomain ?? tenant) : otherwise,
    company && h("span", { class: "table-name block font-normal text-soft", title: company, translate: "no" }, company),
  ]
}

/** @param {string | null} id @param {string | null} url */
export function stripeCell(id, url) {
  const code = id && h("code", { class: "text-sm", translate: "no" }, id)
  return url ? h("a", { class: "inline-block py-0.5", href: url, target: "_blank", rel: "noopener" }, code) : code
}
