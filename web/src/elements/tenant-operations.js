// What was asked to be done with a tenant: running and past, with the stage it is at and what went wrong.

import { byId, fill, h } from "../lib/dom.js"
import { formatDuration } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { actorName } from "../lib/say.js"
import { staffRequest } from "../lib/session.js"
import { isUnfinished } from "../lib/tenants.js"
import { timeText } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").Operation} Operation */
/** @typedef {import("../lib/tenants.js").Page<Operation>} OperationPage */

const ROWS = 10

export class TenantOperations {
  #more = byId("more-operations", HTMLButtonElement)
  /** @type {Operation[]} */
  #older = []
  /** @type {Operation[]} */
  #newest = []
  /** @type {string | null} */
  #cursor = null
  #drawn = ""

  /** @param {{ path: string, failed: (problem: unknown) => void }} page */
  constructor(page) {
    this.page = page
    this.#more.addEventListener("click", () => this.#loadOlder().catch(page.failed))
  }

  get isWorking() {
    return this.#newest.some(isUnfinished)
  }

  async load() {
    const answer = await this.#ask("")
    this.#newest = answer.data
    // Rows that were asked for before stay; the cursor goes on from the last of them.
    if (this.#older.length === 0) this.#cursor = answer.has_more ? answer.next_cursor : null
    this.#draw()
  }

  async #loadOlder() {
    const answer = await this.#ask(`&cursor=${encodeURIComponent(this.#cursor ?? "")}`)
    this.#older = [...this.#older, ...answer.data]
    this.#cursor = answer.has_more ? answer.next_cursor : null
    this.#draw()
  }

  /** @param {string} more @returns {Promise<OperationPage>} */
  #ask(more) {
    return staffRequest("GET", `${this.page.path}/operations?limit=${ROWS}${more}`)
  }

  #draw() {
    const known = new Set(this.#newest.map(({ id }) => id))
    const rows = [...this.#newest, ...this.#older.filter(({ id }) => !known.has(id))]
    this.#more.hidden = this.#cursor === null
    const fingerprint = JSON.stringify(rows)
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(byId("operations-list", HTMLElement), operationList(rows))
  }
}

/** @param {Operation[]} operations */
export function operationList(operations) {
  if (operations.length === 0) return h("p", { class: "text-soft" }, t("operations.none"))
  return h("ol", { class: "grid" }, ...operations.map(row))
}

/** @param {Operation} operation */
function row(operation) {
  return h(
    "li",
    { class: "event", "data-operation": operation.id },
    h(
      "div",
      { class: "grid min-w-0 gap-0.5" },
      h(
        "p",
        { class: "flex flex-wrap items-center gap-x-2 gap-y-1" },
        h("span", { class: "font-medium" }, label("operation", operation.kind)),
        h("status-badge", { kind: "operation", value: operation.state }),
        isUnfinished(operation) &&
          operation.stage &&
          h("span", { class: "text-soft" }, label("operation_stage", operation.stage)),
      ),
      operation.error_code &&
        h(
          "p",
          { class: "text-sm wrap-anywhere" },
          label("failure", operation.error_code, t("failure.other")),
          " ",
          h("code", { class: "text-soft" }, operation.error_code),
        ),
      h(
        "p",
        { class: "text-sm text-soft wrap-anywhere" },
        t("operations.by", { who: actorName(operation.requested_by) }),
        took(operation),
      ),
    ),
    h("span", { class: "event-time numbers text-sm text-soft" }, timeText(operation.created_at)),
  )
}

/** @param {Operation} operation */
function took({ started_at: start, finished_at: end }) {
  if (!start || !end) return ""
  return ` · ${formatDuration(Math.max(0, (Date.parse(end) - Date.parse(start)) / 1000))}`
}
