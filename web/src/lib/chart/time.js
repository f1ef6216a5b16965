// Labels of an axis of time. Periods come from the server by their first day, so no zone is needed to name them; moments
// are placed on round hours and days of the reader's wall clock, also on the days when that clock is changed.

import { locale, t } from "../messages.js"

/** @typedef {"day" | "week" | "month" | "quarter"} Granularity */
/** @typedef {{ text: string, second: string }} Label `second`: what stands below where it changes */
/** @typedef {{ at: number, text: string, second: string }} TimeTick */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY].concat(
  [2 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 56 * DAY, 182 * DAY, 364 * DAY],
)

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map()

/** @param {Intl.DateTimeFormatOptions} options @param {string} [language] */
function format(options, language = locale) {
  const key = language + JSON.stringify(options)
  const known = formats.get(key) ?? new Intl.DateTimeFormat(language, options)
  formats.set(key, known)
  return known
}

/** @param {string} key "2026-11-01" */
const dayOf = key => new Date(`${key}T00:00:00Z`)

/** @param {Date} date */
const quarterOf = date => t("period.quarter_short", { quarter: String(Math.floor(date.getUTCMonth() / 3) + 1) })

/** In full, for the crosshair and the table. @param {string} key @param {Granularity} granularity */
export function periodName(key, granularity) {
  const day = dayOf(key)
  const year = String(day.getUTCFullYear())
  if (granularity === "quarter") return `${quarterOf(day)} ${year}`
  if (granularity === "month") return format({ month: "long", year: "numeric", timeZone: "UTC" }).format(day)
  const date = format({ day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(day)
  return granularity === "week" ? t("period.week_of", { day: date }) : date
}

/** Short ones below bars; the year or the month stands below only where it changes. @param {string[]} keys @param {Granularity} granularity @returns {Label[]} */
export function periodLabels(keys, granularity) {
  const coarse = granularity === "month" || granularity === "quarter"
  let before = ""
  return keys.map(key => {
    const day = dayOf(key)
    const text =
      granularity === "quarter"
        ? quarterOf(day)
        : format(coarse ? { month: "short", timeZone: "UTC" } : { day: "numeric", timeZone: "UTC" }).format(day)
    const year = String(day.getUTCFullYear())
    const second = coarse ? year : format({ month: "short", timeZone: "UTC" }).format(day)
    const changes = second + year !== before
    before = second + year
    return { text, second: changes ? second : "" }
  })
}

/** How far the zone's clock is ahead of UTC at a moment. @param {number} at @param {string} zone */
export function offsetAt(at, zone) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  /** @type {Record<string, number>} */
  const parts = {}
  for (const { type, value } of format(options, "en-GB").formatToParts(at)) parts[type] = Number(value)
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second)
  return wall - Math.floor(at / 1000) * 1000
}

/** The moment when a clock on the wall shows that; none when it never does. @param {number} wall @param {string} zone */
function momentOf(wall, zone) {
  let at = wall - offsetAt(wall, zone)
  at = wall - offsetAt(at, zone)
  return at + offsetAt(at, zone) === wall ? at : null
}

/**
 * Round times between two moments, at most `count`.
 * @param {number} from @param {number} to @param {string} zone @param {number} count @returns {TimeTick[]}
 */
export function timeTicks(from, to, zone, count) {
  const rough = (to - from) / Math.max(1, count)
  const step = STEPS.find(size => size >= rough) ?? Math.ceil(rough / DAY) * DAY
  const start = from + offsetAt(from, zone)
  // Hours are counted from midnight and days from a Monday.
  const origin = step < DAY ? Math.floor(start / DAY) * DAY : Date.UTC(2000, 0, 3)
  /** @type {number[]} */
  const moments = []
  for (let wall = origin + Math.ceil((start - origin) / step) * step; ; wall += step) {
    const at = momentOf(wall, zone)
    if ((at ?? wall - offsetAt(wall, zone)) > to) break
    if (at !== null && at >= from) moments.push(at)
  }
  return labelled(moments, step, zone)
}

/** @param {number[]} moments @param {number} step @param {string} zone @returns {TimeTick[]} */
function labelled(moments, step, zone) {
  const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone })
  const date = format({ day: "numeric", month: "short", timeZone: zone })
  const year = format({ year: "numeric", timeZone: zone })
  let before = ""
  return moments.map(at => {
    const text = step < DAY ? clock.format(at) : date.format(at)
    const second = step < DAY ? date.format(at) : year.format(at)
    const changes = second !== before
    before = second
    return { at, text, second: changes ? second : "" }
  })
}

/** In full, with its zone. @param {number} at @param {string} zone */
export function momentName(at, zone) {
  return format({
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
    timeZone: zone,
  }).format(at)
}

/** Whose clock the reader's is. */
export const readersZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC"
