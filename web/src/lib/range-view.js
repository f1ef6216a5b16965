// What a range picker has chosen, in the address and for the API. Words stay words: a link to "this month" is that month
// whenever it is followed, and the server resolves it.

import { refusedFilters } from "./refused-filters.js"

/** @typedef {{ range: string, from: string, to: string, granularity: string, compare: string, currency: string }} View empty: not chosen */

/** Before it there are no days for the server. */
export const FIRST_DAY = "2000-01-01"

const NAMES = /** @type {(keyof View)[]} */ (["range", "from", "to", "granularity", "compare", "currency"])

const KEYS = new Map([
  ["d", "today"],
  ["w", "this_week"],
  ["m", "this_month"],
  ["y", "this_year"],
])

/** @param {URLSearchParams} parameters @returns {View} */
export function readView(parameters) {
  const view = { range: "", from: "", to: "", granularity: "", compare: "", currency: "" }
  for (const name of NAMES) view[name] = parameters.get(name) ?? ""
  return view
}

/** The address with what was chosen and nothing else of it; other parameters stay. @param {URL} address @param {View} view */
export function written(address, view) {
  for (const name of NAMES) {
    if (view[name]) address.searchParams.set(name, view[name])
    else address.searchParams.delete(name)
  }
  return address
}

/** @param {View} view */
export function apiQuery(view) {
  return new URLSearchParams(NAMES.flatMap(name => (view[name] ? [[name, view[name]]] : [])))
}

/** What is wrong with two days as they were typed. @param {string} from @param {string} to @returns {{ name: "from" | "to", code: string } | null} */
export function faultOfDays(from, to) {
  if (!from) return { name: "from", code: "required" }
  if (from < FIRST_DAY) return { name: "from", code: "not_a_day" }
  if (!to) return { name: "to", code: "required" }
  return to < from ? { name: "to", code: "ends_before" } : null
}

/** What of a view the server does not take; one day without the other is no range. @param {unknown} problem @param {View} view */
export function refusedParts(problem, view) {
  const asked = new URLSearchParams(view)
  const refused = refusedFilters(problem, asked)
  const names = refused.some(name => name === "from" || name === "to") ? [...refused, "from", "to"] : refused
  return NAMES.filter(name => view[name] && names.includes(name))
}

/** What a key asks for: another view, a step, or nothing. @param {string} key @param {View} view @returns {Partial<View> | "earlier" | "later" | null} */
export function answerTo(key, view) {
  const word = KEYS.get(key)
  if (word) return { range: word, from: "", to: "", granularity: "" }
  if (key === "[") return "earlier"
  if (key === "]") return "later"
  if (key === "c") return { compare: view.compare ? "" : "previous_period" }
  return null
}
