// Keys of one letter. Whoever speaks to the machine, or hits keys by mistake, switches them off (WCAG 2.1.4); remembered in
// this browser.

import { readStored, writeStored } from "./stored.js"

const KEY = "shortcuts"
const OFF = "off"

export const shortcutsAreOn = () => readStored(KEY) !== OFF

/** @param {boolean} on */
export const chooseShortcuts = on => writeStored(KEY, on ? null : OFF)

/** Whether a key is the page's own: not part of what is being written, of an open layer, or of the browser. @param {KeyboardEvent} event */
export function isShortcut(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !shortcutsAreOn()) return false
  const at = /** @type {Element} */ (event.target)
  const field = 'input:not([type="checkbox"]), textarea, select, [contenteditable], dialog, [popover]'
  return !at.closest?.(field) && !document.querySelector("dialog[open], [popover]:popover-open")
}
