// Days and months of the reporting time zone; instants are unix seconds.

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map()

/** @param {string} zone */
function format(zone) {
  const known = formats.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" })
  formats.set(zone, made)
  return made
}

/** "2026-03-29". @param {string} zone @param {number} at */
export function dayOf(zone, at) {
  const found = new Map(
    format(zone)
      .formatToParts(at * 1000)
      .map(({ type, value }) => [type, value]),
  )
  return `${found.get("year")?.padStart(4, "0")}-${found.get("month")}-${found.get("day")}`
}

/** "2026-03". @param {string} zone @param {number} at */
export const monthOf = (zone, at) => dayOf(zone, at).slice(0, 7)

/** The first second of a day, whatever the clocks did in that night. @param {string} zone @param {string} day */
export function startOfDay(zone, day) {
  const [year, month, date] = day.split("-").map(Number)
  const midnight = Date.UTC(year, month - 1, date) / 1000
  let before = midnight - 86_400
  let within = midnight + 86_400
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2)
    if (dayOf(zone, middle) < day) before = middle
    else within = middle
  }
  return within
}

/** @param {string} zone @param {string} month */
export const startOfMonth = (zone, month) => startOfDay(zone, `${month}-01`)

/** @param {string} month */
export function nextMonth(month) {
  const [year, number] = month.split("-").map(Number)
  return number === 12
    ? `${String(year + 1).padStart(4, "0")}-01`
    : `${String(year).padStart(4, "0")}-${String(number + 1).padStart(2, "0")}`
}

/** From the first to the last, both included. @param {string} first @param {string} last */
export function monthsBetween(first, last) {
  const months = []
  for (let month = first; month <= last; month = nextMonth(month)) months.push(month)
  return months
}

/** The same day of a later month, or that month's last one (in UTC). @param {number} at @param {number} months */
export function addMonths(at, months) {
  const from = new Date(at * 1000)
  const [year, month] = [from.getUTCFullYear(), from.getUTCMonth() + months]
  const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const midnight = Date.UTC(year, month, Math.min(from.getUTCDate(), last)) / 1000
  return midnight + (((at % 86_400) + 86_400) % 86_400)
}

/**
 * A boundary in time. What happens at the very instant a month begins is that month's; a cut shows
 * what is so at its instant.
 * @typedef {{ at: number, included: boolean }} Cut
 */

/** @param {number} at @param {Cut} cut */
export const isBefore = (at, cut) => (cut.included ? at <= cut.at : at < cut.at)
