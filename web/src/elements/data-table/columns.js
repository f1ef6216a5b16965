// Which columns are seen, and in which order. Only what differs from the declaration is ever written down, by id: a column
// that comes later stands where the declaration puts it, and one that went away is no trouble. Pure functions.

/** @typedef {{ id: string, hidden?: boolean }} ColumnKey */
/** @typedef {{ order: string[], hidden: string[] }} Arrangement every id, and which of them are not seen */
/** @typedef {{ shown: string[], hidden: string[], moved: string[] }} Differences `moved`: "created_at:subdomain" stands after it */

/** @param {ColumnKey[]} columns @returns {Arrangement} */
export const declared = columns => ({
  order: columns.map(({ id }) => id),
  hidden: columns.filter(({ hidden }) => hidden).map(({ id }) => id),
})

/**
 * What was written down, applied to the columns that there are. The first column heads the row: it stays first and seen.
 * @param {ColumnKey[]} columns @param {Differences} said
 * @returns {{ arrangement: Arrangement, unknown: Record<string, string[]> }} unknown: by key of the address
 */
export function healed(columns, said) {
  const usual = declared(columns)
  const movable = usual.order.slice(1)
  const moves = said.moved.map(text => /** @type {[string, string]} */ (text.split(":", 2)))
  const areKnown = (/** @type {[string, string]} */ [id, after]) => movable.includes(id) && usual.order.includes(after)
  const known = moves.filter(areKnown)
  const order = usual.order.filter(id => !known.some(([moved]) => moved === id))
  for (const [id, after] of known) if (!order.includes(id)) order.splice(order.indexOf(after) + 1, 0, id)
  const hidden = usual.order.filter(
    id => movable.includes(id) && (said.hidden.includes(id) || (usual.hidden.includes(id) && !said.shown.includes(id))),
  )
  /** @type {Record<string, string[]>} */
  const unknown = {
    show: said.shown.filter(id => !movable.includes(id)),
    hide: said.hidden.filter(id => !movable.includes(id)),
    move: said.moved.filter((_, index) => !areKnown(moves[index])),
  }
  for (const key of Object.keys(unknown)) if (unknown[key].length === 0) delete unknown[key]
  return { arrangement: { order, hidden }, unknown }
}

/** What has to be written down. @param {ColumnKey[]} columns @param {Arrangement} arrangement @returns {Differences} */
export function differences(columns, { order, hidden }) {
  const usual = declared(columns)
  const stays = longestInOrder(order.map(id => usual.order.indexOf(id)))
  return {
    shown: usual.hidden.filter(id => !hidden.includes(id)),
    hidden: hidden.filter(id => !usual.hidden.includes(id)),
    moved: order.flatMap((id, index) => (stays.has(index) ? [] : [`${id}:${order[index - 1]}`])),
  }
}

/** Positions of a longest rising run, the first of all among them. @param {number[]} places @returns {Set<number>} */
function longestInOrder(places) {
  /** @type {number[][]} the best run that ends at each position */
  const runs = []
  for (const [index, place] of places.entries()) {
    const before = runs.filter((_, other) => places[other] < place)
    runs.push([...before.reduce((best, run) => (run.length > best.length ? run : best), []), index])
  }
  return new Set(runs.reduce((best, run) => (run.length > best.length ? run : best), []))
}

/** @template {ColumnKey} Column @param {Column[]} columns @param {Arrangement} arrangement @returns {Column[]} those that are seen */
export function visibleColumns(columns, { order, hidden }) {
  const seen = order.filter(id => !hidden.includes(id))
  return seen.flatMap(id => columns.find(column => column.id === id) ?? [])
}

/** One place up or down, among all but the first. @param {Arrangement} arrangement @param {string} id @param {-1 | 1} by @returns {Arrangement} */
export function moved(arrangement, id, by) {
  const order = [...arrangement.order]
  const from = order.indexOf(id)
  const to = from + by
  if (from < 1 || to < 1 || to >= order.length) return arrangement
  order.splice(to, 0, ...order.splice(from, 1))
  return { ...arrangement, order }
}

/** @param {Arrangement} arrangement @param {string} id @param {boolean} isSeen @returns {Arrangement} */
export function seen(arrangement, id, isSeen) {
  const others = arrangement.hidden.filter(other => other !== id)
  return { ...arrangement, hidden: isSeen ? others : [...others, id] }
}
