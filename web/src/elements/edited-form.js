// A form of fields that stand in the database: what was changed is listed in a bar until it is saved or discarded; leaving
// with changes is asked about; and when somebody else was faster, both values stand side by side.

import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, inPlaces, setText, typed } from "../lib/dom.js"
import { conflicts, differences, merged } from "../lib/merge.js"
import { t } from "../lib/messages.js"
import { sayNothing } from "./answer.js"
import { formDialog } from "./form-dialog.js"
import { clearErrors, showErrors } from "./form-errors.js"

/** @typedef {import("../lib/merge.js").Values} Values */
/** @typedef {{ values: Values, version: number }} Stored what the server has */
/**
 * @typedef {object} Parts
 * @property {HTMLFormElement} form
 * @property {() => Values} values what stands in the fields
 * @property {(values: Values) => void} write
 * @property {(name: string) => string} title
 * @property {(name: string, value: string) => string} [words] a value as people read it
 * @property {() => Promise<Stored>} load what is stored now
 * @property {(change: { values: Values, read: Values, version: number }) => Promise<Stored | null>} save null: not confirmed
 * @property {() => Promise<unknown>} saved after a save
 * @property {(problem: ApiProblem, values: Values) => void} [explain] makes a problem one of this form's fields
 * @property {() => void} [changed] whenever something may differ from before
 */

export class EditedForm {
  #parts
  #errors = byId("form-errors", HTMLDivElement)
  #save = byId("save", HTMLButtonElement)
  #summary = h("summary", { class: "min-h-6 cursor-pointer font-semibold" })
  // Where room is short, the changes are one step away.
  #details = h("details", { open: matchMedia("(min-width: 40rem)").matches }, this.#summary)
  /** What was read; the difference to it is what will be sent. @type {Values} */
  #read = {}
  #version = 0

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    fill(byId("changes", HTMLElement), this.#details)
    parts.form.addEventListener("input", () => this.changed())
    parts.form.addEventListener("submit", event => {
      event.preventDefault()
      this.#submit()
    })
    byId("discard", HTMLButtonElement).addEventListener("click", () => this.#discard())
    addEventListener("beforeunload", event => {
      if (this.isEdited) event.preventDefault()
    })
  }

  get isEdited() {
    return this.#differences().length > 0
  }

  // Work on the fields is never overwritten: the next save is told that it comes from an older version.
  /** @param {Stored} stored */
  show(stored) {
    if (this.isEdited) return
    this.#adopt(stored)
    this.#parts.write(stored.values)
    this.changed()
  }

  changed() {
    const edited = this.#differences()
    byId("save-bar", HTMLElement).hidden = edited.length === 0
    setText(this.#summary, t("config.unsaved", { count: edited.length }))
    const list = h("ul", { class: "text-sm text-soft" }, ...edited.map(name => this.#change(name)))
    fill(this.#details, this.#summary, list)
    this.#parts.changed?.()
  }

  /** @param {Stored} stored */
  #adopt({ values, version }) {
    this.#read = values
    this.#version = version
  }

  #differences() {
    return Object.keys(this.#read).length > 0 ? differences(this.#read, this.#parts.values()) : []
  }

  /** @param {string} name @param {string} value */
  #words(name, value) {
    return typed(this.#parts.words?.(name, value) ?? value)
  }

  /** @param {string} name */
  #change(name) {
    const before = this.#words(name, this.#read[name])
    const after = this.#words(name, this.#parts.values()[name])
    const change = inPlaces(t("config.change", { field: this.#parts.title(name) }), { before, after })
    return h("li", { class: "wrap-anywhere" }, ...change)
  }

  #discard() {
    this.#parts.write(this.#read)
    clearErrors(this.#errors, this.#parts.form)
    this.changed()
    byId("page-heading", HTMLElement).focus()
    // What came in while the fields were being worked on is shown now.
    this.#parts.load().then(
      stored => this.show(stored),
      () => {},
    )
  }

  async #submit() {
    if (this.#save.getAttribute("aria-disabled") || !this.isEdited) return
    clearErrors(this.#errors, this.#parts.form)
    // What was saved before says nothing of this.
    sayNothing()
    this.#save.setAttribute("aria-disabled", "true")
    const values = this.#parts.values()
    try {
      const stored = await this.#parts.save({ values, read: this.#read, version: this.#version })
      if (!stored) return
      // What was typed while it was being sent is a change of what is stored now.
      const hasMore = differences(values, this.#parts.values()).length > 0
      this.#adopt(stored)
      if (!hasMore) this.#parts.write(stored.values)
      this.changed()
      await this.#parts.saved()
      byId("done", HTMLElement).focus()
    } catch (problem) {
      this.#save.removeAttribute("aria-disabled")
      await this.#explain(problem, values)
    } finally {
      this.#save.removeAttribute("aria-disabled")
    }
  }

  /** @param {unknown} problem @param {Values} values @returns {Promise<void>} */
  async #explain(problem, values) {
    if (!(problem instanceof ApiProblem)) throw problem
    if (problem.status === 412) return this.#merge().catch(failure => this.#explain(failure, values))
    this.#parts.explain?.(problem, values)
    showErrors(this.#errors, this.#parts.form, problem)
  }

  // Somebody else has saved meanwhile: for each field that differs now, one of the two values is chosen.
  async #merge() {
    const theirs = await this.#parts.load()
    const mine = this.#parts.values()
    const disputed = conflicts(this.#read, theirs.values, mine)
    const choices = await this.#askWhich(disputed, theirs.values, mine)
    if (!choices) return
    const kept = merged(this.#read, theirs.values, mine, name => choices.get(name) === "theirs")
    this.#adopt(theirs)
    this.#parts.write(kept)
    this.changed()
    if (this.isEdited) await this.#submit()
  }

  /** @param {string[]} names @param {Values} theirs @param {Values} mine @returns {Promise<FormData | null>} "mine" or "theirs" by field */
  async #askWhich(names, theirs, mine) {
    /** @type {FormData | null} */
    let chosen = null
    await formDialog({
      title: t("config.merge_title"),
      lead: names.length > 0 ? t("config.merge_lead") : t("config.merge_none"),
      fields: names.map(name =>
        h(
          "fieldset",
          { class: "grid gap-2" },
          h("legend", { class: "font-semibold" }, this.#parts.title(name)),
          h(
            "p",
            { class: "hint wrap-anywhere" },
            ...inPlaces(t("config.merge_before"), { value: this.#words(name, this.#read[name]) }),
          ),
          choice(name, "theirs", inPlaces(t("config.merge_theirs"), { value: this.#words(name, theirs[name]) }), false),
          choice(name, "mine", inPlaces(t("config.merge_mine"), { value: this.#words(name, mine[name]) }), true),
        ),
      ),
      action: t("config.merge_save"),
      submit: async form => {
        chosen = new FormData(form)
      },
    })
    return chosen
  }
}

/** @param {string} name @param {string} value @param {import("../lib/dom.js").Child[]} text @param {boolean} checked */
function choice(name, value, text, checked) {
  return h(
    "label",
    { class: "flex min-h-6 items-start gap-2" },
    h("input", { type: "radio", class: "size-6 flex-none", name, value, checked }),
    h("span", { class: "wrap-anywhere" }, ...text),
  )
}
