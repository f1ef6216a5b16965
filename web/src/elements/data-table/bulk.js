// Actions on many rows: a bar says how many are ticked and offers all that match, and the server works them off as a batch
// with a result for every row. How many are meant is said before; the server refuses when that number has moved.

import { ApiProblem } from "../../lib/api.js"
import { fill, h } from "../../lib/dom.js"
import { formatNumber } from "../../lib/format.js"
import { t } from "../../lib/messages.js"
import { say } from "../../lib/say.js"
import { staffRequest } from "../../lib/session.js"
import { BatchProgress } from "../batch-progress.js"
import { failedCard } from "../feedback.js"
import { field, formDialog } from "../form-dialog.js"
import { dangerousRequest } from "../step-up.js"

/** @typedef {import("../../lib/dom.js").Child} Child */
/**
 * @typedef {{ name: string, label: string, effect: (count: number) => string, danger?: boolean,
 *             title: (count: number, name?: string) => string, fields?: () => Promise<Child[]> }} Action `danger` puts the focus on the safe button; `fields` are its arguments
 * @typedef {{ path: string, title: string, heading: string, href?: (id: string) => string, hint?: string, actions: Action[] }} Bulk
 *             `path` is the list's; `heading` stands above the names of its rows in a result, which lead to `href`; `hint`
 *             tells where the reason is read, where that is more than the audit trail
 * @typedef {{ filter?: Record<string, string>, ids?: string[], exclude?: string[] }} Target
 * @typedef {{ matching: number, selectable: number, skipped: { why: import("../../lib/say.js").Said, count: number }[] }} Preview
 */

/** Beyond that a batch is begun without a preview. */
const MOST_IN_A_URL = 500

export class BulkBar {
  element
  /** Where results stand. */
  result = h("div", { class: "mt-2 empty:hidden" })
  #matching = { count: 0, capped: false }

  /**
   * @param {Bulk} bulk
   * @param {{ selection: import("./selection.js").Selection, only: () => string | undefined, target: () => Target,
   *           changed: () => void, finished: () => void }} table `only` is what the one row that is ticked is called
   */
  constructor(bulk, table) {
    this.bulk = bulk
    this.table = table
    this.element = h("div", {
      class: "bulk-bar screen-only mt-2",
      role: "region",
      "aria-label": bulk.title,
      hidden: true,
    })
  }

  /** @param {{ count: number, capped: boolean }} matching */
  show(matching) {
    this.#matching = matching
    this.draw()
  }

  get #count() {
    return this.table.selection.count(this.#matching.count)
  }

  draw() {
    const { count, capped } = this.#matching
    const { isAll } = this.table.selection
    const chosen = this.#count
    this.element.hidden = chosen <= 0
    if (chosen <= 0) return
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.id : ""
    const isOpen = capped && isAll
    const words = isOpen
      ? t("bulk.selected_capped", { number: formatNumber(chosen) })
      : t("bulk.selected", { count: chosen })
    const all = capped ? t("bulk.select_all_capped", { number: formatNumber(count) }) : t("bulk.select_all", { count })
    fill(
      this.element,
      h("p", { role: "status" }, h("strong", { class: "font-semibold" }, words)),
      !isAll && count > chosen && button("select-all", "link-button", all, () => this.#selectAll()),
      h(
        "div",
        { class: "flex flex-wrap gap-2 sm:ms-auto" },
        ...this.bulk.actions.map(action =>
          button(
            `bulk-${action.name}`,
            `button button-small ${action.danger ? "button-danger-quiet" : ""}`,
            action.label,
            () => this.#ask(action),
          ),
        ),
        button("bulk-clear", "button button-small button-quiet", t("bulk.clear"), () => this.clear()),
      ),
    )
    if (focused) document.getElementById(focused)?.focus()
  }

  #selectAll() {
    this.table.selection.tickAll()
    this.table.changed()
    document.getElementById("bulk-clear")?.focus()
  }

  clear() {
    this.table.selection.clear()
    this.table.changed()
    document.getElementById("select-page")?.focus()
  }

  /** @param {Action} action @param {number} [expected] what the server counted last */
  async #ask(action, expected = this.#count) {
    let batch = ""
    let moved = 0
    try {
      // The API describes no bounds of arguments: what the server says of it stands at the field.
      const reason = h("input", { class: "input", name: "reason", autocomplete: "off" })
      const fields = (await action.fields?.()) ?? []
      const would = h("div", { class: "mt-2 grid gap-1 empty:hidden", role: "status", id: "bulk-would" })
      const all = h(
        "div",
        { class: "contents", onchange: () => preview() },
        ...fields,
        field(t("bulk.reason"), reason, h("p", { class: "hint" }, this.bulk.hint ?? t("bulk.reason_hint"))),
      )
      // The form says what is wrong; without a preview the server still counts before it begins.
      const preview = async () => {
        const confirm = would.closest("form")?.querySelector("[data-action]")
        const possible = await this.#preview(action, given(all), would).catch(() => {
          fill(would)
          return true
        })
        if (confirm && possible !== null) allow(confirm, possible)
      }
      const title = action.title(expected, expected === 1 ? this.table.only() : undefined)
      const answered = formDialog({
        title,
        lead: [
          expected !== this.#count ? h("p", {}, t("bulk.moved", { before: this.#count, count: expected })) : null,
          h("p", {}, action.effect(expected)),
          would,
        ],
        danger: action.danger,
        fields: [all],
        action: asOrder(title),
        submit: async () => {
          const body = {
            ...this.table.target(),
            expected_count: expected,
            action: action.name,
            arguments: given(all),
          }
          try {
            batch = (await dangerousRequest("POST", `${this.bulk.path}/batch`, { body })).id
          } catch (problem) {
            if (!(problem instanceof ApiProblem) || problem.code !== "count_moved") throw problem
            moved = Number(problem.body.count)
          }
        },
      })
      preview()
      const done = await answered
      if (moved > 0) await this.#ask(action, moved)
      else if (done) this.#follow(batch)
    } catch (problem) {
      fill(this.result, failedCard(problem))
    }
  }

  /**
   * Says with how many it can be done, and why the others would be left out.
   * @param {Action} action @param {Record<string, string>} said arguments @param {HTMLElement} place
   * @returns {Promise<boolean | null>} whether there is any; none: something else was asked meanwhile
   */
  async #preview(action, said, place) {
    const { filter, ids, exclude } = this.table.target()
    if (Math.max(ids?.length ?? 0, exclude?.length ?? 0) > MOST_IN_A_URL) return true
    const { reason: _, ...rest } = said
    const query = new URLSearchParams({ action: action.name, arguments: JSON.stringify(rest), ...filter })
    if (ids) query.set("ids", ids.join(","))
    if (exclude?.length) query.set("exclude", exclude.join(","))
    place.dataset.asked = String(query)
    /** @type {Preview} */
    const { matching, selectable, skipped } = await staffRequest("GET", `${this.bulk.path}/batch/preview?${query}`)
    if (place.dataset.asked !== String(query)) return null
    const counts = { selectable: formatNumber(selectable), matching: formatNumber(matching) }
    fill(
      place,
      selectable === 0
        ? h("p", {}, t("bulk.would_none", { count: matching }))
        : skipped.length > 0 && matching > 1 && h("p", {}, t("bulk.would", counts)),
      ...skipped.map(({ why, count }) =>
        h("p", { class: "text-soft" }, t("bulk.would_skip", { count, why: say(why) })),
      ),
    )
    return selectable > 0
  }

  /** @param {string} id */
  #follow(id) {
    this.clear()
    const progress = new BatchProgress(this.bulk, id, () => this.table.finished())
    fill(this.result, progress.element)
    progress.element.focus()
  }
}

/** @param {string} id @param {string} classes @param {string} text @param {() => void} act */
const button = (id, classes, text, act) => h("button", { type: "button", class: classes, id, onclick: act }, text)

/** "¿Suspender 17 tenants?" on the button that does it: "Suspender 17 tenants". @param {string} question */
export const asOrder = question => question.replace(/^¿|\?$/g, "")

/** It keeps the focus, which a disabled one would lose, and says why it does nothing. @param {Element} confirm @param {boolean} possible */
function allow(confirm, possible) {
  const isRefused = confirm.hasAttribute("aria-describedby")
  if (!possible) {
    confirm.setAttribute("aria-disabled", "true")
    confirm.setAttribute("aria-describedby", "bulk-would")
  } else if (isRefused) {
    confirm.removeAttribute("aria-disabled")
    confirm.removeAttribute("aria-describedby")
  }
}

/** What was typed and chosen there, by name. @param {HTMLElement} fields @returns {Record<string, string>} */
function given(fields) {
  /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */
  const controls = fields.querySelectorAll("[name]")
  return Object.fromEntries([...controls].map(({ name, value }) => [name, value.trim()]).filter(([, value]) => value))
}
