// What the lists about money share: who a row is about, where it is at Stripe, and what an empty list says.

import { byId, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { emptyCard } from "./feedback.js"

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {{ tenant_id: string | null, subdomain: string | null, company: string | null }} About */

/** The row's head: the tenant, and whose it is. @param {About} about @param {Child} [otherwise] where there is no tenant */
export function aboutCell({ tenant_id: tenant, subdomain, company }, otherwise) {
  return h(
    "th",
    { scope: "row", class: "sticky-column" },
    tenant
      ? h(
          "a",
          {
            class: "table-name inline-block py-0.5",
            href: `/admin/tenants/${tenant}`,
            translate: "no",
            title: subdomain,
          },
          subdomain ?? tenant,
        )
      : otherwise,
    company && h("span", { class: "table-name block font-normal text-soft", title: company, translate: "no" }, company),
  )
}

/** @param {string | null} id @param {string | null} url */
export function stripeCell(id, url) {
  const code = h("code", { class: "text-sm", translate: "no" }, id ?? "–")
  const link = url && h("a", { class: "inline-block py-0.5", href: url, target: "_blank", rel: "noopener" }, code)
  return h("td", {}, link || code)
}

/** Every choice of a filter, by its words. @param {string} id @param {[string, string][]} choices value and words */
export function fillFilter(id, choices) {
  byId(id, HTMLSelectElement).append(...choices.map(([value, words]) => h("option", { value }, words)))
}

/** @param {() => void} clear */
export function noMatch(clear) {
  const button = h("button", { type: "button", class: "button", onclick: clear }, t("tenants.clear_all"))
  return emptyCard(t("billing.no_match"), t("billing.no_match_text"), button)
}
