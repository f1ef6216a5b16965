// The keys of a table: j and k go from row to row, x ticks one, f leads to the filters, . opens a row's menu. Enter does
// what the row's link does. None of them while somebody types, while a dialog is open, or where they are switched off.

import { isShortcut } from "../../lib/shortcuts.js"

/** @typedef {{ table: HTMLElement, body: HTMLElement, filter: () => void, clear: () => void }} Parts */

/** @param {Parts} parts */
export function connectKeys({ table, body, filter, clear }) {
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape" || event.defaultPrevented || isOpen()) return
    const at = /** @type {HTMLInputElement} */ (event.target)
    // By it a choice closes, and a field with something in it is emptied.
    const isTaken = at.matches("select") || (at.matches('input:not([type="checkbox"])') && at.value !== "")
    if (!isTaken && (at === document.body || table.contains(at))) clear()
  })
  document.addEventListener("keydown", event => {
    if (!isShortcut(event)) return
    const row = document.activeElement?.closest?.("tr")
    const current = row && body.contains(row) ? row : null
    const act = {
      j: () => focusRow(current ? (current.nextElementSibling ?? current) : body.firstElementChild),
      k: () => focusRow(current ? (current.previousElementSibling ?? current) : body.lastElementChild),
      x: () => /** @type {HTMLElement | null} */ (current?.querySelector('th input[type="checkbox"]'))?.click(),
      ".": () => current && openMenu(current),
      f: filter,
    }[event.key]
    if (!act) return
    event.preventDefault()
    act()
  })
}

// Whoever opens it by a key goes on by keys; closing it gives the focus back to the row.
/** @param {Element} row */
function openMenu(row) {
  const button = /** @type {HTMLElement | null} */ (row.querySelector("[popovertarget]"))
  if (!button) return
  button.click()
  const menu = document.getElementById(button.getAttribute("popovertarget") ?? "")
  const first = /** @type {HTMLElement | null | undefined} */ (menu?.querySelector(".menu-item"))
  // It is not in its place yet, and closes when something scrolls.
  first?.focus({ preventScroll: true })
}

const isOpen = () => document.querySelector("dialog[open], [popover]:popover-open") !== null

// Where a row leads somewhere its link has the focus; else the row itself.
/** @param {Element | null} row */
function focusRow(row) {
  if (!(row instanceof HTMLElement)) return
  const link = /** @type {HTMLElement | null} */ (row.querySelector("th a[href]"))
  if (!link) row.tabIndex = -1
  const target = link ?? row
  target.focus()
}
