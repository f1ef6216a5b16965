// The small (i) beside a number: what it means, in one sentence, with the id of its definition.

import { mdiInformationOutline } from "@mdi/js"
import { h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

let count = 0

/** @param {string} name a key under "definition." @param {string} title what the number is called */
export function definition(name, title) {
  count += 1
  const id = `definition-${count}`
  const button = h(
    "button",
    { type: "button", class: "definition-button", popovertarget: id, "aria-label": t("definition_button", { title }) },
    icon(mdiInformationOutline),
  )
  const text = h("div", { class: "definition-text", id, popover: true }, label("definition", name))
  text.addEventListener("beforetoggle", () => placeBelow(text, button))
  return h("span", { class: "definition" }, button, text)
}

/** @param {HTMLElement} panel @param {HTMLElement} anchor */
function placeBelow(panel, anchor) {
  const box = anchor.getBoundingClientRect()
  const width = Math.min(320, innerWidth - 32)
  panel.style.top = `${box.bottom + 6}px`
  panel.style.left = `${Math.max(16, Math.min(box.left, innerWidth - width - 16))}px`
}
