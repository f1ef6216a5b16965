// The form above a table: a search field and a control for each declared filter. Typing is told apart from choosing, since
// the one replaces the address and the other adds to it.

import { mdiMagnify } from "@mdi/js"
import { fill, h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { withFilter } from "./address.js"

const TYPING_REST = 250

/** @typedef {import("./address.js").State} State */
/**
 * A rule of the API: a choice of `values`, or of what `load` finds (values and words); `many` adds a value to those that were
 * chosen; a moment is chosen as a day; the rest is typed.
 * @typedef {import("../../lib/rules.js").Rule & { label?: string, load?: () => Promise<[string, string][]>,
 *             words?: (value: string) => string, example?: string }} Filter
 * @typedef {Filter & { label: string }} Named
 */

export class FilterForm {
  element = h("form", {
    class: "screen-only flex flex-wrap items-end gap-2",
    role: "search",
    "aria-label": t("table.filters"),
  })
  /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */
  #controls = {}
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing

  /**
   * @param {{ search?: Named, filters: Named[], state: () => State,
   *           go: (state: State, how: "push" | "typed" | "submitted") => void, loaded: (words: Record<string, string>, name: string) => void }} parts
   */
  constructor(parts) {
    this.parts = parts
    const search = parts.search ? [this.#search(parts.search)] : []
    fill(this.element, ...search, ...parts.filters.map(filter => this.#control(filter)))
    this.element.addEventListener("submit", event => {
      event.preventDefault()
      this.#typed("submitted")
    })
  }

  /** The first thing to type into or to choose from. */
  focus() {
    const first = /** @type {HTMLElement | null} */ (this.element.querySelector("input, select"))
    first?.focus()
  }

  /** What is being typed is left alone. @param {State} state */
  show(state) {
    for (const [name, control] of Object.entries(this.#controls)) {
      const filter = this.parts.filters.find(other => other.name === name)
      const value = name === "q" ? state.q : filter?.many ? "" : (state.filters[name]?.[0] ?? "")
      const isTyped = control === document.activeElement && this.#typing !== undefined
      if (!isTyped && control.value.trim() !== value) control.value = value
    }
  }

  /** Something else was decided meanwhile: what was being typed is not asked any more. */
  forget() {
    clearTimeout(this.#typing)
    this.#typing = undefined
  }

  /** @param {Named} search */
  #search({ name, label, maxlength }) {
    const input = this.#input({ name, maxlength, id: name, type: "search", class: "input ps-9", placeholder: label })
    return h(
      "label",
      { class: "relative min-w-0 flex-1 basis-full sm:max-w-sm sm:basis-56" },
      h("span", { class: "sr-only" }, label),
      h(
        "span",
        { class: "pointer-events-none absolute inset-y-0 start-2.5 grid place-items-center text-soft" },
        icon(mdiMagnify),
      ),
      input,
    )
  }

  /** @param {Named} filter */
  #control(filter) {
    const { name, label, type, maxlength, values, load, example } = filter
    if (type === "datetime-local")
      return h(
        "label",
        { class: "min-w-0 max-sm:flex-1 max-sm:basis-32" },
        h("span", { class: "block text-sm text-soft" }, label),
        this.#input({ name, type: "date", class: "input" }),
      )
    const isChoice = values || load
    const control = isChoice
      ? this.#choice(filter)
      : this.#input({ name, maxlength, class: "input sm:w-44", placeholder: example ?? label })
    const place = `min-w-0 max-sm:flex-1 ${isChoice ? "max-sm:basis-24" : "max-sm:basis-32"}`
    return h("label", { class: place }, h("span", { class: "sr-only" }, label), control)
  }

  /** @param {{ name: string } & import("../../lib/dom.js").Properties} properties */
  #input(properties) {
    const input = h("input", { ...properties, autocomplete: "off" })
    this.#controls[properties.name] = input
    input.addEventListener("input", () => {
      clearTimeout(this.#typing)
      this.#typing = setTimeout(() => this.#typed("typed"), TYPING_REST)
    })
    return input
  }

  /** @param {Named} filter */
  #choice({ name, label, values = [], many, load, words }) {
    const option = (/** @type {string} */ value, /** @type {string} */ text) => h("option", { value }, text)
    const select = h(
      "select",
      { class: "input sm:max-w-56", name, autocomplete: "off" },
      option("", label),
      ...values.map(value => option(value, words?.(value) ?? value)),
    )
    this.#controls[name] = select
    select.addEventListener("change", () => {
      const state = this.parts.state()
      const before = state.filters[name] ?? []
      const chosen = select.value === "" ? [] : many ? [...new Set([...before, select.value])] : [select.value]
      this.parts.go(withFilter(state, name, chosen), "push")
    })
    // Without its choices a filter is empty, and the list is still whole.
    load?.().then(
      choices => {
        select.append(...choices.map(([value, text]) => option(value, text)))
        this.parts.loaded(Object.fromEntries(choices), name)
        this.show(this.parts.state())
      },
      () => {},
    )
    return select
  }

  /** @param {"submitted" | "typed"} how */
  #typed(how) {
    this.forget()
    let state = this.parts.state()
    for (const [name, control] of Object.entries(this.#controls)) {
      const value = control.value.trim()
      if (control.tagName !== "INPUT") continue
      state = name === "q" ? { ...state, q: value, cursor: "" } : withFilter(state, name, value ? [value] : [])
    }
    this.parts.go(state, how)
  }
}
