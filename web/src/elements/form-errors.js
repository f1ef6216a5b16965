// What the server found wrong: a summary with links that gets the focus, a sentence at each field, and "Error:" in the title.

import { fieldSentence } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { notice } from "./feedback.js"

/** @typedef {import("../lib/dom.js").Child} Child */

const plainTitle = document.title

/** @param {HTMLElement} place @param {HTMLFormElement} form */
export function clearErrors(place, form) {
  document.title = plainTitle
  fill(place)
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid")
    describe(control, "remove")
  }
  for (const text of form.querySelectorAll(".field-error")) fill(text)
}

/**
 * @param {HTMLElement} place @param {HTMLFormElement} form
 * @param {import("../lib/api.js").ApiProblem} problem @param {...Child} more
 */
export function showErrors(place, form, problem, ...more) {
  clearErrors(place, form)
  document.title = t("form.title_error", { title: plainTitle })
  // Refused as a whole, repaired in one field.
  const isTaken = problem.code === "subdomain_taken"
  const fields = (isTaken ? [{ pointer: "/subdomain", code: "taken" }] : problem.errors)
    .map(error => ({ control: controlAt(form, error.pointer), sentence: fieldSentence(error) }))
    .sort((a, b) => placeIn(form, a.control) - placeIn(form, b.control))
  for (const { control, sentence } of fields) {
    const text = control && document.getElementById(`${control.id}-error`)
    if (!control || !text) continue
    control.setAttribute("aria-invalid", "true")
    describe(control, "add")
    fill(text, sentence)
  }
  const list = fields.map(({ control, sentence }) =>
    h(
      "li",
      {},
      control ? h("a", { href: `#${control.id}`, onclick: focusControl }, `${nameOf(control)}: ${sentence}`) : sentence,
    ),
  )
  const title = fields.length > 0 ? t("form.check", { count: fields.length }) : problem.sentence
  const summary = notice(
    "negative",
    title,
    list.length > 0 && h("ul", { class: "grid gap-1" }, ...list),
    ...more,
    problem.requestId && h("p", { class: "hint" }, t("failed.request_id"), " ", h("code", {}, problem.requestId)),
  )
  summary.setAttribute("role", "alert")
  summary.tabIndex = -1
  fill(place, summary)
  summary.focus()
}

/** @param {HTMLFormElement} form @param {string} pointer "/email", "?plan"; of an item "/days/0", whose list has the control */
function controlAt(form, pointer) {
  const parts = pointer.replace(/^[/?]/, "").split("/")
  // A form shows as one what stands in an object of the request, and a list by one control.
  const name = [parts.join("/"), parts.at(-1) ?? "", parts[0]].find(name => form.elements.namedItem(name)) ?? ""
  const control = form.elements.namedItem(name)
  return control instanceof HTMLElement ? control : null
}

// The summary lists the fields as they stand in the form.
/** @param {HTMLFormElement} form @param {HTMLElement | null} control */
function placeIn(form, control) {
  return control ? [...form.elements].indexOf(control) : form.elements.length
}

/** @param {Element} control @param {"add" | "remove"} change */
function describe(control, change) {
  const ids = new Set((control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean))
  if (change === "add") ids.add(`${control.id}-error`)
  else ids.delete(`${control.id}-error`)
  control.setAttribute("aria-describedby", [...ids].join(" "))
}

/** @param {HTMLElement} control */
function nameOf(control) {
  const title = /** @type {HTMLInputElement} */ (control).labels?.[0] ?? control.querySelector("legend")
  return title?.textContent?.trim() ?? control.id
}

/** @param {Event} event */
function focusControl(event) {
  event.preventDefault()
  const link = /** @type {HTMLAnchorElement} */ (event.currentTarget)
  const control = document.getElementById(link.hash.slice(1))
  const first = control instanceof HTMLFieldSetElement ? control.querySelector("input") : control
  first?.focus()
}
