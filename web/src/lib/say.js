// What the server has to say, as a sentence of the page's language: its code chooses the words, and each parameter is
// written as its name tells (src/platform/i18n/message.hpp).

import { formatBytes, formatDateTime, formatDuration, formatMoney, formatNumber } from "./format.js"
import { label, t } from "./messages.js"

/** @typedef {Record<string, string | number | boolean | null>} Parameters */
/** @typedef {{ code: string, parameters: Parameters, text: string }} Said `text` is English, for programs */

/** @param {Said} message */
export function say({ code, parameters }) {
  // What the server refuses has its words among the problems.
  return label("reason", code, label("problem", code, t("reason_unknown", { code })), shown(parameters))
}

/** The parameters as people read them. @param {Parameters} [parameters] @returns {Record<string, string | number>} */
export function shown(parameters) {
  const currency = parameters?.currency
  return Object.fromEntries(
    Object.entries(parameters ?? {}).map(([name, value]) => [name, shownValue(name, value, currency)]),
  )
}

/** @param {string} name @param {string | number | boolean | null} value @param {unknown} currency */
function shownValue(name, value, currency) {
  const kind = /** @param {string} end */ end => name === end || name.endsWith(`_${end}`)
  if (typeof value === "number") {
    if (kind("bytes")) return formatBytes(value)
    if (kind("seconds")) return formatDuration(value)
    if (kind("amount") && typeof currency === "string") return formatMoney({ currency, amount: value })
    return name === "count" ? value : formatNumber(value, 1)
  }
  if (value === null) return "—"
  if (kind("at")) return formatDateTime(String(value))
  if (kind("state")) return label("state", String(value))
  if (name === "holds")
    return String(value)
      .split(", ")
      .map(hold => label("hold", hold))
      .join(", ")
  return String(value)
}
