// Light, dark or as the system says; remembered in this browser.

import { readStored, writeStored } from "./stored.js"

const KEY = "theme"

/** @typedef {"system" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function chosenTheme() {
  const stored = readStored(KEY)
  return stored === "light" || stored === "dark" ? stored : "system"
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  writeStored(KEY, theme === "system" ? null : theme)
  applyTheme(theme)
}

/** @param {Theme} theme */
export function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
