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
 * chosen; a moment is chosen as a day; the rest is typed, and `typed` says how what was typed is asked for.
 * @typedef {import("../../lib/rules.js").Rule & { label?: string, load?: () => Promise<[string, string][]>,
 *             words?: (value: string) => string, example?: string, typed?: (value: string) => string }} Filter
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
  /** What was typed and refused: it stays where it can be repaired. @type {Record<string, string>} */
  #refused = {}
  /** What was asked for as it was typed. @type {Record<string, string>} */
  #asked = {}
  /** @type {Record<string, HTMLElement>} */
  #errors = {}

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
      const isLeft = isTyped || name in this.#refused || this.#meant(name) === value
      if (!isLeft) control.value = value
    }
  }

  /** Something else was decided meanwhile: what was being typed is not asked any more. */
  forget() {
    this.#rest()
    for (const name of Object.keys(this.#refused)) this.#accept(name)
    this.#asked = {}
  }

  /**
   * What was typed here stays where it can be repaired, with what is wrong with it.
   * @param {Record<string, string>} sentences by the names of what was refused @returns {string[]} those that were typed here
   */
  refuse(sentences) {
    const typed = Object.keys(sentences).filter(name => this.#errors[name] && this.#asked[name])
    for (const name of typed.filter(name => this.#asked[name] === this.#meant(name))) {
      this.#refused[name] = this.#asked[name]
      this.#controls[name].setAttribute("aria-invalid", "true")
      fill(this.#errors[name], sentences[name])
    }
    return typed
  }

  /** @param {string} name */
  #accept(name) {
    delete this.#refused[name]
    this.#controls[name].removeAttribute("aria-invalid")
    fill(this.#errors[name])
  }

  #rest() {
    clearTimeout(this.#typing)
    this.#typing = undefined
  }

  /** How the API is asked for what stands in a field. @param {string} name */
  #meant(name) {
    const value = this.#controls[name].value.trim()
    return this.parts.filters.find(filter => filter.name === name)?.typed?.(value) ?? value
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
    if (values || load)
      return h(
        "label",
        { class: "min-w-0 max-sm:flex-1 max-sm:basis-24" },
        h("span", { class: "sr-only" }, label),
        this.#choice(filter),
      )
    // Above the field, so that fields of one row stay beside each other.
    const error = h("span", { class: "field-error max-w-44", id: `filter-${name}-error` })
    this.#errors[name] = error
    const id = `filter-${name}`
    const isDay = type === "datetime-local"
    const properties = isDay
      ? { type: "date", class: "input" }
      : { maxlength, class: "input sm:w-44", placeholder: example }
    return h(
      "div",
      { class: "min-w-0 max-sm:flex-1 max-sm:basis-32" },
      h("label", { class: "block text-sm text-soft", for: id }, label),
      error,
      this.#input({ ...properties, name, id, "aria-describedby": error.id }),
    )
  }

  /** @param {{ name: string } & import("../../lib/dom.js").Properties} properties */
  #input(properties) {
    const input = h("input", { ...properties, autocomplete: "off" })
    this.#controls[properties.name] = input
    input.addEventListener("input", () => {
      clearTimeout(this.#typing)
      if (properties.name in this.#refused) this.#accept(properties.name)
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
    this.#rest()
    let state = this.parts.state()
    for (const [name, control] of Object.entries(this.#controls)) {
      if (control.tagName !== "INPUT" || name in this.#refused) continue
      const value = this.#meant(name)
      this.#asked[name] = value
      state = name === "q" ? { ...state, q: value, cursor: "" } : withFilter(state, name, value ? [value] : [])
    }
    this.parts.go(state, how)
  }
}
