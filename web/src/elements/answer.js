// What came of a press stands beside what was pressed: in its card or section, or below its row of a table. There is one
// place for it, #done, which waits where the page has it, for what belongs to nothing else.

import { byId, fill, h } from "../lib/dom.js"

/** @typedef {(words: HTMLElement) => void} Say */

/** @type {{ place: HTMLElement, home: Comment, classes: string } | undefined} */
let known

/** Takes back what was said last; the place is where the page has it. */
export function sayNothing() {
  if (!known) {
    const place = byId("done", HTMLElement)
    known = { place, home: document.createComment(""), classes: place.className }
    place.before(known.home)
  }
  const { place, home, classes } = known
  place.closest(".answer-row")?.remove()
  fill(place)
  place.className = classes
  home.after(place)
  return place
}

/** Says it where the page has its place for it. @type {Say} */
export const sayOnPage = words => fill(sayNothing(), words)

/**
 * Keeps in mind where `near` is, for what is said later: its card and its row may be drawn anew meanwhile, or be gone.
 * @param {Element | string} near an element, or the id of a row @returns {Say}
 */
export function beside(near) {
  const from = typeof near === "string" ? document.querySelector(`tr[data-id="${CSS.escape(near)}"]`) : near
  const row = /** @type {HTMLTableRowElement | null} */ (from?.closest("tr[data-id]"))
  const body = row?.closest("tbody")
  const id = row?.dataset.id ?? ""
  const index = row?.sectionRowIndex ?? 0
  const card = from?.closest(".card") ?? from?.closest("section")
  return words => {
    const place = sayNothing()
    const now = (card?.id && document.getElementById(card.id)) || card
    if (body?.checkVisibility()) putBelow(body, id, index, place)
    else if (from && now?.checkVisibility()) putInto(now, from, place)
    fill(place, words)
    // Whoever does not see it is led to it; what had the focus may be gone.
    words.tabIndex = -1
    words.focus()
  }
}

/** @param {HTMLTableSectionElement} body @param {string} id @param {number} index where its row was @param {HTMLElement} place */
function putBelow(body, id, index, place) {
  const rows = [...body.rows]
  const row = rows.find(one => one.dataset.id === id)
  place.className = ""
  const answer = h("tr", { class: "answer-row" }, h("td", { colspan: rows[0]?.cells.length ?? 1 }, place))
  if (row) row.after(answer)
  else body.insertBefore(answer, rows[index] ?? null)
}

/** @param {Element} card @param {Element} from @param {HTMLElement} place */
function putInto(card, from, place) {
  const head = card.querySelector(":scope > .card-head")
  const above = head ?? [...card.children].find(child => child.contains(from))
  place.className = head ? "px-4.5 pt-3" : "mt-3"
  if (above) above.after(place)
  else card.prepend(place)
}
