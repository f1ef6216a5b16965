// What was invoiced, collected and given back over time. Its range and currency are its own: the address is the list's.

import "./series-chart.js"
import { ApiProblem } from "../lib/api.js"
import { formatValue } from "../lib/chart/units.js"
import { fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { definition } from "./definition.js"
import { failedCard } from "./feedback.js"

/** @typedef {import("../lib/chart/series.js").Series} Series */

const RANGES = ["last_30_days", "last_3_months", "last_12_months", "last_24_months", "this_year", "last_year"]
const USUAL = "last_12_months"

export class BillingTrends {
  #chart = /** @type {import("./series-chart.js").SeriesChart} */ (document.createElement("series-chart"))
  #problem = h("div", { class: "empty:hidden" })
  #range = h(
    "select",
    { class: "input w-auto", "aria-label": t("billing_trends.range"), autocomplete: "off" },
    ...RANGES.map(word => h("option", { value: word, selected: word === USUAL }, label("range_word", word))),
  )
  #currency = h("select", {
    class: "input w-auto",
    "aria-label": t("billing_trends.currency"),
    autocomplete: "off",
    hidden: true,
  })
  #asked = 0
  element = h(
    "section",
    { class: "card mt-4 mb-4 min-w-0", id: "trends", "aria-labelledby": "trends-title" },
    h(
      "div",
      { class: "card-head flex-wrap gap-x-4 gap-y-2" },
      h(
        "div",
        { class: "flex items-center gap-1" },
        h("h2", { id: "trends-title" }, t("billing_trends.title")),
        definition("billing_trends", t("billing_trends.title")),
      ),
      h("div", { class: "screen-only flex flex-wrap gap-2" }, this.#currency, this.#range),
    ),
    h("div", { class: "card-body min-h-88" }, this.#problem, this.#chart),
  )

  /** @param {string[]} currencies those that somebody paid in */
  constructor(currencies) {
    this.currencies = currencies
    for (const control of [this.#range, this.#currency]) control.addEventListener("change", () => this.load())
  }

  async load() {
    const mine = ++this.#asked
    const query = new URLSearchParams({ range: this.#range.value })
    if (this.#currency.value) query.set("currency", this.#currency.value)
    try {
      /** @type {Series} */
      const series = await staffRequest("GET", `/api/billing/trends?${query}`)
      if (mine !== this.#asked) return
      // Where nothing was ever invoiced there is nothing to draw.
      this.element.hidden = mine === 1 && series.rows.every(({ values }) => values.every(value => !value))
      this.#draw(series)
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      if (mine === this.#asked)
        fill(
          this.#problem,
          failedCard(problem, () => this.load()),
        )
    }
  }

  /** @param {Series} series */
  #draw(series) {
    fill(this.#problem)
    const now = series.unit.currency ?? ""
    const all = [...new Set([...this.currencies, now])].filter(Boolean).sort()
    fill(this.#currency, ...all.map(code => h("option", { value: code, selected: code === now }, code.toUpperCase())))
    this.#currency.hidden = all.length < 2
    const sum = (/** @type {string} */ id) => {
      const at = series.columns.findIndex(column => column.id === id)
      return formatValue(
        series.rows.reduce((total, { values }) => total + (values[at] ?? 0), 0),
        series.unit,
      )
    }
    this.#chart.show(series, {
      summary: t("billing_trends.summary", { collected: sum("collected"), invoiced: sum("invoiced") }),
    })
  }
}
