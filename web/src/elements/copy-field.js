// A text that is there to be copied, with a button that says when it was.

import { h, setText } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const SAID_FOR = 2000
let count = 0

/** @param {string} title @param {string} text */
export function copyField(title, text) {
  count += 1
  const id = `copy-${count}`
  const said = h("span", { class: "sr-only", role: "status" })
  const button = h(
    "button",
    { type: "button", class: "button shrink-0" },
    h("span", {}, t("tenant.copy")),
    h("span", { class: "sr-only" }, ` ${title}`),
  )
  const words = /** @type {HTMLElement} */ (button.firstElementChild)
  const input = h("input", { class: "input printed font-mono", id, value: text, readonly: true, translate: "no" })
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text)
    setText(words, t("tenant.copied"))
    setText(said, t("tenant.copied"))
    setTimeout(() => {
      setText(words, t("tenant.copy"))
      setText(said, "")
    }, SAID_FOR)
  })
  input.addEventListener("focus", () => input.select())
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, title),
    h("div", { class: "flex gap-2" }, input, button, said),
  )
}
