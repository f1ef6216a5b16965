// Where a table keeps what it shows: in the page's address, so that every view has a link and Back undoes one decision at a
// time; or, for a small table within a page, nowhere.

/**
 * @typedef {"push" | "replace" | "typed" | "submitted"} How "typed" replaces until something is decided: then what was there
 *   before somebody typed is in the history again, and what was typed after it
 * @typedef {{ search: () => string, trail: () => string[], isTyped: () => boolean, restore: () => void,
 *             write: (search: string, how: How, trail: string[]) => void }} Place
 */

/** @param {() => void} moved Back or Forward led elsewhere @param {HTMLElement} box scrolls by itself where rows are wide @returns {Place} */
export function addressPlace(moved, box) {
  const rememberScroll = () =>
    history.replaceState({ ...history.state, scroll: { page: scrollY, box: box.scrollTop } }, "")
  history.scrollRestoration = "manual"
  addEventListener("popstate", moved)
  addEventListener("pagehide", rememberScroll)
  return {
    search: () => location.search,
    trail: () => history.state?.trail ?? [],
    isTyped: () => history.state?.before !== undefined,
    restore() {
      const { scroll } = history.state ?? {}
      if (!scroll) return
      box.scrollTop = scroll.box
      scrollTo({ top: scroll.page, behavior: "instant" })
    },
    write(search, how, trail) {
      const address = location.pathname + search + location.hash
      const now = { address: location.href, trail: history.state?.trail ?? [] }
      const before = history.state?.before
      if (how === "replace") history.replaceState({ ...history.state, trail }, "", address)
      else if (how === "typed") history.replaceState({ trail, before: before ?? now }, "", address)
      else {
        if (before) history.replaceState({ trail: before.trail }, "", before.address)
        rememberScroll()
        if (before && how === "push") history.pushState({ trail: now.trail }, "", now.address)
        history.pushState({ trail }, "", address)
      }
    },
  }
}

/** @returns {Place} */
export function ownPlace() {
  let now = ""
  /** @type {string[]} */
  let before = []
  return {
    search: () => now,
    trail: () => before,
    isTyped: () => false,
    restore() {},
    write(search, _, trail) {
      now = search
      before = trail
    },
  }
}
