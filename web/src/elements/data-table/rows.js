// The head and the rows of a table. A row is known by its id; its first cell heads it.

import { mdiArrowDown, mdiArrowUp, mdiUnfoldMoreHorizontal } from "@mdi/js"
import { h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { nextSort } from "./address.js"

/** @typedef {import("../../lib/dom.js").Child} Child */
/** @typedef {(filter: string, value: string, shown: Child) => Child} Only a value that narrows the list to its like */
/**
 * @template Row
 * @typedef {{ id: string, cell: (row: Row, only: Only) => Child | Child[], sort?: string, numeric?: boolean, wide?: boolean,
 *             hidden?: boolean, first?: boolean, exported?: string[] }} Column
 *   `id` is the API's member, and what a file has of it unless `exported` names others; `sort` the order it gives; `wide` may wrap; `first` stands at the top of a card on a phone
 */

/** @param {{ numeric?: boolean, wide?: boolean, first?: boolean }} column @param {boolean} heads */
const classesOf = ({ numeric, wide, first }, heads) =>
  [heads && "sticky-column", numeric && "align-end", wide && "wide-column", first && "card-first"]
    .filter(Boolean)
    .join(" ")

/**
 * @template Row
 * @param {{ columns: Column<Row>[], head: (id: string) => string, sort: string, order: string, go: (sort: string) => void,
 *           box: Node | null, hasActions: boolean }} parts
 */
export function headRow({ columns, head, sort, order, go, box, hasActions }) {
  const now = sort || order
  const cells = columns.map((column, index) => {
    const boxed = index === 0 && box && h("span", { class: "screen-only inline-flex" }, box)
    const classes = classesOf(column, index === 0)
    if (!column.sort)
      return h(
        "th",
        { scope: "col", class: classes },
        boxed ? h("span", { class: "inline-flex items-center gap-3" }, boxed, head(column.id)) : head(column.id),
      )
    const { sort: name } = column
    const current = now.replace(/^-/, "") === name
    const down = now.startsWith("-")
    return h(
      "th",
      { scope: "col", class: classes, "aria-sort": current && (down ? "descending" : "ascending") },
      h(
        "span",
        { class: "inline-flex items-center gap-3" },
        boxed,
        h(
          "button",
          { type: "button", class: "sort-button", onclick: () => go(nextSort(sort, name, order)), "data-sort": name },
          head(column.id),
          icon(current ? (down ? mdiArrowDown : mdiArrowUp) : mdiUnfoldMoreHorizontal),
        ),
      ),
    )
  })
  const actions = h(
    "th",
    { scope: "col", class: "screen-only menu-column" },
    h("span", { class: "sr-only" }, t("menu.actions")),
  )
  return hasActions ? [...cells, actions] : cells
}

/**
 * @template Row
 * @param {Row} row @param {{ id: string, columns: Column<Row>[], head: (id: string) => string, box: Node | null, only: Only,
 *                            actions?: (row: Row) => Child }} parts
 */
export function bodyRow(row, { id, columns, head, box, only, actions }) {
  const cells = columns.map((column, index) => {
    const content = [column.cell(row, only)].flat()
    const classes = classesOf(column, index === 0)
    if (index > 0) return h("td", { class: classes, "data-head": head(column.id) }, ...content)
    const named = h("div", { class: "min-w-0" }, ...content)
    const boxed =
      box && h("div", { class: "flex items-center gap-3" }, h("span", { class: "screen-only flex" }, box), named)
    return h("th", { scope: "row", class: classes }, boxed || named)
  })
  const last = actions && h("td", { class: "screen-only menu-column" }, actions(row))
  return h("tr", { "data-id": id }, ...cells, last)
}

/**
 * What a second look at the same page says: rows that changed, by their place, and how many nobody has seen yet.
 * @template Row
 * @param {Row[]} shown @param {Row[]} fresh @param {(row: Row) => string} idOf
 * @returns {{ changed: [number, Row][], unseen: number }}
 */
export function compared(shown, fresh, idOf) {
  const places = new Map(shown.map((row, index) => [idOf(row), index]))
  /** @type {[number, Row][]} */
  const changed = []
  let unseen = 0
  for (const row of fresh) {
    const place = places.get(idOf(row))
    if (place === undefined) unseen += 1
    else if (JSON.stringify(shown[place]) !== JSON.stringify(row)) changed.push([place, row])
  }
  return { changed, unseen }
}
