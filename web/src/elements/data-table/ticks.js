// The boxes of a table's rows and of its head. A tick changes boxes where they are: no row is drawn for it.

import { h } from "../../lib/dom.js"
import { t } from "../../lib/messages.js"

export class Ticks {
  /** What rows are called, as they were drawn. @type {Map<string, string>} */
  #names = new Map()

  /** @param {{ selection: import("./selection.js").Selection, ids: () => string[], changed: () => void }} table `ids` of the page */
  constructor(table) {
    this.table = table
  }

  /** The box of the head: everything on this page, or nothing. */
  headBox() {
    const { selection, ids } = this.table
    const box = this.#box(t("bulk.select_page"), checked => selection.tickPage(ids(), checked))
    box.id = "select-page"
    this.#showPage(box)
    return box
  }

  /** A row's box. @param {string} id @param {string} name */
  box(id, name) {
    const { selection } = this.table
    this.#names.set(id, name)
    const box = this.#box(t("bulk.select", { name }), checked => selection.tick(id, checked))
    box.checked = selection.has(id)
    return box
  }

  /** What the row is called, where one is ticked. */
  get only() {
    const ticked = [...this.#names].filter(([id]) => this.table.selection.has(id))
    return ticked.length === 1 ? ticked[0][1] : undefined
  }

  /** @param {HTMLTableSectionElement} body @param {HTMLTableRowElement} head */
  draw(body, head) {
    for (const row of body.rows) {
      const box = row.cells[0].querySelector("input")
      if (box) box.checked = this.table.selection.has(row.dataset.id ?? "")
    }
    const box = head.querySelector("input")
    if (box) this.#showPage(box)
  }

  /** @param {string} title @param {(checked: boolean) => void} tick */
  #box(title, tick) {
    const box = h("input", { type: "checkbox", class: "size-6 flex-none", "aria-label": title })
    box.addEventListener("change", () => {
      tick(box.checked)
      this.table.changed()
    })
    return box
  }

  /** @param {HTMLInputElement} box */
  #showPage(box) {
    const ticked = this.table.selection.ofPage(this.table.ids())
    box.checked = ticked === "whole"
    box.indeterminate = ticked === "some"
  }
}
