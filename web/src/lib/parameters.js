// Parameters of the server's codes as people read them: each is written as its name tells
// (src/platform/i18n/message.hpp).

import { formatBytes, formatDateTime, formatDuration, formatMoney, formatNumber } from "./format.js"

/** @typedef {Record<string, string | number | boolean | null>} Parameters */
/** @typedef {Record<string, (code: string) => string>} Labels words for codes, by the kind of parameter */

/** @param {Parameters} [parameters] @param {Labels} [labels] @returns {Record<string, string | number>} */
export function shown(parameters, labels = {}) {
  const currency = parameters?.currency
  return Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, value]) => [name, shownValue(name, value, currency, labels)]),
  )
}

/** @param {string} name @param {string | number | boolean | null} value @param {unknown} currency @param {Labels} labels */
function shownValue(name, value, currency, labels) {
  const kind = name.split("_").at(-1) ?? ""
  if (typeof value === "number") {
    if (kind === "bytes") return formatBytes(value)
    if (kind === "seconds") return formatDuration(value)
    if (kind === "amount" && typeof currency === "string") return formatMoney({ currency, amount: value })
    return name === "count" ? value : formatNumber(value, 1)
  }
  if (value === null) return "—"
  if (kind === "at") return formatDateTime(String(value))
  return labels[kind]?.(String(value)) ?? String(value)
}
