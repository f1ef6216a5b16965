// How a table is looked at: its order, how close its rows stand, and which columns are seen in which order, by buttons.

import { mdiArrowDown, mdiArrowUp, mdiTune } from "@mdi/js"
import { fill, h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { popover } from "../row-menu.js"
import { declared, moved, seen } from "./columns.js"

/** @typedef {import("./address.js").State} State */
/** @typedef {{ id: string, sort?: string, hidden?: boolean }} ColumnKey */

export class ViewMenu {
  #content = h("div", { class: "grid gap-4 p-1" })
  #panel = h("div", { class: "menu-panel", role: "group", "aria-label": t("table.view") }, this.#content)
  element = popover(this.#panel, "button button-small", [icon(mdiTune), t("table.view")])

  /** @param {{ columns: ColumnKey[], head: (id: string) => string, state: () => State, order: string, go: (state: State) => void }} parts */
  constructor(parts) {
    this.parts = parts
  }

  draw() {
    const { columns, state } = this.parts
    const focused = this.#panel.contains(document.activeElement) ? document.activeElement?.id : ""
    const now = state()
    fill(
      this.#content,
      this.#sort(now),
      h(
        "label",
        { class: "flex min-h-6 items-center gap-2.5" },
        this.#box("table-dense", now.dense, dense => this.#go({ dense })),
        t("table.compact"),
      ),
      h(
        "fieldset",
        {},
        h("legend", { class: "mb-1.5 text-sm font-medium text-soft" }, t("table.columns")),
        h("ul", { class: "grid gap-1" }, ...now.columns.order.map((id, index) => this.#column(now, id, index))),
      ),
      h(
        "button",
        {
          type: "button",
          class: "link-button justify-self-start text-sm",
          id: "table-usual",
          onclick: () => this.#go({ columns: declared(columns), sort: "", dense: false }),
        },
        t("table.usual"),
      ),
    )
    if (focused) this.#refocus(focused)
  }

  // At the top or the end of the columns the button that was used is gone: its neighbour moves the same column.
  /** @param {string} id */
  #refocus(id) {
    const same = /** @type {HTMLButtonElement | null} */ (document.getElementById(id))
    const other = id.startsWith("column-up-") ? id.replace("up", "down") : id.replace("down", "up")
    const target = same?.disabled ? document.getElementById(other) : same
    target?.focus()
  }

  /** @param {Partial<State>} difference */
  #go(difference) {
    this.parts.go({ ...this.parts.state(), ...difference })
  }

  /** On a phone, where no heads are, this is where the order is chosen. @param {State} now */
  #sort(now) {
    const { columns, head, order } = this.parts
    const orders = columns.flatMap(({ id, sort }) =>
      sort
        ? [
            [sort, "table.upwards", id],
            [`-${sort}`, "table.downwards", id],
          ]
        : [],
    )
    const known = orders.some(([value]) => value === order)
    const select = h(
      "select",
      { class: "input input-small", id: "table-sort", autocomplete: "off" },
      !known && h("option", { value: "" }, t("table.usual_order")),
      ...orders.map(([value, direction, id]) =>
        h(
          "option",
          { value: value === order ? "" : value },
          direction === "table.upwards"
            ? t("table.upwards", { column: head(id) })
            : t("table.downwards", { column: head(id) }),
        ),
      ),
    )
    select.value = now.sort
    select.addEventListener("change", () => this.#go({ sort: select.value, cursor: "" }))
    return orders.length > 0 && h("label", { class: "grid gap-1 text-sm" }, t("table.sort"), select)
  }

  /** @param {State} now @param {string} id @param {number} index */
  #column({ columns }, id, index) {
    const name = this.parts.head(id)
    const isSeen = !columns.hidden.includes(id)
    const box = this.#box(`column-${id}`, isSeen, show => this.#go({ columns: seen(columns, id, show) }))
    box.disabled = index === 0
    const move = (/** @type {-1 | 1} */ by, /** @type {string} */ words, /** @type {string} */ path) =>
      h(
        "button",
        {
          type: "button",
          class: "button button-small button-quiet button-square",
          id: `column-${by < 0 ? "up" : "down"}-${id}`,
          "aria-label": words,
          disabled: index === 0 || index + by < 1 || index + by >= columns.order.length,
          onclick: () => this.#go({ columns: moved(columns, id, by) }),
        },
        icon(path),
      )
    return h(
      "li",
      { class: "flex items-center gap-1" },
      h(
        "label",
        { class: "flex min-h-6 min-w-0 flex-1 items-center gap-2.5" },
        box,
        h("span", { class: "truncate" }, name),
      ),
      move(-1, t("table.move_up", { column: name }), mdiArrowUp),
      move(1, t("table.move_down", { column: name }), mdiArrowDown),
    )
  }

  /** @param {string} id @param {boolean} checked @param {(checked: boolean) => void} change */
  #box(id, checked, change) {
    const box = h("input", { type: "checkbox", class: "size-6 flex-none", id })
    box.checked = checked
    box.addEventListener("change", () => change(box.checked))
    return box
  }
}
