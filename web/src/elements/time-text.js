// <time> elements: relative within a day, the date after that, exact in the tooltip; kept fresh once a minute.

import { h, setText } from "../lib/dom.js"
import { formatAge, formatFullDateTime } from "../lib/format.js"

/** @param {string} time */
export function timeText(time) {
  return h("time", { datetime: time, title: formatFullDateTime(time), "data-age": true }, formatAge(time))
}

/** @param {string} time */
export function exactTime(time) {
  return h("time", { datetime: time }, formatFullDateTime(time))
}

setInterval(() => rewrite(formatAge), 60_000)
// On paper nothing is three minutes ago.
addEventListener("beforeprint", () => rewrite(formatFullDateTime))
addEventListener("afterprint", () => rewrite(formatAge))

/** @param {(time: string) => string} format */
function rewrite(format) {
  for (const element of document.querySelectorAll("time[data-age]"))
    setText(element, format(element.getAttribute("datetime") ?? ""))
}
