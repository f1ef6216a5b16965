// The menu behind the three dots of a row: links and buttons in a popover that Esc and a click elsewhere close. The arrows
// go from one to the next.

import { mdiDotsVertical } from "@mdi/js"
import { h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"

const GAP = 6
let count = 0

/** @typedef {{ text: string, href?: string, onclick?: () => void, danger?: boolean }} MenuEntry */

/** @param {string} title names the row: "Actions for acme" @param {(MenuEntry | false | null)[]} entries */
export function rowMenu(title, entries) {
  const panel = h("ul", { class: "menu-panel", "aria-label": title })
  panel.append(...entries.filter(entry => !!entry).map(entry => h("li", {}, menuItem(entry, panel))))
  panel.addEventListener("keydown", event => {
    const items = /** @type {HTMLElement[]} */ ([...panel.querySelectorAll(".menu-item")])
    const next = neighbour(items, items.indexOf(/** @type {HTMLElement} */ (document.activeElement)), event.key)
    if (!next) return
    event.preventDefault()
    next.focus()
  })
  return popover(panel, "button button-quiet button-small button-square", [icon(mdiDotsVertical)], title)
}

/**
 * Where a key leads from the item at a place; from the last one to the first, and the other way round.
 * @template Item
 * @param {Item[]} items @param {number} at @param {string} key @returns {Item | undefined}
 */
export function neighbour(items, at, key) {
  const from = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[key]
  return from === undefined ? undefined : items.at(from === items.length ? 0 : from)
}

/** A button that opens a panel. @param {HTMLElement} panel @param {string} classes @param {Node[] | (Node | string)[]} content @param {string} [title] where the content has no words */
export function popover(panel, classes, content, title) {
  count += 1
  panel.id = `row-menu-${count}`
  panel.popover = "auto"
  const properties = { type: "button", class: classes, popovertarget: panel.id, "aria-label": title }
  const button = h("button", properties, ...content)
  const hide = (/** @type {Event} */ event) => {
    if (!panel.contains(/** @type {Node} */ (event.target))) panel.hidePopover()
  }
  panel.addEventListener("toggle", event => {
    const open = /** @type {ToggleEvent} */ (event).newState === "open"
    if (open) place(panel, button)
    if (open) addEventListener("scroll", hide, { capture: true })
    else removeEventListener("scroll", hide, { capture: true })
  })
  return h("span", { class: "inline-flex" }, button, panel)
}

/** @param {MenuEntry} entry @param {HTMLElement} panel it closes */
export function menuItem({ text, href, onclick, danger }, panel) {
  const classes = danger ? "menu-item text-negative" : "menu-item"
  if (href) return h("a", { class: classes, href }, text)
  const act = () => {
    panel.hidePopover()
    onclick?.()
  }
  return h("button", { type: "button", class: classes, onclick: act }, text)
}

// Under the button with the right edges in line; above it where there is no room below, else at the end of the window.
/** @param {HTMLElement} panel @param {HTMLElement} button */
function place(panel, button) {
  const box = button.getBoundingClientRect()
  const height = panel.offsetHeight
  const below = box.bottom + GAP
  const above = box.top - GAP - height
  const top = below + height <= innerHeight ? below : above >= GAP ? above : innerHeight - height - GAP
  panel.style.top = `${Math.max(GAP, top)}px`
  panel.style.left = `${Math.max(16, box.right - panel.offsetWidth)}px`
}
