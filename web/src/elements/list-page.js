// A list with filters, a search field and pages by cursor, whose whole state stands in the URL. The page's template
// has the form #filters (its named fields are the filters), #rows in a table in #list, #list-problem, #waiting, #empty,
// #previous and #next.

import { byId, fill } from "../lib/dom.js"
import { refusedFilters } from "../lib/refused-filters.js"
import { droppedNotice, failedCard } from "./feedback.js"

const TYPING_REST = 250

/** @template Row @typedef {{ data: Row[], next_cursor: string | null, has_more: boolean }} Page */

/** @template Row */
export class ListPage {
  #form = byId("filters", HTMLFormElement)
  #rows = byId("rows", HTMLTableSectionElement)
  #list = byId("list", HTMLElement)
  #problem = byId("list-problem", HTMLElement)
  #waiting = byId("waiting", HTMLElement)
  #previous = byId("previous", HTMLButtonElement)
  #next = byId("next", HTMLButtonElement)
  /** @type {AbortController | undefined} */
  #running
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing
  /** @type {Page<Row> | undefined} */
  #page

  /**
   * @param {{ load: (query: URLSearchParams, signal: AbortSignal) => Promise<Page<Row>>, row: (row: Row) => Node,
   *           empty: (filtered: boolean) => Node }} parts
   */
  constructor(parts) {
    this.parts = parts
    this.#showFilters()
    this.#form.addEventListener("submit", event => {
      event.preventDefault()
      this.#change("push")
    })
    this.#form.addEventListener("change", () => this.#change("push"))
    this.#form.addEventListener("input", event => {
      if (/** @type {HTMLElement} */ (event.target).tagName === "SELECT") return
      clearTimeout(this.#typing)
      this.#typing = setTimeout(() => this.#change("replace"), TYPING_REST)
    })
    this.#next.addEventListener("click", () => {
      if (this.#page?.next_cursor) this.#turn(this.#page.next_cursor, [...trail(), cursor()])
    })
    this.#previous.addEventListener("click", () => this.#turn(trail().at(-1) ?? "", trail().slice(0, -1)))
    addEventListener("popstate", () => {
      this.#showFilters()
      this.reload()
    })
  }

  /** Reads the page that the URL names. @param {Node} [said] stands above it @returns {Promise<void>} */
  async reload(said) {
    this.#running?.abort()
    const controller = new AbortController()
    this.#running = controller
    this.#list.setAttribute("aria-busy", "true")
    try {
      this.#page = await this.parts.load(new URLSearchParams(location.search), controller.signal)
      fill(this.#problem, said)
      this.#draw(this.#page)
    } catch (problem) {
      if (controller.signal.aborted) return
      const refused = refusedFilters(problem, new URLSearchParams(location.search))
      if (refused.length > 0) return this.reload(this.#leaveOut(refused))
      fill(
        this.#problem,
        failedCard(problem, () => this.reload()),
      )
      this.#list.hidden = !this.#page
    }
    this.#waiting.hidden = true
    this.#waiting.removeAttribute("aria-busy")
    this.#list.removeAttribute("aria-busy")
  }

  /** @param {string[]} names */
  #leaveOut(names) {
    const address = new URLSearchParams(location.search)
    const words = droppedNotice(names, address)
    for (const name of names) address.delete(name)
    history.replaceState(history.state, "", location.pathname + (address.size > 0 ? `?${address}` : ""))
    this.#showFilters()
    return words
  }

  clear() {
    for (const control of this.#controls()) control.value = ""
    this.#change("push")
  }

  /** @param {Page<Row>} page */
  #draw(page) {
    this.#list.hidden = false
    fill(this.#rows, ...page.data.map(this.parts.row))
    const nothing = page.data.length === 0
    const scroller = /** @type {HTMLElement} */ (this.#rows.closest(".scroller"))
    scroller.hidden = nothing
    const filtered = this.#controls().some(control => control.value !== "")
    fill(byId("empty", HTMLElement), nothing && this.parts.empty(filtered))
    this.#next.disabled = !page.has_more
    this.#previous.disabled = cursor() === ""
    byId("pager", HTMLElement).hidden = !page.has_more && cursor() === ""
  }

  #controls() {
    return /** @type {(HTMLInputElement | HTMLSelectElement)[]} */ ([...this.#form.elements]).filter(({ name }) => name)
  }

  #showFilters() {
    const address = new URLSearchParams(location.search)
    for (const control of this.#controls()) {
      if (control !== document.activeElement) control.value = address.get(control.name) ?? ""
    }
  }

  /** @param {"push" | "replace"} how */
  #change(how) {
    clearTimeout(this.#typing)
    const address = new URLSearchParams()
    for (const { name, value } of this.#controls()) if (value.trim()) address.set(name, value.trim())
    this.#go(address, how, [])
  }

  /** @param {string} to @param {string[]} before */
  #turn(to, before) {
    const address = new URLSearchParams(location.search)
    if (to) address.set("cursor", to)
    else address.delete("cursor")
    this.#go(address, "push", before)
  }

  /** @param {URLSearchParams} address @param {"push" | "replace"} how @param {string[]} before */
  #go(address, how, before) {
    const query = address.toString()
    const next = location.pathname + (query && `?${query}`)
    if (next === location.pathname + location.search) return
    if (how === "push") history.pushState({ trail: before }, "", next)
    else history.replaceState({ trail: before }, "", next)
    this.reload()
  }
}

const cursor = () => new URLSearchParams(location.search).get("cursor") ?? ""
/** @returns {string[]} */
const trail = () => history.state?.trail ?? []

/**
 * Shows #below-list, what stands below a list, when all has come: the list's height is known only then, and nothing
 * that was already there is pushed about.
 * @param {...Promise<void>} loads of the list and of what stands below it
 */
export async function showWithList(...loads) {
  await Promise.all(loads)
  const below = byId("below-list", HTMLDivElement)
  below.hidden = false
  below.removeAttribute("aria-busy")
}
