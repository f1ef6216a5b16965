// Members that differ between our mirror and Stripe: by their paths, each with our value and Stripe's.

import { h } from "../lib/dom.js"
import { formatDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"

/** @typedef {Record<string, [ours: unknown, theirs: unknown]>} Members */

const MOST_SHOWN = 3
const LONGEST = 40
/** Before it a number is no moment of today's business. */
const FIRST_SECOND = 1_000_000_000
const MOMENT = /(^|[._])(at|created|date|start|end|anchor|until)$/

/** The first few, cut to a line each; whatever that leaves out stands whole in what opens. @param {Members} members */
export function membersLines(members) {
  const all = Object.entries(members)
  const lines = all.slice(0, MOST_SHOWN).map(([path, [ours, theirs]]) => {
    const [here, there] = [words(path, ours), words(path, theirs)]
    return { isCut: [here, there].some(isLong), line: lineOf(path, here, there) }
  })
  const isWhole = all.length <= MOST_SHOWN && lines.every(({ isCut }) => !isCut)
  return h(
    "div",
    { class: "grid gap-1" },
    h("ul", { class: "grid gap-1" }, ...lines.map(({ line }) => line)),
    !isWhole &&
      h(
        "details",
        {},
        h("summary", { class: "min-h-6 cursor-pointer text-soft" }, t("differing.all", { count: all.length })),
        wholeMembers(members),
      ),
  )
}

/** All of them, whole: beside each other where there is room. @param {Members} members */
export function wholeMembers(members) {
  const side = (/** @type {string} */ name, /** @type {string} */ text) =>
    h("dd", { class: "min-w-0" }, h("span", { class: "me-1.5 text-soft" }, name), code(text))
  return h(
    "dl",
    { class: "mt-1 grid max-w-4xl gap-2 text-sm font-normal" },
    ...Object.entries(members).map(([path, [ours, theirs]]) =>
      h(
        "div",
        { class: "grid grid-cols-[minmax(0,1fr)] gap-x-4 gap-y-0.5 sm:grid-cols-[repeat(3,minmax(0,1fr))]" },
        h("dt", { class: "wrap-anywhere", translate: "no" }, path),
        side(t("differing.ours"), words(path, ours)),
        side(t("differing.theirs"), words(path, theirs)),
      ),
    ),
  )
}

/** @param {string} path @param {string} here @param {string} there */
const lineOf = (path, here, there) =>
  h(
    "li",
    { class: "wrap-anywhere" },
    h("span", { class: "text-soft", translate: "no" }, `${path}: `),
    h("span", { class: "sr-only" }, `${t("differing.ours")} `),
    short(here),
    h("span", { "aria-hidden": "true" }, " → "),
    h("span", { class: "sr-only" }, ` ${t("differing.theirs")} `),
    short(there),
  )

/** @param {string} text */
const isLong = text => text.length > LONGEST
/** @param {string} text */
const short = text =>
  isLong(text) ? h("code", { translate: "no", title: text }, `${text.slice(0, LONGEST)}…`) : code(text)
/** @param {string} text */
const code = text => h("code", { class: "break-all", translate: "no" }, text)

/** @param {string} path @param {unknown} value */
export function words(path, value) {
  if (value === null || value === undefined) return t("differing.nothing")
  if (value === "") return t("differing.empty")
  if (typeof value === "number" && value > FIRST_SECOND && MOMENT.test(path))
    return formatDateTime(new Date(value * 1000).toISOString())
  return typeof value === "string" ? value : JSON.stringify(value)
}
