// The customer's VAT numbers: what the tax authority says of each, one more, and taking one off.

import { request } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { field, formDialog, inputFor, values } from "./form-dialog.js"

/** @typedef {{ id: string, type: string, value: string, status: string }} TaxId */

/** @type {Record<string, string>} */
const TONES = { verified: "tone-positive", unverified: "tone-negative", pending: "tone-info" }

/** @param {TaxId[]} all @param {(one: TaxId, button: HTMLElement) => void} remove */
export function taxIds(all, remove) {
  if (all.length === 0) return h("p", { class: "text-soft" }, t("portal.no_tax_id"))
  return h(
    "ul",
    { class: "grid gap-3" },
    ...all.map(one =>
      h(
        "li",
        { class: "flex flex-wrap items-center gap-x-4 gap-y-1" },
        h("span", { class: "numbers font-medium wrap-anywhere", translate: "no" }, one.value),
        h("span", { class: `badge ${TONES[one.status] ?? ""}` }, label("tax_id_status", one.status)),
        h(
          "button",
          {
            type: "button",
            class: "button ms-auto",
            id: `remove-${one.id}`,
            "aria-label": t("portal.tax_id_remove_this", { value: one.value }),
            onclick: (/** @type {Event} */ event) => remove(one, /** @type {HTMLElement} */ (event.currentTarget)),
          },
          t("portal.tax_id_remove"),
        ),
        one.status === "unverified" && h("span", { class: "hint basis-full" }, t("portal.tax_id_unverified")),
      ),
    ),
  )
}

/** @returns {Promise<boolean>} whether one was given */
export function askTaxId() {
  const input = inputFor("POST /api/portal/tax-ids", "value", { autocapitalize: "characters", spellcheck: "false" })
  return formDialog({
    title: t("portal.tax_id_add"),
    lead: t("portal.tax_id_lead"),
    fields: [field(t("portal.tax_id_value"), input, h("p", { class: "hint" }, t("portal.tax_id_hint")))],
    action: t("portal.tax_id_save"),
    submit: form => request("POST", "/api/portal/tax-ids", { body: { value: values(form).value } }),
  })
}
