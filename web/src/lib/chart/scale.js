// From numbers to places on an axis. Steps come from the unit: powers of two for bytes, parts of minutes and hours for
// seconds, 1-2-5 for the rest, and never finer than the unit's smallest part.

/** @typedef {{ kind: "count" | "money" | "percent" | "bytes" | "seconds", decimals: number, currency: string | null }} Unit */
/** @typedef {{ low: number, high: number, step: number, ticks: number[], cut: boolean }} Scale `cut`: zero is not on it */

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
const MOST_TICKS = 12
const SECONDS = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE].concat([
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
])

/**
 * Round numbers around all values. Bars and areas stand on zero; a line may leave it when its values are far away.
 * @param {(number | null)[]} values @param {Unit} unit @param {{ fromZero?: boolean, count?: number }} [options]
 * @returns {Scale}
 */
export function scaleOf(values, unit, { fromZero = true, count = 4 } = {}) {
  const known = values.filter(value => value !== null && Number.isFinite(value)).map(Number)
  let low = known.reduce((least, value) => Math.min(least, value), known[0] ?? 0)
  let high = known.reduce((most, value) => Math.max(most, value), known[0] ?? 0)
  // Small wiggles must not look like mountains.
  const far = low > 0 && (high - low) / high < 0.25
  const cut = !fromZero && far && high > low
  if (!cut) {
    low = Math.min(low, 0)
    high = Math.max(high, 0)
  }
  if (low === high) high = low + smallestSpan(unit)
  const step = stepOf((high - low) / count, unit)
  const first = Math.floor(low / step)
  const last = Math.max(Math.ceil(high / step), first + 1)
  const ticks = []
  for (let tick = first; tick <= last && ticks.length <= MOST_TICKS; tick += 1) ticks.push(tick * step + 0)
  return { low: ticks[0], high: ticks[ticks.length - 1], step, ticks, cut }
}

/** What an axis without any difference shows: one whole unit. @param {Unit} unit */
function smallestSpan({ kind, decimals }) {
  return kind === "bytes" ? 1024 : 10 ** decimals
}

/** The step that is at least so large. @param {number} rough @param {Unit} unit */
export function stepOf(rough, { kind, decimals }) {
  const least = Math.max(rough, 1)
  if (kind === "bytes") return 2 ** Math.ceil(Math.log2(least))
  if (kind === "seconds") return secondsStep(least, 10 ** decimals)
  return decimalStep(least)
}

/** @param {number} least @param {number} second how many of the smallest parts are one */
function secondsStep(least, second) {
  const seconds = least / second
  if (seconds <= 0.5) return decimalStep(least)
  return (SECONDS.find(step => step >= seconds) ?? decimalStep(seconds / DAY) * DAY) * second
}

/** @param {number} least */
function decimalStep(least) {
  const power = 10 ** Math.floor(Math.log10(least))
  // Powers of ten are not exact: 999.9999 must not become 2,000.
  return [1, 2, 5, 10].map(factor => Math.round(factor * power)).find(step => step >= least * (1 - 1e-9)) ?? power * 10
}

/** @param {{ low: number, high: number }} scale @param {number} from where `low` lies @param {number} to where `high` lies @returns {(value: number) => number} */
export function place({ low, high }, from, to) {
  return value => from + ((value - low) / (high - low)) * (to - from)
}
