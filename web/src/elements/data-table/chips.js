// The filters that are set, as chips that take one away each: the kind of a filter and its label make the words.

import { mdiClose } from "@mdi/js"
import { h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { withFilter, withoutFilters } from "./address.js"

/** @typedef {import("./address.js").State} State */
/** @typedef {{ name: string, label: string, words: (value: string) => string }} Named a filter with what it is called */

/** @param {State} state @param {Named[]} filters @returns {{ text: string, without: State }[]} */
export function chipsOf(state, filters) {
  const chips = filters.flatMap(({ name, label, words }) => {
    const values = state.filters[name] ?? []
    const others = (/** @type {string} */ value) => values.filter(other => other !== value)
    return values.map(value => ({ text: `${label}: ${words(value)}`, without: withFilter(state, name, others(value)) }))
  })
  if (state.q) chips.push({ text: t("table.searched", { text: state.q }), without: { ...state, q: "", cursor: "" } })
  return chips
}

/** @param {State} state @param {Named[]} filters @param {(state: State) => void} go */
export function drawChips(state, filters, go) {
  const chips = chipsOf(state, filters)
  return [
    ...chips.map(({ text, without }) =>
      h(
        "button",
        {
          type: "button",
          class: "chip max-w-full",
          onclick: () => go(without),
          "aria-label": t("table.remove_filter", { filter: text }),
        },
        h("span", { class: "truncate" }, text),
        icon(mdiClose),
      ),
    ),
    chips.length > 0 && clearButton("link-button text-sm", () => go(withoutFilters(state))),
  ]
}

/** @param {string} classes @param {() => void} clear */
export const clearButton = (classes, clear) =>
  h("button", { type: "button", class: classes, onclick: clear }, t("table.clear_all"))
