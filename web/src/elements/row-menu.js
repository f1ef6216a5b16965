// The menu behind the three dots of a row: links and buttons in a popover that Esc and a click elsewhere close.

import { mdiDotsVertical } from "@mdi/js"
import { h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"

const GAP = 6
let count = 0

/** @typedef {{ text: string, href?: string, onclick?: () => void, danger?: boolean }} MenuEntry */

/** @param {string} title names the row: "Actions for acme" @param {(MenuEntry | false | null)[]} entries */
export function rowMenu(title, entries) {
  count += 1
  const id = `row-menu-${count}`
  const button = h(
    "button",
    {
      type: "button",
      class: "button button-quiet button-small button-square",
      popovertarget: id,
      "aria-label": title,
    },
    icon(mdiDotsVertical),
  )
  const panel = h(
    "ul",
    { class: "menu-panel", id, popover: true, "aria-label": title },
    ...entries
      .filter(entry => !!entry)
      .map(entry =>
        h(
          "li",
          {},
          item(entry, () => panel.hidePopover()),
        ),
      ),
  )
  const hide = () => panel.hidePopover()
  panel.addEventListener("toggle", event => {
    const open = /** @type {ToggleEvent} */ (event).newState === "open"
    if (open) place(panel, button)
    if (open) addEventListener("scroll", hide, { capture: true, once: true })
    else removeEventListener("scroll", hide, { capture: true })
  })
  return h("span", { class: "inline-flex" }, button, panel)
}

/** @param {MenuEntry} entry @param {() => void} close */
function item({ text, href, onclick, danger }, close) {
  const classes = danger ? "menu-item text-negative" : "menu-item"
  if (href) return h("a", { class: classes, href }, text)
  const act = () => {
    close()
    onclick?.()
  }
  return h("button", { type: "button", class: classes, onclick: act }, text)
}

// Under the button with the right edges in line; above it where there is no room below.
/** @param {HTMLElement} panel @param {HTMLElement} button */
function place(panel, button) {
  const box = button.getBoundingClientRect()
  const below = box.bottom + GAP
  const fits = below + panel.offsetHeight <= innerHeight
  panel.style.top = `${fits ? below : Math.max(GAP, box.top - GAP - panel.offsetHeight)}px`
  panel.style.left = `${Math.max(16, box.right - panel.offsetWidth)}px`
}
