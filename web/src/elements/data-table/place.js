// Where a table keeps what it shows: in the page's address, so that every view has a link and Back undoes one decision at a
// time; or, for a small table within a page, nowhere.

/** @typedef {{ search: () => string, trail: () => string[], write: (search: string, how: "push" | "replace", trail: string[]) => void }} Place */

/** @param {() => void} moved Back or Forward led elsewhere @returns {Place} */
export function addressPlace(moved) {
  history.scrollRestoration = "manual"
  addEventListener("popstate", moved)
  addEventListener("pagehide", rememberScroll)
  return {
    search: () => location.search,
    trail: () => history.state?.trail ?? [],
    write(search, how, trail) {
      const address = location.pathname + search + location.hash
      if (how === "push") {
        rememberScroll()
        history.pushState({ trail }, "", address)
      } else {
        history.replaceState({ ...history.state, trail }, "", address)
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
    write(search, _, trail) {
      now = search
      before = trail
    },
  }
}

function rememberScroll() {
  history.replaceState({ ...history.state, scroll: scrollY }, "")
}

export function restoreScroll() {
  if (typeof history.state?.scroll === "number") scrollTo({ top: history.state.scroll, behavior: "instant" })
}
