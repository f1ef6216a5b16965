// What every page starts with: it runs, so nobody is told that it does not; its language links, theme choices and the switch
// of its keys work.

import { language } from "../lib/messages.js"
import { chooseShortcuts, shortcutsAreOn } from "../lib/shortcuts.js"
import { chooseTheme, chosenTheme } from "../lib/theme.js"

export function startPreferences() {
  document.getElementById("not-started")?.remove()
  for (const link of document.querySelectorAll("a[data-language]"))
    keepParameters(/** @type {HTMLAnchorElement} */ (link))
  for (const radio of document.querySelectorAll("input[data-theme-choice]"))
    connectTheme(/** @type {HTMLInputElement} */ (radio))
  for (const box of document.querySelectorAll("input[data-shortcuts-choice]"))
    connectShortcuts(/** @type {HTMLInputElement} */ (box))
  for (const menu of document.querySelectorAll(".menu")) closeWhenLeft(/** @type {HTMLDetailsElement} */ (menu))
}

// The link names the page as it is at the moment of the click: filters and deep links survive the change of language.
/** @param {HTMLAnchorElement} link */
function keepParameters(link) {
  const refresh = () => {
    const address = new URL(location.href)
    address.searchParams.set("lang", link.dataset.language ?? "en")
    link.href = address.pathname + address.search + address.hash
  }
  refresh()
  if (link.dataset.language === language) link.setAttribute("aria-current", "true")
  link.addEventListener("pointerdown", refresh)
  link.addEventListener("focus", refresh)
}

/** @param {HTMLInputElement} radio */
function connectTheme(radio) {
  radio.checked = radio.value === chosenTheme()
  radio.addEventListener("change", () => chooseTheme(/** @type {import("../lib/theme.js").Theme} */ (radio.value)))
}

/** @param {HTMLInputElement} box */
function connectShortcuts(box) {
  box.checked = shortcutsAreOn()
  box.addEventListener("change", () => chooseShortcuts(box.checked))
}

/** @param {HTMLDetailsElement} menu */
function closeWhenLeft(menu) {
  const close = () => {
    menu.open = false
  }
  document.addEventListener("pointerdown", event => {
    if (!menu.contains(/** @type {Node} */ (event.target))) close()
  })
  menu.addEventListener("focusout", event => {
    if (event.relatedTarget && !menu.contains(/** @type {Node} */ (event.relatedTarget))) close()
  })
  menu.addEventListener("keydown", event => {
    if (event.key !== "Escape" || !menu.open) return
    event.stopPropagation()
    close()
    menu.querySelector("summary")?.focus()
  })
}
