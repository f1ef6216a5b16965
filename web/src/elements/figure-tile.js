// <figure-tile>: a number with what it changed by, what it means, its line over time and the way to its rows. It is made
// once and only its values change, so that an open definition or a selection survives the next update.

import { mdiArrowDown, mdiArrowUp, mdiEqual } from "@mdi/js"
import { sparkline } from "../lib/chart/cells.js"
import { fill, h, setText } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { definition } from "./definition.js"

/** @typedef {import("../lib/chart/change.js").Change} Change */
/**
 * @typedef {{ figures: string[], change?: { of: Change, size: string, since: string, bad?: boolean } | null, note?: string,
 *   points?: (number | null)[], href?: string | null, links?: string[] }} Figure `figures`: one per currency, never added up;
 *   `links`: where each of them leads, `href`: where all do;
 *   the change is that of the first; `bad`: more of it is worse
 */

export class FigureTile extends HTMLElement {
  #title = ""
  #heading = h("h2", { class: "pt-0.5 text-sm font-medium text-soft" })
  #value = h("div", { class: "figures mt-1 grid gap-0.5" })
  #shown = ""
  #href = ""

  /** @param {string} title @param {string} meaning a key under "definition." */
  describe(title, meaning) {
    this.#title = title
    this.className = "card block min-h-29 px-4 py-3"
    fill(this.#heading, title)
    const head = h(
      "div",
      { class: "flex items-start justify-between gap-1" },
      this.#heading,
      definition(meaning, title),
    )
    fill(this, head, this.#value)
    return this
  }

  /** @param {Figure} figure */
  show(figure) {
    const shown = JSON.stringify(figure)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#link(figure.href ?? "")
    const { figures, change, note, points = [], links = [] } = figure
    const [first = "–", ...others] = figures
    fill(
      this.#value,
      this.#amount(first, "figure", links[0]),
      change && changeLine(change),
      ...others.map((text, index) => this.#amount(text, "figure figure-second", links[index + 1])),
      note && h("span", { class: "numbers block text-sm text-soft" }, note),
      sparkline(points),
    )
  }

  /** @param {string} text @param {string} classes @param {string} [href] */
  #amount(text, classes, href) {
    const properties = { class: `${classes} justify-self-start`, href, "aria-label": `${this.#title}: ${text}` }
    return href ? h("a", properties, text) : h("span", { class: classes }, text)
  }

  /** @param {string} href */
  #link(href) {
    if (href === this.#href) return
    this.#href = href
    if (href) fill(this.#heading, h("a", { href, class: "inline-block py-0.5" }, this.#title))
    else setText(this.#heading, this.#title)
  }
}

/** An arrow and a word, so that colour is not needed. @param {NonNullable<Figure["change"]>} change */
function changeLine({ of: { state }, size, since, bad = false }) {
  if (state === "nothing_earlier") return h("span", { class: "text-sm text-soft" }, t("tile.nothing_earlier"))
  const rising = state === "up" || state === "from_zero"
  const mark = { up: mdiArrowUp, from_zero: mdiArrowUp, down: mdiArrowDown, same: mdiEqual }[state]
  const words = {
    up: t("tile.more", { size }),
    down: t("tile.less", { size }),
    same: t("tile.unchanged"),
    from_zero: t("tile.from_zero", { size }),
  }[state]
  const tone = state === "same" ? "text-soft" : rising !== bad ? "text-positive" : "text-negative"
  return h(
    "span",
    { class: "flex flex-wrap items-baseline gap-x-1.5 text-sm text-soft", "data-change": state },
    h(
      "span",
      { class: `numbers inline-flex items-center gap-0.5 font-medium ${tone}` },
      icon(mark),
      state !== "same" && h("span", { class: "sr-only" }, rising ? t("tile.up") : t("tile.down")),
      words,
    ),
    since,
  )
}

customElements.define("figure-tile", FigureTile)
