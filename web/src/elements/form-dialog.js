// A form in a dialog: opened, checked by the server, closed when it is done. Nothing typed is lost by a refusal.

import { ApiProblem } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { clearErrors, showErrors } from "./form-errors.js"
import { NotConfirmed } from "./step-up.js"

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {import("../lib/dom.js").Properties} Properties */

let dialogs = 0

/**
 * @param {{ title: string, lead?: Child | Child[], fields: Child[], action: string, back?: string, danger?: boolean, before?: Child[],
 *           submit: (form: HTMLFormElement) => Promise<unknown> }} parts `submit` throws an ApiProblem to keep it open
 * @returns {Promise<boolean>} whether it was done
 */
export function formDialog({
  title,
  lead,
  fields,
  action,
  back = t("dialog.cancel"),
  danger = false,
  before = [],
  submit,
}) {
  dialogs += 1
  const id = `dialog-title-${dialogs}`
  const errors = h("div", { class: "empty:hidden" })
  const button = h(
    "button",
    { type: "submit", class: `button ${danger ? "button-danger" : "button-primary"}`, "data-action": true },
    action,
  )
  const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, back)
  const form = h(
    "form",
    { class: "grid gap-5 p-6", novalidate: true },
    h("div", {}, h("h2", { class: "text-xl", id }, title), lead && h("div", { class: "mt-1 text-soft" }, lead)),
    errors,
    ...fields,
    h(
      "div",
      { class: "flex flex-wrap justify-end gap-2 border-t border-line pt-5" },
      ...before,
      before.length > 0 && h("span", { class: "me-auto" }),
      cancel,
      button,
    ),
  )
  const dialog = h("dialog", { class: "dialog", role: danger && "alertdialog", "aria-labelledby": id }, form)
  document.body.append(dialog)
  return new Promise((resolve, reject) => {
    let done = false
    form.addEventListener("submit", async event => {
      event.preventDefault()
      if (button.getAttribute("aria-disabled")) return
      clearErrors(errors, form)
      button.setAttribute("aria-disabled", "true")
      try {
        await submit(form)
        done = true
        dialog.close()
      } catch (problem) {
        if (problem instanceof ApiProblem) showErrors(errors, form, problem)
        else if (!(problem instanceof NotConfirmed)) reject(problem)
      } finally {
        button.removeAttribute("aria-disabled")
      }
    })
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(done)
    })
    dialog.showModal()
    // Where something is lost, the safe button has the focus.
    if (danger) cancel.focus()
  })
}

/** What a control for a member of a request says of itself. @param {string} operation @param {string} member @param {Properties} more */
function attributes(operation, member, more) {
  const { values, many, ...bounds } = rule(operation, member)
  return { class: "input", autocomplete: "off", ...bounds, ...more }
}

/** @param {string} operation "POST /api/views" @param {string} member @param {Properties} [more] */
export const inputFor = (operation, member, more = {}) => h("input", attributes(operation, member, more))

/** @param {string} operation @param {string} member @param {Properties} more @param {string} [text] */
export const textareaFor = (operation, member, more, text) => h("textarea", attributes(operation, member, more), text)

/**
 * A choice of what the API takes, or of some `values`.
 * @template {string | number} [Value=string]
 * @param {string} operation @param {string} member @param {(value: Value) => string} words
 * @param {{ values?: Value[], chosen?: Value }} [choice]
 */
export function selectFor(operation, member, words, { values, chosen } = {}) {
  const { name, required, values: all } = rule(operation, member)
  const options = values ?? /** @type {Value[]} */ (all ?? [])
  return h(
    "select",
    { class: "input", name, required, autocomplete: "off" },
    ...options.map(value => h("option", { value, selected: value === chosen }, words(value))),
  )
}

/** What was typed and chosen, by name. @param {HTMLFormElement} form @returns {Record<string, string>} */
export const values = form =>
  Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]))

/** A labelled control with the place of its problem. @param {string} text @param {HTMLElement} control @param {...Child} hint */
export function field(text, control, ...hint) {
  const name = /** @type {HTMLInputElement} */ (control).name
  control.id ||= `field-${dialogs}-${name}`
  return h(
    "div",
    { class: "field" },
    h("label", { for: control.id }, text),
    control,
    ...hint,
    h("p", { class: "field-error", id: `${control.id}-error` }),
  )
}
