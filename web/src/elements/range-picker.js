// <range-picker>: the range, granularity, comparison and segment of a page. What was chosen stands in the address as it was
// chosen; the server says which days that means, and which ones lie before and after. Keys: d w m y, [ ] and c.

import { mdiChevronLeft, mdiChevronRight } from "@mdi/js"
import { ApiProblem, fieldSentence } from "../lib/api.js"
import { dayName } from "../lib/chart/series.js"
import { fill, h, setText } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { answerTo, apiQuery, FIRST_DAY, faultOfDays, readView, refusedParts, written } from "../lib/range-view.js"
import { isShortcut } from "../lib/shortcuts.js"
import { notice } from "./feedback.js"

/** @typedef {import("../lib/range-view.js").View} View */
/** @typedef {import("../lib/chart/series.js").Range} Range */

const WORDS = ["today", "yesterday", "this_week", "last_week", "this_month", "last_month", "this_quarter"].concat(
  ["last_quarter", "this_year", "last_year", "last_7_days", "last_30_days", "last_90_days", "last_3_months"],
  ["last_6_months", "last_12_months", "last_24_months"],
)
const CUSTOM = "custom"
const GRANULARITIES = ["day", "week", "month", "quarter"]
const COMPARISONS = ["previous_period", "previous_year"]
const LONGEST_VALUE = 60

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
  #from = dayInput("from", t("range.from"))
  #to = dayInput("to", t("range.to"))
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
  #fault = h("p", { class: "field-error basis-full", id: "range-fault", role: "alert" })
  // A browser takes every digit of a date for a change: days count when somebody says that they are whole.
  #custom = h(
    "form",
    { class: "flex flex-wrap items-center gap-2", hidden: true, novalidate: true },
    this.#from,
    "–",
    this.#to,
    h("button", { class: "button button-small" }, t("range.apply")),
    this.#fault,
  )
  /** Days are being chosen: what comes from elsewhere leaves them alone. */
  #isChoosing = false
  /** Nobody has typed any yet. */
  #isUntouched = false
  #leftOut = h("div", { class: "basis-full empty:hidden", role: "status" })

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
    this.append(h("div", { class: "flex flex-wrap items-center gap-2" }, ...choices), this.#days, this.#leftOut)
    this.#segment.hidden = true
    this.#word.addEventListener("change", () => this.#takeWord())
    this.#custom.addEventListener("input", () => {
      this.#isChoosing = true
      this.#isUntouched = false
    })
    // Digits of a day that is not whole yet are no input.
    this.#custom.addEventListener("keydown", () => {
      this.#isUntouched = false
    })
    this.#custom.addEventListener("submit", event => {
      event.preventDefault()
      this.#takeDays()
    })
    this.#granularity.addEventListener("change", () => this.#change({ granularity: this.#granularity.value }))
    this.#compare.addEventListener("change", () => this.#change({ compare: this.#compare.value }))
    this.#segment.addEventListener("change", () => this.#change({ currency: this.#segment.value }))
    this.#earlier.addEventListener("click", () => this.#move("earlier"))
    this.#later.addEventListener("click", () => this.#move("later"))
    addEventListener("popstate", () => {
      this.#view = readView(new URLSearchParams(location.search))
      this.#begin()
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

  /** As the server understood it. @param {Range} range */
  resolved(range) {
    this.#range = range
    if (this.#isUntouched) this.#fillDays()
    this.#reflect()
  }

  #takeWord() {
    if (this.#word.value !== CUSTOM) return this.#change({ range: this.#word.value, from: "", to: "" })
    this.#fillDays()
    this.#custom.hidden = false
    this.#isChoosing = true
    this.#isUntouched = true
    this.#from.focus()
  }

  /** The days that are shown are those to begin with; while their answer is on its way nobody knows them. */
  #fillDays() {
    this.#from.value = this.#range?.from ?? ""
    this.#to.value = this.#range?.to ?? ""
  }

  #takeDays() {
    const [from, to] = [this.#from.value, this.#to.value]
    const fault = faultOfDays(from, to)
    this.#showFault(fault)
    if (!fault) this.#change({ range: "", from, to })
  }

  /** @param {ReturnType<typeof faultOfDays>} fault */
  #showFault(fault) {
    for (const input of [this.#from, this.#to]) {
      const isWrong = input.name === fault?.name
      input.setAttribute("aria-invalid", String(isWrong))
      if (isWrong) input.focus()
    }
    setText(this.#fault, fault ? fieldSentence({ pointer: "", code: fault.code }) : "")
  }

  /**
   * Leaves out what the server does not take, as words that there are not, and says so.
   * @param {unknown} problem @returns {boolean} whether there is another view to ask for
   */
  leaveOut(problem) {
    const names = refusedParts(problem, this.#view)
    if (names.length === 0) return false
    const errors = problem instanceof ApiProblem ? problem.errors : []
    const lines = names.map(name => {
      const error = errors.find(({ pointer }) => pointer === `?${name}`)
      const value = h("bdi", { class: "font-medium" }, this.#wordsOf(name).slice(0, LONGEST_VALUE))
      return h("li", { class: "wrap-anywhere" }, titleOf(name), ": ", value, ". ", error ? fieldSentence(error) : "")
    })
    this.#leftOut.append(notice("caution", t("range.left_out"), h("ul", {}, ...lines)))
    for (const name of names) this.#view[name] = ""
    history.replaceState(null, "", written(new URL(location.href), this.#view))
    this.#reflect()
    return true
  }

  /** @param {keyof View} name */
  #wordsOf(name) {
    const value = this.#view[name]
    if (name === "range") return label("range_word", value, value)
    if (name === "granularity") return label("range_granularity", value, value)
    return name === "compare" ? label("range_compare", value, value) : value
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
    history.pushState(null, "", written(new URL(location.href), this.#view))
    this.#begin("range" in difference)
  }

  #begin(isOtherRange = true) {
    // What lies before and after it is known when the server has answered.
    this.#range = null
    if (isOtherRange) this.#endChoosing()
    fill(this.#leftOut)
    this.#reflect()
    this.dispatchEvent(new Event("change"))
  }

  #endChoosing() {
    this.#isChoosing = false
    this.#isUntouched = false
    this.#showFault(null)
  }

  #reflect() {
    const { range, from, to, granularity, compare } = this.#view
    if (!this.#isChoosing) {
      this.#word.value = from ? CUSTOM : range || this.#usual
      this.#custom.hidden = !from
      this.#from.value = from
      this.#to.value = to
    }
    this.#granularity.value = granularity
    this.#compare.value = compare
    // Not `disabled`: whoever steps with the keyboard would lose the button under the finger.
    this.#later.setAttribute("aria-disabled", String(this.#range !== null && !this.#range.later))
    if (!this.#range) return
    const [first, last] = [dayName(this.#range.from), dayName(this.#range.to)]
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

/** @param {keyof View} name */
function titleOf(name) {
  return {
    range: t("range.range"),
    from: t("range.from"),
    to: t("range.to"),
    granularity: t("range.granularity"),
    compare: t("range.compare"),
    currency: t("plans.currency"),
  }[name]
}

/** @param {string} name @param {string} title */
function dayInput(name, title) {
  const described = { "aria-label": title, "aria-describedby": "range-fault" }
  return h("input", { type: "date", class: "input input-small w-auto", name, min: FIRST_DAY, ...described })
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
