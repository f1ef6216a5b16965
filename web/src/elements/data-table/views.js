// Saved views: a view is what an address says of a list, under a name. Opened by `?view=view_1` it becomes that address, so
// the address stays the only state; what the list no longer knows is named and left out, and nothing is written for it.

import { mdiBookmarkOutline, mdiPin, mdiPinOutline, mdiStar, mdiStarOutline, mdiTrashCanOutline } from "@mdi/js"
import { fill, h, redraw } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { ifMatch, staffRequest } from "../../lib/session.js"
import { failedCard } from "../feedback.js"
import { field, formDialog, inputFor } from "../form-dialog.js"
import { popover } from "../row-menu.js"
import { filterParameters, NO_VIEW, readAddress, writeAddress } from "./address.js"
import { declared } from "./columns.js"

/** @typedef {import("./address.js").State} State */
/** @typedef {import("./address.js").Shape} Shape */
/**
 * @typedef {{ query: string, columns: { hidden: string[], shown: string[], order: string[] }, density: string | null,
 *             page_size: number | null }} Look
 * @typedef {Look & { id: string, list: string, name: string, visibility: "private" | "shared", owner: string, own: boolean,
 *                    pinned: boolean, is_default: boolean, version: number,
 *                    dropped: { filters: string[], columns: string[] } }} View
 */

/** @param {Look} view @param {Shape} shape @returns {State} */
export function stateOf({ query, columns, density, page_size: limit }, shape) {
  const { state } = readAddress(`?${query}`, shape)
  const usual = declared(shape.columns)
  const movable = usual.order.slice(1)
  // Those that were moved take each other's places; a column that came since keeps its own.
  const moved = columns.order.filter(id => movable.includes(id))
  const next = moved.values()
  const order = usual.order.map(id => (moved.includes(id) ? (next.next().value ?? id) : id))
  const { hidden, shown } = columns
  return {
    ...state,
    limit: limit ?? state.limit,
    dense: density === "compact",
    columns: {
      order,
      hidden: movable.filter(id => hidden.includes(id) || (usual.hidden.includes(id) && !shown.includes(id))),
    },
  }
}

/** What is kept of a state. @param {State} state @param {Shape} shape @returns {Look} */
export function lookOf(state, shape) {
  const usual = declared(shape.columns)
  const { order, hidden } = state.columns
  const query = filterParameters(state)
  if (state.sort) query.set("sort", state.sort)
  return {
    query: query.toString(),
    columns: {
      hidden: hidden.filter(id => !usual.hidden.includes(id)),
      shown: usual.hidden.filter(id => !hidden.includes(id)),
      order: order.join() === usual.order.join() ? [] : order.slice(1),
    },
    density: state.dense ? "compact" : null,
    page_size: state.limit,
  }
}

/**
 * What a list begins with: the view that the address names; one's default where it says nothing.
 * @param {string} list @param {string} search @param {string[]} [keep] @returns {Promise<View | null>}
 */
export async function openingView(list, search, keep = []) {
  const address = new URLSearchParams(search)
  const named = address.get("view")
  if (named === NO_VIEW) return null
  if (named) return staffRequest("GET", `/api/views/${encodeURIComponent(named)}`).catch(() => null)
  if ([...address.keys()].some(key => key !== "lang" && !keep.includes(key))) return null
  const views = await viewsOf(list).catch(() => [])
  return views.find(view => view.is_default) ?? null
}

/** @param {string} list @returns {Promise<View[]>} */
const viewsOf = async list => (await staffRequest("GET", `/api/views?list=${list}`)).data

export class ViewsMenu {
  #problem = h("div", { class: "empty:hidden" })
  #list = h("ul", { class: "grid gap-0.5" })
  #panel = h("div", { class: "menu-panel", role: "group", "aria-label": t("views.title") })
  element = popover(this.#panel, "button button-small", [icon(mdiBookmarkOutline), t("views.title")])
  /** @type {View[]} */
  #views = []

  /** @param {{ list: string, shape: Shape, state: () => State }} table */
  constructor(table) {
    this.table = table
    const save = h("button", { type: "button", class: "menu-item", id: "save-view" }, t("views.save"))
    save.addEventListener("click", () => this.#attempt(() => this.#save()))
    fill(this.#panel, this.#problem, this.#list, h("div", { class: "mt-1 border-t border-line pt-1" }, save))
  }

  async load() {
    this.#views = await viewsOf(this.table.list)
    this.draw()
  }

  /** Whether an address that says nothing begins with a view. */
  get hasDefault() {
    return this.#views.some(view => view.is_default)
  }

  draw() {
    const here = writeAddress(this.table.state(), this.table.shape, "")
    const current = here === "" && "true"
    const usual = h("a", { class: "menu-item", href: `?view=${NO_VIEW}`, "aria-current": current }, t("views.usual"))
    redraw(this.#list, h("li", {}, usual), ...this.#views.map(view => this.#item(view, here)))
  }

  /** @param {View} view @param {string} here */
  #item(view, here) {
    const { id, name, owner, own, pinned, is_default: isDefault } = view
    const isHere = writeAddress(stateOf(view, this.table.shape), this.table.shape, "") === here
    const link = h(
      "a",
      { class: "menu-item min-w-0 flex-1", href: `?view=${id}`, "aria-current": isHere && "true" },
      h("span", { class: "truncate", translate: "no" }, name),
      !own && h("span", { class: "hint truncate" }, t("views.by", { owner })),
    )
    // Only what was pressed is said: of the rest another tab may know more.
    const mark = (
      /** @type {"pinned" | "is_default"} */ name,
      /** @type {boolean} */ on,
      /** @type {string} */ path,
      /** @type {string} */ words,
    ) =>
      iconButton(`${id}-${name}`, path, words, on, () =>
        this.#attempt(() => staffRequest("PUT", `/api/views/${id}/marks`, { body: { [name]: !on } })),
      )
    return h(
      "li",
      { class: "flex items-center gap-1" },
      link,
      mark("pinned", pinned, pinned ? mdiPin : mdiPinOutline, t("views.pin", { name })),
      mark("is_default", isDefault, isDefault ? mdiStar : mdiStarOutline, t("views.begin", { name })),
      own &&
        iconButton(`${id}-delete`, mdiTrashCanOutline, t("views.delete", { name }), undefined, () =>
          this.#attempt(() => remove(view)),
        ),
    )
  }

  /** @param {() => Promise<unknown>} act */
  async #attempt(act) {
    try {
      await act()
      fill(this.#problem)
      await this.load()
    } catch (problem) {
      fill(this.#problem, failedCard(problem))
    }
    // A dialog has closed the menu, and what opened it may be gone.
    if (!this.#panel.matches(":popover-open")) this.element.querySelector("button")?.focus()
  }

  async #save() {
    const own = this.#views.filter(view => view.own)
    const name = inputFor("POST /api/views", "name")
    const shared = h("input", { type: "checkbox", class: "size-5", name: "shared" })
    const as = h(
      "select",
      { class: "input", name: "as", autocomplete: "off" },
      h("option", { value: "" }, t("views.new")),
    )
    as.append(...own.map(view => h("option", { value: view.id, translate: "no" }, view.name)))
    const chosen = () => own.find(view => view.id === as.value)
    as.addEventListener("change", () => {
      name.value = chosen()?.name ?? ""
      shared.checked = chosen()?.visibility === "shared"
    })
    this.#panel.hidePopover()
    await formDialog({
      title: t("views.save_title"),
      fields: [
        own.length > 0 && field(t("views.as"), as),
        field(t("field.name"), name),
        h("label", { class: "flex items-center gap-2.5" }, shared, h("span", {}, t("views.share"))),
      ],
      action: t("views.save_action"),
      submit: () => {
        const look = lookOf(this.table.state(), this.table.shape)
        const body = { ...look, name: name.value.trim(), visibility: shared.checked ? "shared" : "private" }
        const old = chosen()
        if (!old) return staffRequest("POST", "/api/views", { body: { ...body, list: this.table.list } })
        return staffRequest("PUT", `/api/views/${old.id}`, { body, headers: ifMatch(old) })
      },
    })
  }
}

/** @param {View} view */
const remove = ({ id, name, version }) =>
  formDialog({
    title: t("views.delete_title", { name }),
    fields: [],
    danger: true,
    action: t("views.delete", { name }),
    submit: () => staffRequest("DELETE", `/api/views/${id}`, { headers: ifMatch({ version }) }),
  })

/** @param {string} id @param {string} path @param {string} words @param {boolean | undefined} pressed @param {() => void} act */
const iconButton = (id, path, words, pressed, act) =>
  h(
    "button",
    {
      type: "button",
      id,
      class: "button button-small button-quiet button-square",
      "aria-label": words,
      "aria-pressed": pressed === undefined ? undefined : String(pressed),
      onclick: act,
    },
    icon(path),
  )
