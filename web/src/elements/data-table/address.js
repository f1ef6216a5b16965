// What a table shows, as its address says it, and back: filters, order, page, density and columns. Whatever an address
// names that this table does not know is told apart, so that it can be said and left out. Pure functions.

import { differences, healed } from "./columns.js"

export const PAGE_SIZES = [25, 50, 100]
const USUAL_SIZE = 50
/** The view that means the list as it is declared, also for whoever begins it with another. */
export const NO_VIEW = "none"
/** Keys of every page, which are nobody's filters. */
const OTHER_KEYS = ["lang"]

/**
 * @typedef {{ name: string, many?: boolean, values?: string[] }} FilterKey `values` when they are all known beforehand
 * @typedef {{ id: string, sort?: string, hidden?: boolean }} ColumnKey
 * @typedef {{ columns: ColumnKey[], order: string, search?: unknown, filters?: FilterKey[], keep?: string[], list?: string }} Shape
 *   `order` is the list's own; `keep` are keys of the address that belong to the rest of the page; a `list` has views
 * @typedef {{ q: string, filters: Record<string, string[]>, sort: string, limit: number, cursor: string, dense: boolean,
 *             columns: import("./columns.js").Arrangement }} State `sort` is empty for the list's own order
 */

/**
 * @param {string} search "?state=live&sort=-created_at" @param {Shape} shape
 * @returns {{ state: State, dropped: [string, string][] }} dropped: keys and what they said
 */
export function readAddress(search, shape) {
  const address = new URLSearchParams(search)
  /** @type {[string, string][]} */
  const dropped = []
  /** @type {State["filters"]} */
  const filters = {}
  for (const filter of shape.filters ?? []) {
    const said = listOf(address, filter.name, filter.many)
    const known = said.filter(value => !filter.values || filter.values.includes(value))
    if (known.length < said.length) dropped.push([filter.name, address.get(filter.name) ?? ""])
    if (known.length > 0) filters[filter.name] = known
  }
  const sort = address.get("sort") ?? ""
  const sorts = shape.columns.map(column => column.sort)
  const isKnown = sorts.includes(sort.replace(/^-/, "")) || sort === shape.order
  if (sort && !isKnown) dropped.push(["sort", sort])
  const limit = Number(address.get("limit"))
  const columns = healed(shape.columns, {
    shown: listOf(address, "show", true),
    hidden: listOf(address, "hide", true),
    moved: listOf(address, "move", true),
  })
  for (const [key, ids] of Object.entries(columns.unknown)) dropped.push([key, ids.join(",")])
  const known = [...OTHER_KEYS, ...(shape.keep ?? []), ...Object.keys(columns.unknown), "sort", "limit", "cursor"]
  known.push("density", "show", "hide", "move", ...(shape.filters ?? []).map(({ name }) => name))
  if (shape.search) known.push("q")
  if (shape.list && address.get("view") === NO_VIEW) known.push("view")
  for (const [key, value] of address) if (!known.includes(key)) dropped.push([key, value])
  return {
    state: {
      q: shape.search ? (address.get("q") ?? "").trim() : "",
      filters,
      sort: isKnown && sort !== shape.order ? sort : "",
      limit: PAGE_SIZES.includes(limit) ? limit : USUAL_SIZE,
      cursor: address.get("cursor") ?? "",
      dense: address.get("density") === "compact",
      columns: columns.arrangement,
    },
    dropped,
  }
}

/** @param {URLSearchParams} address @param {string} key @param {boolean} [many] */
function listOf(address, key, many) {
  const said = (address.get(key) ?? "").trim()
  return (many ? said.split(",") : [said]).filter(Boolean)
}

/**
 * "?state=live", or nothing; for whoever begins the list with a view, nothing is said as well. Keys that are the page's own
 * stay. @param {State} state @param {Shape} shape @param {string} before @param {boolean} [hasDefault]
 */
export function writeAddress(state, shape, before, hasDefault = false) {
  const address = filterParameters(state)
  if (state.sort) address.set("sort", state.sort)
  if (state.limit !== USUAL_SIZE) address.set("limit", String(state.limit))
  if (state.dense) address.set("density", "compact")
  const { shown, hidden, moved } = differences(shape.columns, state.columns)
  for (const [key, ids] of /** @type {[string, string[]][]} */ ([
    ["show", shown],
    ["hide", hidden],
    ["move", moved],
  ]))
    if (ids.length > 0) address.set(key, ids.join(","))
  if (state.cursor) address.set("cursor", state.cursor)
  const old = new URLSearchParams(before)
  if (address.size === 0 && shape.list && (hasDefault || old.get("view") === NO_VIEW)) address.set("view", NO_VIEW)
  for (const key of shape.keep ?? []) if (old.has(key)) address.set(key, old.get(key) ?? "")
  const search = address.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")
  return search && `?${search}`
}

/** What narrows the list, as the API and the address say it. @param {State} state */
export function filterParameters({ q, filters }) {
  const parameters = new URLSearchParams()
  if (q) parameters.set("q", q)
  for (const [name, values] of Object.entries(filters)) parameters.set(name, values.join(","))
  return parameters
}

/** What the API is asked for a page. @param {State} state @param {Shape} shape */
export function pageParameters(state, { order }) {
  const parameters = filterParameters(state)
  parameters.set("limit", String(state.limit))
  parameters.set("sort", state.sort || order)
  if (state.cursor) parameters.set("cursor", state.cursor)
  return parameters
}

/** @param {State} state */
export const isFiltered = ({ q, filters }) => q !== "" || Object.keys(filters).length > 0

/** One filter set anew, on its first page. @param {State} state @param {string} name @param {string[]} values @returns {State} */
export function withFilter(state, name, values) {
  const { [name]: _, ...others } = state.filters
  return { ...state, filters: values.length > 0 ? { ...others, [name]: values } : others, cursor: "" }
}

/** @param {State} state @returns {State} */
export const withoutFilters = state => ({ ...state, q: "", filters: {}, cursor: "" })

/** Without what the server refused. @param {State} state @param {string[]} names @returns {State} */
export function without(state, names) {
  let left = { ...state }
  for (const name of names) {
    if (name === "q" || name === "sort" || name === "cursor") left = { ...left, [name]: "" }
    else left = withFilter(left, name, [])
  }
  return left
}

/**
 * The order after another click on a head: up, down, then the list's own again. @param {string} sort
 * @param {string} name @param {string} order the list's own
 */
export function nextSort(sort, name, order) {
  const now = sort || order
  if (now.replace(/^-/, "") !== name) return name === order ? "" : name
  const next = now === name ? `-${name}` : now === order ? name : ""
  return next === order ? "" : next
}
