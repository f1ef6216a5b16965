// Numbers of a series as people read them: one way for axis, crosshair, table and summary.

import { formatBytes, formatDuration, formatMoney, formatMoneyChange, formatNumber, minorUnits } from "../format.js"
import { locale } from "../messages.js"

/** @typedef {import("./scale.js").Unit} Unit */

/** @param {number | null | undefined} value @param {Unit} unit */
export function formatValue(value, unit) {
  if (value === null || value === undefined) return "–"
  if (unit.kind === "money") return formatMoney({ currency: unit.currency ?? "", amount: value })
  const whole = value / 10 ** unit.decimals
  if (unit.kind === "bytes") return formatBytes(whole)
  if (unit.kind === "seconds") return value === 0 ? "0 s" : formatDuration(whole)
  if (unit.kind === "percent") return `${formatNumber(whole, Math.abs(whole) < 10 ? Math.min(unit.decimals, 1) : 0)} %`
  return formatNumber(whole, unit.decimals)
}

/** With its sign. @param {number} value @param {Unit} unit */
export function formatChange(value, unit) {
  if (unit.kind === "money") return formatMoneyChange({ currency: unit.currency ?? "", amount: value })
  const text = formatValue(Math.abs(value), unit)
  return value === 0 ? text : `${value > 0 ? "+" : "−"}${text}`
}

/** Beside the axis, where there is little room. @param {number} tick @param {Unit} unit @param {number} step */
export function formatTick(tick, unit, step) {
  if (unit.kind === "money") return moneyTick(tick, unit.currency ?? "", step)
  if (unit.kind !== "count" || Math.abs(tick) < 10_000) return formatValue(tick, unit)
  return compact(tick / 10 ** unit.decimals, {})
}

/** @param {number} tick @param {string} currency @param {number} step */
function moneyTick(tick, currency, step) {
  const units = minorUnits(currency)
  const style = /** @type {const} */ ("currency")
  const options = { style, currency: currency.toUpperCase() }
  if (Math.abs(tick) >= 1000 * units) return compact(tick / units, options)
  // Cents are written where the steps have some.
  const digits = step % units === 0 ? 0 : Math.round(Math.log10(units))
  const fractions = { minimumFractionDigits: digits, maximumFractionDigits: digits }
  return new Intl.NumberFormat(locale, { ...options, ...fractions }).format(tick / units)
}

/** @param {number} value @param {Intl.NumberFormatOptions} options */
function compact(value, options) {
  const format = { notation: /** @type {const} */ ("compact"), minimumFractionDigits: 0, maximumFractionDigits: 2 }
  return new Intl.NumberFormat(locale, { ...options, ...format }).format(value)
}

/** A plain number for files: a point and no grouping. @param {number | null | undefined} value @param {Unit} unit */
export function plainNumber(value, { decimals }) {
  return value === null || value === undefined ? "" : (value / 10 ** decimals).toFixed(decimals)
}
