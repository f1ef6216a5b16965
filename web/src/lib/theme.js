// Light, dark or as the system says; remembered in this browser.

const KEY = "theme"

/** @typedef {"system" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function chosenTheme() {
  const stored = readStored()
  return stored === "light" || stored === "dark" ? stored : "system"
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  try {
    if (theme === "system") localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // A browser that refuses storage still shows the theme until the page is left.
  }
  applyTheme(theme)
}

/** @param {Theme} theme */
export function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

function readStored() {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}
