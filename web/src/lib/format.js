// Money, numbers, sizes and times as people in the page's language write them.

import { locale } from "./messages.js"

/** @typedef {{ currency: string, amount: number }} Money amount in minor units */

const units = new Map()

// As the server counts them: what a browser shows of a currency follows what its coins are worth.
const withoutDecimals = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" ")
const withThreeDecimals = "bhd iqd jod kwd lyd omr tnd".split(" ")

/** Digits after the point: 2 for EUR, 0 for JPY. @param {string} currency */
export function decimals(currency) {
  const code = currency.toLowerCase()
  return withoutDecimals.includes(code) ? 0 : withThreeDecimals.includes(code) ? 3 : 2
}

/** Minor units in one major unit: 100 for EUR, 1 for JPY. @param {string} currency */
export const minorUnits = currency => 10 ** decimals(currency)

/** @param {Money} money */
export function formatMoney({ currency, amount }) {
  return currencyFormat(currency).format(amount / minorUnits(currency))
}

/** "+12,00 €" or "−3,00 €". @param {Money} money */
export function formatMoneyChange({ currency, amount }) {
  return currencyFormat(currency, "exceptZero").format(amount / minorUnits(currency))
}

/** @param {string} currency @param {"auto" | "exceptZero"} [signDisplay] @returns {Intl.NumberFormat} */
function currencyFormat(currency, signDisplay = "auto") {
  const key = `${currency} ${signDisplay}`
  const known = units.get(key)
  if (known) return known
  const digits = decimals(currency)
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency: currency.toUpperCase(),
    // In a column four digits stand below five: also in Spanish, which leaves them ungrouped in running text.
    useGrouping: "always",
    signDisplay,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  units.set(key, format)
  return format
}

/** @param {number} value @param {number} [digits] */
export function formatNumber(value, digits = 0) {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)
}

/** @param {number} share 0 to 1 @param {number} [digits] */
export function formatPercent(share, digits = 0) {
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format(share)
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]

/** @param {number} bytes */
export function formatBytes(bytes) {
  const power = Math.max(0, Math.min(sizes.length - 1, Math.floor(Math.log2(Math.abs(bytes) || 1) / 10)))
  const value = bytes / 1024 ** power
  // Small steps of GiB are much; of MiB nobody asks for them.
  return `${formatNumber(value, power > 2 && Math.abs(value) < 100 ? 1 : 0)} ${sizes[power]}`
}

/** "1.4 s", "12 s", "1 min 40 s", "2 h 5 min". @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 0.05) return `< ${formatNumber(0.1, 1)} s`
  if (seconds < 10) return `${formatNumber(seconds, 1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return joined(Math.floor(whole / 60), "min", whole % 60, "s")
  return joined(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min")
}

/** @param {number} large @param {string} largeUnit @param {number} small @param {string} smallUnit */
function joined(large, largeUnit, small, smallUnit) {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

// Whoever reads a clock time knows whose clock it is: each names its zone.
const dateTimes = new Intl.DateTimeFormat(locale, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
})
const fullDateTimes = new Intl.DateTimeFormat(locale, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
})
const shortDates = new Intl.DateTimeFormat(locale, { dateStyle: "medium" })
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "long" })
const clockTimes = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" })
const relativeTimes = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" })

/** @param {string} time */
export const formatDateTime = time => dateTimes.format(new Date(time))
/** With seconds and the time zone. @param {string} time */
export const formatFullDateTime = time => fullDateTimes.format(new Date(time))
/** @param {Date} date */
export const formatDate = date => dates.format(date)
/** @param {string | number | Date} time */
export const formatClock = time => clockTimes.format(new Date(time))

/** "CET": the zone of what somebody types as a time. */
export const zoneName = () =>
  clockTimes.formatToParts(new Date()).find(({ type }) => type === "timeZoneName")?.value ?? "UTC"

/** "nov 26" for a month written as "2026-11". @param {string} month @param {"short" | "long"} [length] */
export function formatMonth(month, length = "short") {
  const [year, number] = month.split("-").map(Number)
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({
    month: length,
    year: length === "long" ? "numeric" : undefined,
    timeZone: "UTC",
  })
  return new Intl.DateTimeFormat(locale, options).format(new Date(Date.UTC(year, number - 1, 1)))
}

/** "3 min ago" within a day, the date after that. @param {string} time @param {number} [now] */
export function formatAge(time, now = Date.now()) {
  const seconds = Math.min(0, (Date.parse(time) - now) / 1000)
  if (seconds > -45) return relativeTimes.format(0, "second")
  if (seconds > -3600) return relativeTimes.format(Math.round(seconds / 60), "minute")
  if (seconds > -86400) return relativeTimes.format(Math.round(seconds / 3600), "hour")
  return shortDates.format(new Date(time))
}
