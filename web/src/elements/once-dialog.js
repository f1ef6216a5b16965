// Something that is shown once. The dialog ends by one button only, with which somebody says that it is kept: not by
// Escape, not by the back gesture, and leaving the page is asked about.

import { h } from "../lib/dom.js"

/** @typedef {import("../lib/dom.js").Child} Child */

let dialogs = 0

/**
 * @param {{ title: string, lead: string, content: Child[], actions?: Child[], kept: string }} parts
 * @returns {Promise<void>} when it is kept
 */
export function showOnce({ title, lead, content, actions = [], kept }) {
  dialogs += 1
  const id = `once-${dialogs}`
  const button = h("button", { type: "button", class: "button button-primary", "data-action": true }, kept)
  const dialog = h(
    "dialog",
    { class: "dialog", closedby: "none", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-lead` },
    h(
      "div",
      { class: "grid gap-5 p-6" },
      h(
        "div",
        {},
        h("h2", { class: "text-xl", id: `${id}-title` }, title),
        h("p", { class: "mt-1 text-soft", id: `${id}-lead` }, lead),
      ),
      ...content,
      h(
        "div",
        { class: "flex flex-wrap gap-2 border-t border-line pt-5" },
        ...actions,
        h("span", { class: "me-auto" }),
        button,
      ),
    ),
  )
  /** @param {Event} event */
  const stay = event => event.preventDefault()
  addEventListener("beforeunload", stay)
  dialog.addEventListener("cancel", stay)
  document.body.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    let isKept = false
    // A second Escape in a row closes a dialog without asking it.
    dialog.addEventListener("close", () => {
      if (!isKept) return dialog.showModal()
      removeEventListener("beforeunload", stay)
      dialog.remove()
      resolve()
    })
    button.addEventListener("click", () => {
      isKept = true
      dialog.close()
    })
  })
}
