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

/** The first few, cut to a line each; whatever that leaves out stands whole in a table that opens. @param {Members} members */
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
        membersTable(members),
      ),
  )
}

/** All of them, whole. @param {Members} members */
export function membersTable(members) {
  const head = (/** @type {string} */ text) => h("th", { scope: "col" }, text)
  return h(
    "table",
    { class: "diff" },
    h("caption", { class: "sr-only" }, t("differing.caption")),
    h("thead", {}, h("tr", {}, head(t("differing.member")), head(t("differing.ours")), head(t("differing.theirs")))),
    h(
      "tbody",
      {},
      ...Object.entries(members).map(([path, [ours, theirs]]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", class: "break-all", translate: "no" }, path),
          h("td", {}, code(words(path, ours))),
          h("td", {}, code(words(path, theirs))),
        ),
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
