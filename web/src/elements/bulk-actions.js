// Actions on many tenants: rows are ticked, a bar offers all that match, and the server works them off as a batch with a
// result for every row. How many are meant is said before, and the server refuses when that number has moved.

import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { BatchProgress } from "./batch-progress.js"
import { failedCard } from "./feedback.js"
import { field, formDialog } from "./form-dialog.js"
import { dangerousRequest } from "./step-up.js"

/** @typedef {"suspend" | "resume" | "backup" | "restart" | "change_plan"} Action */
/** @typedef {{ q: string, state: string[], plan: string, health: string }} Filter */

/** @type {Action[]} */
const ACTIONS = ["resume", "backup", "restart", "change_plan", "suspend"]

export class BulkActions {
  #bar = byId("bulk-bar", HTMLElement)
  #result = byId("bulk-result", HTMLElement)
  #all = false
  /** Ticked rows; when all that match are meant, those that are not. @type {Set<string>} */
  #ids = new Set()
  /** @type {string[]} */
  #shown = []
  #matching = 0
  #capped = false

  /** @param {{ filter: () => Filter, redraw: () => void, finished: () => void }} list */
  constructor(list) {
    this.list = list
  }

  /** A row's box. @param {string} id @param {string} name */
  box(id, name) {
    return this.#checkbox(t("bulk.select", { name }), this.has(id), checked => {
      // Ticking adds to the ticked ones, or takes from the exceptions.
      if (checked === this.#all) this.#ids.delete(id)
      else this.#ids.add(id)
      this.#draw()
    })
  }

  /** The box of the head: everything on this page, or nothing. */
  headBox() {
    const chosen = this.#shown.filter(id => this.has(id)).length
    const box = this.#checkbox(t("bulk.select_page"), chosen > 0 && chosen === this.#shown.length, checked => {
      if (!checked) this.clear()
      else if (this.#all) for (const id of this.#shown) this.#ids.delete(id)
      else for (const id of this.#shown) this.#ids.add(id)
      this.#draw()
      this.list.redraw()
    })
    box.id = "select-page"
    box.indeterminate = chosen > 0 && chosen < this.#shown.length
    return box
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id) !== this.#all
  }

  /** Another page is shown. @param {string[]} ids @param {number} matching @param {boolean} capped */
  show(ids, matching, capped) {
    this.#shown = ids
    this.#matching = matching
    this.#capped = capped
    this.#draw()
  }

  clear() {
    this.#all = false
    this.#ids.clear()
    this.#draw()
  }

  get #count() {
    return this.#all ? this.#matching - this.#ids.size : this.#ids.size
  }

  /** @param {string} title @param {boolean} checked @param {(checked: boolean) => void} change */
  #checkbox(title, checked, change) {
    const box = h("input", { type: "checkbox", class: "size-6 flex-none", "aria-label": title })
    box.checked = checked
    box.addEventListener("change", () => change(box.checked))
    return box
  }

  #draw() {
    const count = this.#count
    const head = document.getElementById("select-page")
    if (head instanceof HTMLInputElement) {
      const chosen = this.#shown.filter(id => this.has(id)).length
      head.checked = chosen > 0 && chosen === this.#shown.length
      head.indeterminate = chosen > 0 && chosen < this.#shown.length
    }
    this.#bar.hidden = count <= 0
    if (count <= 0) return
    const focused = this.#bar.contains(document.activeElement) ? document.activeElement?.id : ""
    const more = !this.#all && this.#matching > count
    fill(
      this.#bar,
      h(
        "p",
        { class: "flex flex-wrap items-center gap-x-3 gap-y-1", role: "status" },
        h(
          "strong",
          { class: "font-semibold" },
          this.#capped && this.#all
            ? t("bulk.selected_capped", { number: formatNumber(count) })
            : t("bulk.selected", { count }),
        ),
      ),
      more &&
        h(
          "button",
          { type: "button", class: "link-button", id: "select-all", onclick: () => this.#selectAll() },
          this.#capped
            ? t("bulk.select_all_capped", { number: formatNumber(this.#matching) })
            : t("bulk.select_all", { count: this.#matching }),
        ),
      h(
        "div",
        { class: "flex flex-wrap gap-2 sm:ms-auto" },
        ...ACTIONS.map(action =>
          h(
            "button",
            {
              type: "button",
              class: action === "suspend" ? "button button-small button-danger-quiet" : "button button-small",
              id: `bulk-${action}`,
              onclick: () => this.#ask(action),
            },
            label("bulk_action", action),
          ),
        ),
        h(
          "button",
          { type: "button", class: "button button-small button-quiet", id: "bulk-clear", onclick: () => this.#drop() },
          t("bulk.clear"),
        ),
      ),
    )
    if (focused) document.getElementById(focused)?.focus()
  }

  #selectAll() {
    this.#all = true
    this.#ids.clear()
    this.#draw()
    this.list.redraw()
    document.getElementById("bulk-clear")?.focus()
  }

  #drop() {
    this.clear()
    this.list.redraw()
    document.getElementById("select-page")?.focus()
  }

  /** @param {Action} action @param {number} [expected] what the server counted last */
  async #ask(action, expected = this.#count) {
    const words = { count: expected }
    const titles = {
      suspend: () => t("bulk.ask_suspend", words),
      resume: () => t("bulk.ask_resume", words),
      backup: () => t("bulk.ask_backup", words),
      restart: () => t("bulk.ask_restart", words),
      change_plan: () => t("bulk.ask_change_plan", words),
    }
    const plan = h("select", { class: "input", name: "to_plan" })
    if (action === "change_plan") fill(plan, ...(await planOptions()))
    const reason = h("input", { class: "input", name: "reason", autocomplete: "off", maxlength: "500" })
    let batch = ""
    let moved = 0
    try {
      const done = await formDialog({
        title: titles[action](),
        lead: [
          expected !== this.#count ? h("p", {}, t("bulk.moved", { before: this.#count, count: expected })) : null,
          h("p", {}, label("bulk_effect", action)),
        ],
        danger: action !== "resume" && action !== "backup",
        fields: [
          action === "change_plan" && field(t("tenants.plan"), plan),
          field(t("bulk.reason"), reason, h("p", { class: "hint" }, t("bulk.reason_hint"))),
        ],
        action: t("bulk.confirm", { action: label("bulk_action", action), count: expected }),
        submit: async () => {
          try {
            const body = {
              ...this.#target(expected),
              action,
              ...(reason.value.trim() && { reason: reason.value.trim() }),
              ...(action === "change_plan" && { to_plan: plan.value }),
            }
            batch = (await dangerousRequest("POST", "/api/tenants/batch", { body })).id
          } catch (problem) {
            if (!(problem instanceof ApiProblem) || problem.code !== "count_moved") throw problem
            moved = Number(problem.body.count)
          }
        },
      })
      if (moved > 0) await this.#ask(action, moved)
      else if (done) this.#follow(batch)
    } catch (problem) {
      fill(this.#result, failedCard(problem))
    }
  }

  /** Which tenants: those that were ticked, or a question to the list with its exceptions. @param {number} expected */
  #target(expected) {
    if (!this.#all) return { ids: [...this.#ids], expected_count: expected }
    const { q, state, plan, health } = this.list.filter()
    const filter = {
      ...(q && { q }),
      ...(state.length > 0 && { state }),
      ...(plan && { plan }),
      ...(health && { health: [health] }),
    }
    return { filter, exclude: [...this.#ids], expected_count: expected }
  }

  /** @param {string} id */
  #follow(id) {
    this.#drop()
    const progress = new BatchProgress(id, () => this.list.finished())
    fill(this.#result, progress.element)
    progress.element.focus()
  }
}

async function planOptions() {
  /** @type {import("../lib/plans.js").PriceList} */
  const { plans } = await request("GET", "/api/plans")
  return plans.map(({ id, name }) => h("option", { value: id }, name))
}
