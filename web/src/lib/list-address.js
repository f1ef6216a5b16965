// The address of a list: filters, sort, page size, density and page, read from the URL and written back to it.
// Typing replaces the entry, everything else adds one, so Back undoes one decision at a time and restores the scroll.

const PAGE_SIZES = [25, 50, 100]
const USUAL_SIZE = 50

/** @typedef {{ q: string, state: string[], plan: string, health: string, sort: string, limit: number, density: string, cursor: string }} ListState */

export const USUAL_SORT = "-created_at"

/** @returns {ListState} */
export function readAddress() {
  const parameters = new URLSearchParams(location.search)
  const limit = Number(parameters.get("limit"))
  return {
    q: parameters.get("q") ?? "",
    state: (parameters.get("state") ?? "").split(",").filter(Boolean),
    plan: parameters.get("plan") ?? "",
    health: parameters.get("health") ?? "",
    sort: parameters.get("sort") ?? USUAL_SORT,
    limit: PAGE_SIZES.includes(limit) ? limit : USUAL_SIZE,
    density: parameters.get("density") === "compact" ? "compact" : "comfortable",
    cursor: parameters.get("cursor") ?? "",
  }
}

/** What the API is asked. @param {ListState} list */
export function apiQuery(list) {
  const parameters = new URLSearchParams({ limit: String(list.limit), sort: list.sort })
  if (list.q) parameters.set("q", list.q)
  if (list.state.length > 0) parameters.set("state", list.state.join(","))
  if (list.plan) parameters.set("plan", list.plan)
  if (list.health) parameters.set("health", list.health)
  if (list.cursor) parameters.set("cursor", list.cursor)
  return parameters
}

/**
 * @param {ListState} list @param {"push" | "replace"} how
 * @param {string[]} [trail] the cursors of the pages before this one
 */
export function writeAddress(list, how, trail = []) {
  const parameters = apiQuery(list)
  if (list.limit === USUAL_SIZE) parameters.delete("limit")
  if (list.sort === USUAL_SORT) parameters.delete("sort")
  if (list.density === "compact") parameters.set("density", "compact")
  const search = parameters.toString().replaceAll("%2C", ",")
  const address = location.pathname + (search ? `?${search}` : "")
  if (how === "push") {
    rememberScroll()
    history.pushState({ trail }, "", address)
  } else {
    history.replaceState({ ...history.state, trail }, "", address)
  }
}

/** @returns {string[]} */
export const trailOfPages = () => history.state?.trail ?? []

export function rememberScroll() {
  history.replaceState({ ...history.state, scroll: scrollY }, "")
}

export function restoreScroll() {
  if (typeof history.state?.scroll === "number") scrollTo({ top: history.state.scroll, behavior: "instant" })
}
