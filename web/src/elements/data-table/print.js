// A list on paper, beyond the page that is on the screen: read in pages of the largest size, up to what still is a print-out.

import { staffRequest } from "../../lib/session.js"

const MOST_ROWS = 500
const AT_ONCE = 100

/** @typedef {import("./address.js").State} State */

/** @param {(state: State) => string} pathOf @param {State} state @param {(rows: any[]) => void} draw */
export async function printAll(pathOf, state, draw) {
  /** @type {any[]} */
  const rows = []
  /** @type {string | null} */
  let cursor = ""
  while (cursor !== null && rows.length < MOST_ROWS) {
    const page = await staffRequest("GET", pathOf({ ...state, limit: AT_ONCE, cursor }))
    rows.push(...page.data)
    cursor = page.has_more ? page.next_cursor : null
  }
  draw(rows)
  await new Promise(resolve => {
    addEventListener("afterprint", resolve, { once: true })
    print()
  })
}
