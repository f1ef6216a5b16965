// Days that people choose as bounds of a list: from midnight here until the midnight after.

import { offsetAt } from "./chart/time.js"
import { formatDateTime } from "./format.js"
import { locale } from "./messages.js"

const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium" })

/** @param {string} day */
const midnight = day => new Date(`${day}T00:00`)
/** @param {Date} moment */
const isNone = moment => Number.isNaN(moment.getTime())

/** A day as it is read, or a moment that a link leads to; what is neither stays as it is. @param {string} day */
export function dayWords(day) {
  if (!isNone(midnight(day))) return dates.format(midnight(day))
  return isNone(new Date(day)) ? day : formatDateTime(day)
}

/** The moment in which the month of a moment began. @param {string} time @param {string} zone */
export function monthBegan(time, zone) {
  const here = new Date(Date.parse(time) + offsetAt(Date.parse(time), zone))
  const wanted = Date.UTC(here.getUTCFullYear(), here.getUTCMonth())
  // Twice: the first guess may lie on the other side of a change of clocks.
  const guess = wanted - offsetAt(wanted, zone)
  return new Date(wanted - offsetAt(guess, zone)).toISOString()
}

/** Days become moments, `later` days after their beginning. @param {URLSearchParams} shown @param {Record<string, number>} later */
export function daysAsMoments(shown, later) {
  const query = new URLSearchParams(shown)
  for (const [name, days] of Object.entries(later)) {
    const day = query.get(name)
    if (day) query.set(name, momentOf(day, days))
  }
  return query
}

/** What is no day stays as it is: it is a moment, or for the server to refuse. @param {string} day @param {number} later in days */
function momentOf(day, later) {
  const moment = midnight(day)
  if (isNone(moment)) return day
  moment.setDate(moment.getDate() + later)
  return moment.toISOString()
}
