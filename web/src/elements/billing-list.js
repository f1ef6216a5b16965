// What the lists about money share: who a row is about, and where it is at Stripe.

import { h } from "../lib/dom.js"
import { invoicePage } from "../lib/invoices.js"
import { t } from "../lib/messages.js"

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {{ tenant_id: string | null, subdomain: string | null, company: string | null }} About */

/** A currency is written as people do, and asked for as the API does. */
export const ofCurrency = {
  example: t("billing_invoices.currency_example"),
  words: (/** @type {string} */ code) => code.toUpperCase(),
  typed: (/** @type {string} */ code) => code.toLowerCase(),
}

/** A name is cut at its own end, whichever way it is read. @param {string} name @param {string} [classes] */
export function nameLine(name, classes = "") {
  return h("span", { class: `table-name block ${classes}`, title: name, translate: "no", dir: "auto" }, name)
}

/** The tenant, and whose it is. @param {About} about @param {Child} [otherwise] where there is no tenant */
export function aboutCell({ tenant_id: tenant, subdomain, company }, otherwise) {
  const properties = { class: "table-name inline-block py-0.5", href: `/admin/tenants/${tenant}`, translate: "no" }
  return [
    tenant ? h("a", { ...properties, title: subdomain }, subdomain ?? tenant) : otherwise,
    company && nameLine(company, "font-normal text-soft"),
  ]
}

/** Where an invoice is read. @param {string} id ours or Stripe's @param {Child} [words] */
export function invoiceLink(id, words = h("code", { class: "text-sm", translate: "no" }, id)) {
  return h("a", { class: "inline-block min-h-6 py-0.5", href: invoicePage(id) }, words)
}

/** @param {string | null} id @param {string | null} url */
export function stripeCell(id, url) {
  const code = id && h("code", { class: "text-sm", translate: "no" }, id)
  return url ? h("a", { class: "inline-block py-0.5", href: url, target: "_blank", rel: "noopener" }, code) : code
}
