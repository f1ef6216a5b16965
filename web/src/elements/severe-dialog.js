// The dialog before something severe: every consequence is ticked, the name is typed, and the server
// asks once more who one is.

import { ApiProblem } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { field, formDialog } from "./form-dialog.js"

/**
 * @param {{ title: string, name: string, consequences: string[], action: string, lead?: string, fields?: import("../lib/dom.js").Child[],
 *           submit: (form: HTMLFormElement) => Promise<unknown> }} parts `name` is what has to be typed; `lead` where the whole can be taken back after all
 */
export function severeDialog({ title, name, consequences, action, lead = t("severe.lead"), fields = [], submit }) {
  const typed = h("input", {
    class: "input",
    name: "confirm",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  })
  return formDialog({
    title,
    danger: true,
    lead,
    action,
    fields: [
      h("div", { class: "grid gap-2.5" }, ...consequences.map(consequence)),
      ...fields,
      field(t("severe.type", { name }), typed),
    ],
    submit: form => {
      const problem = unconfirmed(form, name)
      return problem ? Promise.reject(problem) : submit(form)
    },
  })
}

/** @param {string} text @param {number} index */
function consequence(text, index) {
  const name = `consequence-${index}`
  const id = `severe-${name}`
  return h(
    "div",
    {},
    h(
      "label",
      { class: "flex gap-2.5", for: id },
      h("input", { type: "checkbox", class: "mt-0.5 size-6 flex-none", id, name }),
      h("span", {}, text),
    ),
    h("p", { class: "field-error", id: `${id}-error` }),
  )
}

/** What is not ticked or typed yet, said as the server would say it. @param {HTMLFormElement} form @param {string} name */
function unconfirmed(form, name) {
  const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[type=checkbox]")])
  const errors = boxes
    .filter(box => box.name.startsWith("consequence-") && !box.checked)
    .map(box => ({ pointer: `/${box.name}`, code: "not_ticked" }))
  const typed = /** @type {HTMLInputElement} */ (form.elements.namedItem("confirm"))
  if (typed.value.trim() !== name) errors.push({ pointer: "/confirm", code: "not_confirmed" })
  return errors.length > 0 ? new ApiProblem(422, { code: "validation_failed", errors }) : null
}
