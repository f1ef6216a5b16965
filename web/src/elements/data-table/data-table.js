// <data-table>: a list of the API as a table, from one declaration: filters and chips, order, columns, pages, actions on
// many, files, paper, keys, and cards on a phone. Its address is its state; the server does all filtering. Each feature is
// a module beside this one; here they are put together, and here rows are loaded and drawn.

import { mdiChevronLeft, mdiChevronRight } from "@mdi/js"
import { fill, h, isFocusable, setText } from "../../lib/dom.js"
import { formatNumber } from "../../lib/format.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { refusals, refusedFilters } from "../../lib/refused-filters.js"
import { staffRequest } from "../../lib/session.js"
import { droppedNotice, emptyCard, failedCard } from "../feedback.js"
import * as address from "./address.js"
import { BulkBar } from "./bulk.js"
import { clearButton, drawChips } from "./chips.js"
import { visibleColumns } from "./columns.js"
import { exportMenu } from "./export-menu.js"
import { ExportOrders, ORDERS } from "./export-order.js"
import { FilterForm } from "./filters.js"
import { connectKeys } from "./keyboard.js"
import { addressPlace, ownPlace } from "./place.js"
import { printAll } from "./print.js"
import { bodyRow, compared, headRow } from "./rows.js"
import { Selection } from "./selection.js"
import { Ticks } from "./ticks.js"
import { ViewMenu } from "./view-menu.js"
import { openingView, stateOf, ViewsMenu } from "./views.js"
import { watchWidth } from "./width.js"

/** @typedef {import("../../lib/dom.js").Child} Child */
/** @typedef {import("./address.js").State} State */
/** @typedef {import("./place.js").How} How */
/** @typedef {[string, string][]} Dropped keys of the address and what they said */
/** @typedef {{ data: any[], next_cursor: string | null, has_more: boolean, total_capped?: { count: number, capped: boolean } }} Page */
/**
 * `heads` says what a column or a filter is called: label("column.tenants", id). `query` turns what the address says into
 * what the API is asked, where the two differ. `list` is the API's name of the list, whose views can be saved and whose
 * long files are ordered. `embedded` is a small table within a page: without an address, filters and files. `lead` stands above it all. `live` is given what to call when something may have changed.
 * @template [Row=any]
 * @typedef {{ path: string, list?: string, title: string, heads: (id: string) => string, columns: import("./rows.js").Column<Row>[],
 *             order: string, none: { title: string, text: string, action?: Child }, lead?: Child,
 *             search?: import("./filters.js").Named, filters?: import("./filters.js").Filter[],
 *             id?: (row: Row) => string, name?: (row: Row) => string,
 *             actions?: (row: Row) => Child, bulk?: import("./bulk.js").Bulk | false, keep?: string[], embedded?: boolean,
 *             query?: (parameters: URLSearchParams) => URLSearchParams, live?: (look: () => void) => void,
 *             drawn?: (rows: Row[]) => void }} Table
 */

const NOTHING_KNOWN = { count: 0, capped: false }
const SKELETON = "card skeleton mt-2 h-96"

export class DataTable extends HTMLElement {
  /** @type {Table} */
  #table = { path: "", title: "", heads: id => id, columns: [], order: "", none: { title: "", text: "" } }
  #state = address.readAddress("", this.#table).state
  #place = ownPlace()
  #selection = new Selection()
  #ticks = new Ticks({ selection: this.#selection, ids: () => this.#ids, changed: () => this.#drawTicks() })
  /** @type {Page | null} */
  #page = null
  /** What that page is of: another state's as long as the newest could not be read. @type {State | undefined} */
  #pageState
  /** Reads again what could not be read. @type {(() => Promise<void>) | undefined} */
  #retry
  /** @type {AbortController | undefined} */
  #running
  /** What the choices of a filter are called that came from the server. @type {Record<string, Record<string, string>>} */
  #loadedWords = {}

  #problem = h("div", { class: "mt-2 empty:hidden" })
  #waiting = h("div", { class: SKELETON, "aria-busy": "true" })
  #head = h("tr")
  #body = h("tbody")
  #grid = h("table", { class: "table table-wide" })
  #region = h("div", { class: "scroller", tabindex: "0", role: "region" })
  #nothing = h("div")
  #list = h("div", { class: "card table-card mt-2", hidden: true }, this.#region, this.#nothing)
  #chips = h("div", { class: "mt-3 flex flex-wrap items-center gap-2 empty:hidden", id: "chips" })
  #count = h("p", { class: "hint numbers", id: "count", role: "status" })
  #showNew = h("button", { type: "button", class: "chip", id: "show-new", hidden: true })
  #back = h("span")
  #previous = h("button", { type: "button", class: "button button-small" }, icon(mdiChevronLeft), this.#back)
  #next = h("button", { type: "button", class: "button button-small" }, t("table.next"), icon(mdiChevronRight))
  #pager = h("div", { class: "screen-only mt-4 flex flex-wrap items-center justify-between gap-3", hidden: true })
  /** @type {HTMLSelectElement | undefined} */
  #limit
  /** @type {FilterForm | undefined} */
  #form
  /** @type {ViewMenu | undefined} */
  #view
  /** @type {ViewsMenu | undefined} */
  #views
  /** @type {BulkBar | undefined} */
  #bulk
  /** @type {ExportOrders | undefined} */
  #orders

  /** The first rows. @param {Table} declared */
  async start(declared) {
    const table = { ...declared, keep: [...(declared.keep ?? []), ORDERS] }
    this.#table = table
    if (!table.embedded) {
      this.#place = addressPlace(() => this.#came(), this.#region)
      this.#orders = this.#ordersOf(table)
    }
    watchWidth(this.#region, this.#grid)
    const view = table.list ? await openingView(table.list, this.#place.search(), table.keep) : null
    const { state, dropped } = view ? opened(view, table) : address.readAddress(this.#place.search(), table)
    this.#become(state)
    // Before anything is drawn, so that it pushes nothing about.
    await this.#orders?.resume()
    this.#build(table)
    this.#drawControls()
    if (this.#place.search().includes("view=") || view || dropped.length > 0) this.#write()
    await this.reload(dropped)
    this.#views?.load().catch(() => {}) // without them the list is whole
    this.#place.restore()
    table.live?.(() => this.look())
    addEventListener("online", () => this.#retry?.())
  }

  /** Another question starts without ticks, whatever leads to it. @param {State} state */
  #become(state) {
    this.#state = state
    this.#selection.ask(questionOf(state))
  }

  /** @param {Table} table */
  #build(table) {
    const named = /** @type {[string, HTMLElement][]} */ ([
      ["list-problem", this.#problem],
      ["rows", this.#body],
      ["list", this.#list],
      ["previous", this.#previous],
      ["next", this.#next],
      ["pager", this.#pager],
    ])
    for (const [name, element] of named) element.id = table.embedded ? `${this.id}-${name}` : name
    fill(this.#grid, h("caption", { class: "sr-only" }, table.title), h("thead", {}, this.#head), this.#body)
    this.#region.setAttribute("aria-label", table.title)
    fill(this.#region, this.#grid)
    const tools = table.embedded ? [] : this.#buildTools(table)
    const bulk = this.#bulk ? [this.#bulk.result, this.#bulk.element] : []
    this.#buildPager(table)
    fill(this, table.lead, ...tools, ...bulk, this.#problem, this.#waiting, this.#list, this.#pager)
    if (!table.embedded)
      connectKeys({ table: this, body: this.#body, filter: () => this.#form?.focus(), clear: () => this.#clear() })
  }

  /** @param {Table} table */
  #buildTools(table) {
    const go = (/** @type {State} */ state, /** @type {How} */ how = "push") => this.go(state, how)
    const parts = { state: () => this.#state, go }
    const filters = (table.filters ?? []).map(filter => ({ ...filter, label: this.#labelOf(filter) }))
    const loaded = (/** @type {Record<string, string>} */ words, /** @type {string} */ name) => {
      this.#loadedWords[name] = words
      this.#drawControls()
    }
    this.#form = new FilterForm({ ...parts, search: table.search, filters, loaded })
    this.#view = new ViewMenu({ ...parts, columns: table.columns, head: table.heads, order: table.order })
    if (table.list) this.#views = new ViewsMenu({ list: table.list, shape: table, state: () => this.#state })
    if (table.bulk)
      this.#bulk = new BulkBar(table.bulk, {
        selection: this.#selection,
        only: () => this.#ticks.only,
        target: () => this.#selection.target(address.filterParameters(this.#state)),
        changed: () => this.#drawTicks(),
        finished: () => this.reload(),
      })
    this.#showNew.addEventListener("click", () => this.reload())
    const orders = /** @type {ExportOrders} */ (this.#orders)
    const files = exportMenu({
      path: table.path,
      parameters: () => this.#exportParameters(),
      print: () => printAll(this.#pathOf, this.#state, rows => this.#drawRows(rows)).finally(() => this.#drawPage()),
      orders,
    })
    orders.home = files.querySelector("button")
    const buttons = h(
      "div",
      { class: "screen-only flex flex-wrap items-center gap-2" },
      this.#showNew,
      this.#views?.element,
      this.#view.element,
      files,
    )
    const bar = "mt-3 flex min-h-9 flex-wrap items-center justify-between gap-x-4 gap-y-2"
    return [this.#form.element, this.#chips, h("div", { class: bar }, this.#count, buttons), orders.element]
  }

  /** @param {Table} table */
  #ordersOf({ list }) {
    const place = this.#place
    const write = (/** @type {string} */ search) => place.write(search, "replace", place.trail())
    return new ExportOrders({ list, search: place.search, write })
  }

  /** @param {Table} table */
  #buildPager({ embedded }) {
    this.#previous.addEventListener("click", () => this.#turn(-1))
    this.#next.addEventListener("click", () => this.#turn(1))
    const buttons = h(
      "nav",
      { class: "ms-auto flex gap-2", "aria-label": t("table.pages") },
      this.#previous,
      this.#next,
    )
    if (embedded) return fill(this.#pager, buttons)
    const sizes = address.PAGE_SIZES.map(size => h("option", {}, size))
    const limit = h("select", { class: "input input-small w-20", id: "limit", autocomplete: "off" }, ...sizes)
    limit.addEventListener("change", () => this.go({ ...this.#state, limit: Number(limit.value), cursor: "" }))
    this.#limit = limit
    const words = h("span", {}, t("table.per_page"))
    return fill(this.#pager, h("label", { class: "flex items-center gap-2 text-sm text-soft" }, words, limit), buttons)
  }

  /** The state as it is shown; a page that has a control of its own draws it by this. */
  get shown() {
    return this.#state
  }

  /** @param {import("./filters.js").Filter} filter */
  #labelOf = ({ name, label }) => label ?? this.#table.heads(name)
  /** @param {any} row @returns {string} */
  #idOf = row => this.#table.id?.(row) ?? row.id
  /** @param {State} state */
  #pathOf = state => {
    const parameters = address.pageParameters(state, this.#table)
    return `${this.#table.path}?${this.#asked(parameters)}`
  }
  /** @param {URLSearchParams} parameters */
  #asked = parameters => this.#table.query?.(parameters) ?? parameters

  /** Shows another state. @param {State} state @param {How} [how] @param {string[]} [trail] */
  go(state, how = "push", trail = []) {
    const before = this.#state
    this.#become(state)
    const search = this.#address
    const isSame = this.#pathOf(before) === this.#pathOf(state)
    const isDecided = how === "submitted" && this.#place.isTyped()
    if (isDecided) this.#place.write(search, how, this.#place.trail())
    else if (search !== this.#place.search())
      this.#place.write(search, isSame ? "replace" : how, isSame ? this.#place.trail() : trail)
    this.#drawControls()
    if (!isSame) return this.reload()
    this.#drawPage()
    return undefined
  }

  /** Sets one filter, as a control of the page's own. @param {string} name @param {string[]} values */
  filter(name, values) {
    this.go(address.withFilter(this.#state, name, values))
  }

  // Ticks took work and would go with the filters: they have a button of their own.
  #clear() {
    if (!address.isFiltered(this.#state) || !this.#selection.isEmpty) return
    const isLost = this.#chips.contains(document.activeElement)
    this.go(address.withoutFilters(this.#state))
    if (isLost) this.#form?.focus()
  }

  #came() {
    const { state, dropped } = address.readAddress(location.search, this.#table)
    this.#become(state)
    this.#form?.forget()
    this.#drawControls()
    if (dropped.length > 0) this.#write()
    this.#orders?.resume()
    this.reload(dropped).then(() => this.#place.restore())
  }

  /** @param {-1 | 1} by */
  #turn(by) {
    const trail = this.#place.trail()
    const cursor = by > 0 ? this.#page?.next_cursor : (trail.at(-1) ?? "")
    if (cursor === null || cursor === undefined) return
    const before = by > 0 ? [...trail, this.#state.cursor] : trail.slice(0, -1)
    this.go({ ...this.#state, cursor }, "push", before)?.then(() => {
      this.#region.scrollTop = 0
      if (!this.#table.embedded) scrollTo({ top: 0, behavior: "instant" })
    })
  }

  /** What is shown, as an address. */
  get #address() {
    return address.writeAddress(this.#state, this.#table, this.#place.search(), this.#views?.hasDefault)
  }

  /** The address says what is shown. */
  #write() {
    this.#place.write(this.#address, "replace", this.#place.trail())
  }

  /**
   * Reads the page again.
   * @param {Dropped} [dropped] what the address said and nobody understands: said above the rows @returns {Promise<void>}
   */
  async reload(dropped = []) {
    this.#running?.abort()
    const controller = new AbortController()
    this.#running = controller
    this.#list.setAttribute("aria-busy", "true")
    if (!this.#isOfQuestion) this.#bulk?.show(NOTHING_KNOWN)
    const state = this.#state
    try {
      const count = this.#table.embedded ? "" : "&count=true"
      const page = await staffRequest("GET", this.#pathOf(state) + count, { signal: controller.signal })
      this.#page = page
      this.#pageState = state
      this.#retry = undefined
      this.#keepFocus(() => {
        fill(this.#problem, said(dropped))
        this.#showNew.hidden = true
        this.#drawPage()
      })
    } catch (failure) {
      if (controller.signal.aborted) return
      const asked = this.#asked(address.pageParameters(state, this.#table))
      const shown = new URLSearchParams(address.writeAddress(state, this.#table, ""))
      const refused = refusedFilters(failure, asked).filter(name => shown.has(name))
      if (refused.length > 0) {
        this.#become(address.without(state, refused))
        this.#write()
        const typed = this.#form?.refuse(refusals(failure, refused)) ?? []
        this.#drawControls()
        const unsaid = refused.filter(name => !typed.includes(name))
        return this.reload([...dropped, ...unsaid.map(name => pair(name, shown.get(name) ?? ""))])
      }
      const retry = () => this.reload(dropped)
      this.#retry = retry
      this.#keepFocus(() => {
        fill(this.#problem, said(dropped), failedCard(failure, retry))
        this.#drawPage()
      })
    } finally {
      // Whatever came of it; of a request that another one followed, the other one says it.
      if (this.#running === controller) {
        this.#waiting.remove()
        this.#list.removeAttribute("aria-busy")
      }
    }
  }

  /**
   * Something may have changed: known rows are brought up to date in place. New ones are only announced where somebody may
   * be reading; a small table within a page takes them in. What could not be read is tried again.
   */
  async look() {
    if (this.#list.getAttribute("aria-busy")) return
    if (this.#retry) return this.#retry()
    if (!this.#page) return
    const path = this.#pathOf(this.#state)
    /** @type {Page | null} */
    const fresh = await staffRequest("GET", path).catch(() => null)
    if (!fresh || path !== this.#pathOf(this.#state) || this.#list.getAttribute("aria-busy")) return
    const { data } = this.#page
    const { changed, unseen } = compared(data, fresh.data, this.#idOf)
    if (unseen > 0 && (data.length === 0 || (this.#table.embedded && this.#state.cursor === ""))) return this.reload()
    for (const [place, row] of changed) {
      data[place] = row
      const element = this.#body.querySelectorAll(":scope > [data-id]")[place]
      if (element && !element.contains(document.activeElement)) element.replaceWith(this.#row(row))
    }
    if (changed.length > 0) this.#table.drawn?.(data)
    this.#showNew.hidden = unseen === 0 || this.#state.cursor !== ""
    setText(this.#showNew, t("table.show_new", { count: unseen }))
  }

  #drawControls() {
    const form = this.#form
    if (this.#limit) this.#limit.value = String(this.#state.limit)
    this.#grid.dataset.density = this.#state.dense ? "compact" : "comfortable"
    if (!form) return
    form.show(this.#state)
    const named = (this.#table.filters ?? []).map(filter => ({
      name: filter.name,
      label: this.#labelOf(filter),
      words: (/** @type {string} */ value) => filter.words?.(value) ?? this.#loadedWords[filter.name]?.[value] ?? value,
    }))
    const go = (/** @type {State} */ state) => {
      this.go(state)
      form.focus()
    }
    fill(this.#chips, ...drawChips(this.#state, named, go))
    this.#view?.draw()
    this.#views?.draw()
  }

  #drawPage() {
    const page = this.#page
    if (!page) return
    this.#drawRows(page.data)
    const isEmpty = page.data.length === 0
    // Rows that are not those that were asked for say so, and nobody knows how many would match.
    const isOther = this.#pathOf(this.#pageState ?? this.#state) !== this.#pathOf(this.#state)
    this.#list.toggleAttribute("data-stale", isOther)
    this.#list.hidden = isEmpty && isOther
    this.#region.hidden = isEmpty
    fill(this.#nothing, isEmpty && this.#emptyCard())
    const total = page.total_capped ?? { count: page.data.length, capped: false }
    const words = this.#isOfQuestion ? countWords(total) : isEmpty ? "" : t("table.stale")
    setText(this.#count, words)
    this.#bulk?.show(this.#isOfQuestion ? total : NOTHING_KNOWN)
    this.#next.disabled = !page.has_more || isOther
    this.#previous.disabled = this.#state.cursor === ""
    // Pages only lead forward: who came by a link has none to go back to.
    const isLost = this.#state.cursor !== "" && this.#place.trail().length === 0
    setText(this.#back, isLost ? t("table.first") : t("table.previous"))
    const isWhole = this.#next.disabled && this.#previous.disabled
    this.#pager.hidden = isWhole && (this.#table.embedded || page.data.length <= address.PAGE_SIZES[0])
    this.#table.drawn?.(page.data)
  }

  /** @param {any[]} rows */
  #drawRows(rows) {
    this.#drawHead()
    fill(this.#body, ...rows.map(row => this.#row(row)))
  }

  /** Whether the rows, and how many they are, answer what is asked now. */
  get #isOfQuestion() {
    return this.#pageState !== undefined && questionOf(this.#pageState) === questionOf(this.#state)
  }

  get #columns() {
    return visibleColumns(this.#table.columns, this.#state.columns)
  }

  #drawHead() {
    const { heads, order, actions } = this.#table
    const focused = this.#head.contains(document.activeElement) ? document.activeElement : null
    const cells = headRow({
      columns: this.#columns,
      head: heads,
      sort: this.#state.sort,
      order,
      go: sort => this.go({ ...this.#state, sort, cursor: "" }),
      box: this.#bulk ? this.#ticks.headBox() : null,
      hasActions: actions !== undefined,
    })
    fill(this.#head, ...cells)
    const again = focused?.id ? `#${focused.id}` : `[data-sort="${focused?.getAttribute("data-sort")}"]`
    if (focused) /** @type {HTMLElement | null} */ (this.#head.querySelector(again))?.focus()
  }

  /** @param {any} row */
  #row(row) {
    const id = this.#idOf(row)
    return bodyRow(row, {
      id,
      columns: this.#columns,
      head: this.#table.heads,
      box: this.#bulk ? this.#ticks.box(id, this.#table.name?.(row) ?? id) : null,
      only: this.#only,
      actions: this.#table.actions,
    })
  }

  /** @type {import("./rows.js").Only} */
  #only = (name, value, shown) => {
    const filter = this.#table.filters?.find(filter => filter.name === name)
    if (!filter || this.#state.filters[name]?.join() === value) return shown
    const title = t("table.only", { filter: this.#labelOf(filter), value: filter.words?.(value) ?? value })
    return h("button", { type: "button", class: "only", title, onclick: () => this.filter(name, [value]) }, shown)
  }

  get #ids() {
    return this.#page?.data.map(this.#idOf) ?? []
  }

  /** Draws, and leaves nobody without a place: what had the focus may be drawn anew, be off, or be gone. @param {() => void} draw */
  #keepFocus(draw) {
    const focused = this.contains(document.activeElement) ? document.activeElement : null
    const id = /** @type {HTMLElement | null | undefined} */ (focused?.closest("tr[data-id]"))?.dataset.id
    draw()
    if (!focused || isFocusable(document.activeElement)) return
    const row = id === undefined ? null : this.#body.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`)
    const pager = focused === this.#previous || focused === this.#next ? [this.#previous, this.#next] : []
    const next = [row?.querySelector(focused.localName), ...pager, this.#region].find(isFocusable)
    if (next) next.focus({ preventScroll: true })
    else this.#form?.focus()
  }

  #drawTicks() {
    this.#ticks.draw(this.#body, this.#head)
    this.#bulk?.draw()
  }

  #exportParameters() {
    const parameters = address.filterParameters(this.#state)
    parameters.set("sort", this.#state.sort || this.#table.order)
    parameters.set("columns", this.#columns.flatMap(({ id, exported }) => exported ?? [id]).join(","))
    return this.#asked(parameters)
  }

  #emptyCard() {
    if (address.isFiltered(this.#state)) {
      const clear = () => {
        this.go(address.withoutFilters(this.#state))
        this.#form?.focus()
      }
      return emptyCard(t("table.no_match"), t("table.no_match_text"), clearButton("button", clear))
    }
    const { title, text, action } = this.#table.none
    return emptyCard(title, text, action)
  }
}

/** @param {import("./views.js").View} view @param {Table} table @returns {{ state: State, dropped: Dropped }} */
function opened(view, table) {
  const gone = [...view.dropped.filters, ...view.dropped.columns]
  return { state: stateOf(view, table), dropped: gone.map(name => pair(name, "")) }
}

/** @type {(name: string, value: string) => [string, string]} */
const pair = (name, value) => [name, value]

/** What narrows the list, to tell one question from another. @param {State} state */
const questionOf = state => address.filterParameters(state).toString()

/** @param {Dropped} dropped */
function said(dropped) {
  const names = dropped.map(([name]) => name)
  return names.length > 0 && droppedNotice(names, new URLSearchParams(dropped))
}

/** @param {{ count: number, capped: boolean }} total */
function countWords({ count, capped }) {
  return capped ? t("table.count_capped", { number: formatNumber(count) }) : t("table.count", { count })
}

customElements.define("data-table", DataTable)
