// Events in the order in which they happened, however they were delivered.

/** @typedef {Record<string, any>} Json one of Stripe's objects */
/** @typedef {{ at: number, type: string, id: string, object: Json }} Snapshot */

/** An id, also where the object stands in its place. @param {any} value @returns {string | null} */
export const idOf = value => (typeof value === "string" ? value : (value?.id ?? null))

/** Objects by id, in an array or in a map, or none. @param {any} objects @returns {Json[]} */
export function listed(objects) {
  if (!objects) return []
  if (objects instanceof Map) return [...objects.values()]
  return Array.isArray(objects) ? objects : Object.values(objects)
}

/** @param {string} a @param {string} b */
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

/** Each once, by `created`. @param {Json[]} events @returns {Json[]} */
export function inOrder(events) {
  const unique = new Map(events.map(event => [event.id, event]))
  return [...unique.values()].sort((a, b) => a.created - b.created || byText(a.id, b.id))
}

/** @param {any} value */
const isObject = value => typeof value === "object" && value !== null && !Array.isArray(value)

/** What is null and what is absent are the same. @param {any} a @param {any} b @returns {boolean} */
function same(a, b) {
  if ((a ?? null) === (b ?? null)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, i) => same(entry, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(key => same(a[key], b[key]))
}

/** @param {Json} object @param {Json} previous @returns {Json} */
function overlaid(object, previous) {
  const before = { ...object }
  for (const [key, value] of Object.entries(previous))
    before[key] = isObject(value) && isObject(object[key]) ? overlaid(object[key], value) : value
  return before
}

/**
 * How an event tells what was before: null when there was nothing, undefined when it does not tell.
 * @param {Json} event
 */
function before(event) {
  if (event.type.endsWith(".created")) return null
  if (event.data.previous_attributes) return event.data.previous_attributes
  return event.type.endsWith(".deleted") ? undefined : {}
}

/**
 * Whether an attribute that stood in `left` can be what the event found. What a nested object had
 * before is told whole or as the part that changed.
 * @param {Json} event @param {string} key @param {Json} left
 */
function follows(event, key, left) {
  const previous = event.data.previous_attributes ?? {}
  const now = event.data.object[key]
  if (!(key in previous)) return same(left[key], now)
  const told = previous[key]
  if (same(left[key], told)) return true
  return isObject(told) && isObject(now) && same(left[key], overlaid(now, told))
}

const impossible = 1000

/**
 * In how much the state that an event found differs from that which the one before it left.
 * @param {Json | undefined} earlier an event, or none yet
 * @param {Json} event
 */
function gap(earlier, event) {
  const found = before(event)
  if (!earlier) return 0
  if (found === null || earlier.type.endsWith(".deleted")) return impossible
  if (found === undefined) return 0
  const left = earlier.data.object
  return Object.keys({ ...event.data.object, ...found, ...left }).filter(key => !follows(event, key, left)).length
}

/** @param {Json} event */
const rank = event => (event.type.endsWith(".created") ? 0 : event.type.endsWith(".deleted") ? 2 : 1)

/** More of them in one second are taken as they come: the ways to order them would be too many. */
const mostInOneSecond = 12

/**
 * The order of the events of one second with the smallest gaps.
 * @param {Json | undefined} earlier @param {Json[]} tied @param {Json | undefined} later
 * @returns {{ order: Json[], gaps: number }}
 */
function chained(earlier, tied, later) {
  const events = [...tied].sort((a, b) => rank(a) - rank(b) || byText(a.id, b.id))
  if (events.length > mostInOneSecond) return { order: events, gaps: 0 }
  const all = (1 << events.length) - 1
  const ends = later && before(later) ? later : undefined
  /** @type {Map<string, { order: Json[], gaps: number }>} */
  const known = new Map()
  /** @param {number} used @param {number} last @returns {{ order: Json[], gaps: number }} */
  const rest = (used, last) => {
    const from = last < 0 ? earlier : events[last]
    if (used === all) return { order: [], gaps: ends ? gap(from, ends) : 0 }
    const name = `${used}/${last}`
    const found = known.get(name)
    if (found) return found
    /** @type {{ order: Json[], gaps: number } | undefined} */
    let best
    events.forEach((event, i) => {
      if (used & (1 << i)) return
      const after = rest(used | (1 << i), i)
      const gaps = after.gaps + gap(from, event)
      if (!best || gaps < best.gaps) best = { order: [event, ...after.order], gaps }
    })
    if (!best) throw new Error("no event is left to be ordered")
    known.set(name, best)
    return best
  }
  return rest(0, -1)
}

/** @param {Json} a @param {Json} b */
const saysTheSame = (a, b) => a.type === b.type && same(a.data, b.data)

/** @param {Json | undefined} earlier @param {Json[]} tied @param {Json | undefined} later @returns {Json[]} */
function untied(earlier, tied, later) {
  const whole = chained(earlier, tied, later)
  if (whole.gaps === 0) return whole.order
  // The same change may have come under two ids.
  const once = tied.filter((event, i) => !tied.slice(0, i).some(other => saysTheSame(event, other)))
  const fewer = chained(earlier, once, later)
  return fewer.gaps < whole.gaps ? fewer.order : whole.order
}

/**
 * The snapshots of each object, by its id; `problem` hears of a state that nobody told of.
 * @param {Json[]} ordered events of one kind of object
 * @param {string[]} watched the attributes whose gaps matter
 * @param {(text: string) => void} problem
 * @returns {Map<string, Snapshot[]>}
 */
export function histories(ordered, watched, problem) {
  /** @type {Map<string, Json[]>} */
  const byObject = new Map()
  for (const event of ordered) {
    const id = event.data.object.id
    const known = byObject.get(id)
    if (known) known.push(event)
    else byObject.set(id, [event])
  }
  /** @type {Map<string, Snapshot[]>} */
  const all = new Map()
  for (const [id, events] of byObject) {
    const chain = chainOf(events)
    tellGaps(chain, watched, problem)
    all.set(
      id,
      chain.map(event => ({ at: event.created, type: event.type, id: event.id, object: event.data.object })),
    )
  }
  return all
}

/** @param {Json[]} events by `created` @returns {Json[]} */
function chainOf(events) {
  /** @type {Json[]} */
  const chain = []
  for (let first = 0; first < events.length; ) {
    let end = first
    while (end < events.length && events[end].created === events[first].created) ++end
    const tied = events.slice(first, end)
    const alone = end < events.length && events[end + 1]?.created !== events[end].created
    if (tied.length === 1) chain.push(...tied)
    else chain.push(...untied(chain.at(-1), tied, alone ? events[end] : undefined))
    first = end
  }
  return chain
}

/** @param {Json[]} chain @param {string[]} watched @param {(text: string) => void} problem */
function tellGaps(chain, watched, problem) {
  chain.forEach((event, i) => {
    if (i === 0 || !before(event)) return
    const left = chain[i - 1].data.object
    const wrong = watched.filter(key => !follows(event, key, left))
    if (wrong.length > 0)
      problem(`${event.id} of ${event.data.object.id} does not follow from ${chain[i - 1].id}: ${wrong.join(", ")}`)
  })
}
