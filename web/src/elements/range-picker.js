// <range-picker>: the range, granularity, comparison and segment of a page. What was chosen stands in the address as it was
// chosen; the server says which days that means, and which ones lie before and after. Keys: d w m y, [ ] and c.

import { mdiChevronLeft, mdiChevronRight } from "@mdi/js"
import { h, setText } from "../lib/dom.js"
import { formatDate } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { answerTo, apiQuery, readView, written } from "../lib/range-view.js"
import { isShortcut } from "../lib/shortcuts.js"

/** @typedef {import("../lib/range-view.js").View} View */
/** @typedef {import("../lib/chart/series.js").Range} Range */

const WORDS = ["today", "yesterday", "this_week", "last_week", "this_month", "last_month", "this_quarter"].concat(
  ["last_quarter", "this_year", "last_year", "last_7_days", "last_30_days", "last_90_days", "last_3_months"],
  ["last_6_months", "last_12_months", "last_24_months"],
)
const CUSTOM = "custom"
const GRANULARITIES = ["day", "week", "month", "quarter"]
const COMPARISONS = ["previous_period", "previous_year"]

export class RangePicker extends HTMLElement {
  #usual = "last_12_months"
  /** @type {View} */
  #view = readView(new URLSearchParams(location.search))
  /** @type {Range | null} */
  #range = null
  #word = choice(
    "word",
    t("range.range"),
    [...WORDS, CUSTOM].map(word => [word, label("range_word", word)]),
  )
  #from = h("input", { type: "date", class: "input input-small", min: "2000-01-01", "aria-label": t("range.from") })
  #to = h("input", { type: "date", class: "input input-small", min: "2000-01-01", "aria-label": t("range.to") })
  #granularity = choice("granularity", t("range.granularity"), [
    ["", t("range.granularity_usual")],
    ...GRANULARITIES.map(name => [name, label("range_granularity", name)]),
  ])
  #compare = choice("compare", t("range.compare"), [
    ["", t("range.compare_none")],
    ...COMPARISONS.map(name => [name, label("range_compare", name)]),
  ])
  #segment = choice("segment", "", [])
  #earlier = step(t("range.earlier"), mdiChevronLeft)
  #later = step(t("range.later"), mdiChevronRight)
  #days = h("p", { class: "hint numbers", role: "status" })
  #custom = h("span", { class: "flex flex-wrap items-center gap-2", hidden: true }, this.#from, "–", this.#to)

  connectedCallback() {
    this.classList.add("range-picker", "screen-only")
    if (this.childElementCount > 0) return
    const choices = [
      this.#earlier,
      this.#word,
      this.#later,
      this.#custom,
      this.#granularity,
      this.#compare,
      this.#segment,
    ]
    this.append(h("div", { class: "flex flex-wrap items-center gap-2" }, ...choices), this.#days)
    this.#segment.hidden = true
    this.#word.addEventListener("change", () => this.#takeWord())
    for (const input of [this.#from, this.#to]) input.addEventListener("change", () => this.#takeDays())
    this.#granularity.addEventListener("change", () => this.#change({ granularity: this.#granularity.value }))
    this.#compare.addEventListener("change", () => this.#change({ compare: this.#compare.value }))
    this.#segment.addEventListener("change", () => this.#change({ currency: this.#segment.value }))
    this.#earlier.addEventListener("click", () => this.#move("earlier"))
    this.#later.addEventListener("click", () => this.#move("later"))
    addEventListener("popstate", () => {
      this.#view = readView(new URLSearchParams(location.search))
      this.#range = null
      this.#tell()
    })
    document.addEventListener("keydown", event => this.#press(event))
    this.#reflect()
  }

  /** What the API is asked. */
  get query() {
    return apiQuery(this.#view)
  }
  get compares() {
    return this.#view.compare !== ""
  }

  /** Values of which the page shows one; none to choose from, no control. @param {string} name @param {[string, string][]} values value and words @param {string} chosen */
  offerSegment(name, values, chosen) {
    this.#segment.setAttribute("aria-label", name)
    this.#segment.replaceChildren(...values.map(([value, words]) => h("option", { value }, words)))
    this.#segment.value = chosen
    this.#segment.hidden = values.length < 2
  }

  /** As the server understood it; none: it did not. @param {Range | null} range */
  resolved(range) {
    this.#range = range
    this.#reflect()
    if (!range) setText(this.#days, "")
  }

  #takeWord() {
    if (this.#word.value !== CUSTOM) return this.#change({ range: this.#word.value, from: "", to: "" })
    this.#from.value = this.#range?.from ?? ""
    this.#to.value = this.#range?.to ?? ""
    this.#custom.hidden = false
    this.#from.focus()
  }

  #takeDays() {
    if (!this.#from.value || !this.#to.value) return
    const [from, to] = [this.#from.value, this.#to.value].sort()
    this.#change({ range: "", from, to })
  }

  /** @param {"earlier" | "later"} direction */
  #move(direction) {
    const span = this.#range?.[direction]
    if (!span) return
    this.#change(span.word ? { range: span.word, from: "", to: "" } : { range: "", from: span.from, to: span.to })
  }

  /** @param {Partial<View>} difference */
  #change(difference) {
    Object.assign(this.#view, difference)
    // What lies before and after it is known when the server has answered.
    this.#range = null
    history.pushState(null, "", written(new URL(location.href), this.#view))
    this.#tell()
  }

  #tell() {
    this.#reflect()
    this.dispatchEvent(new Event("change"))
  }

  #reflect() {
    const { range, from, granularity, compare } = this.#view
    this.#word.value = from ? CUSTOM : range || this.#usual
    this.#custom.hidden = !from
    this.#from.value = this.#view.from
    this.#to.value = this.#view.to
    this.#granularity.value = granularity
    this.#compare.value = compare
    // Not `disabled`: whoever steps with the keyboard would lose the button under the finger.
    this.#later.setAttribute("aria-disabled", String(this.#range !== null && !this.#range.later))
    if (!this.#range) return
    const [first, last] = [this.#range.from, this.#range.to].map(day => formatDate(new Date(`${day}T12:00`)))
    setText(this.#days, t("range.days", { from: first, to: last, zone: this.#range.zone }))
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (this.hidden || !isShortcut(event)) return
    const answer = answerTo(event.key, this.#view)
    if (!answer) return
    event.preventDefault()
    if (answer === "earlier" || answer === "later") this.#move(answer)
    else this.#change(answer)
  }
}

/** @param {string} name @param {string} title @param {string[][]} options */
function choice(name, title, options) {
  return h(
    "select",
    { class: "input input-small w-auto", name, "aria-label": title },
    ...options.map(([value, words]) => h("option", { value }, words)),
  )
}

/** @param {string} title @param {string} path */
function step(title, path) {
  return h("button", { type: "button", class: "button button-small button-square", "aria-label": title }, icon(path))
}

customElements.define("range-picker", RangePicker)
