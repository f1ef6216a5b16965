// The steps of a set-up with their states and times; used by the customer's page and by the console.

import { mdiAlertCircleOutline, mdiCheck, mdiCircleOutline, mdiLoading, mdiMinus, mdiUndo } from "@mdi/js"
import { fill, h, setText } from "../lib/dom.js"
import { formatDuration } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

/**
 * @typedef {{ name: string, state: "queued" | "running" | "done" | "failed" | "undone" | "skipped",
 *             started_at: string | null, finished_at: string | null, attempts: number, error_code: string | null }} Step
 */

/** @type {Record<Step["state"], { path: string, tone: string }>} */
const MARKS = {
  queued: { path: mdiCircleOutline, tone: "" },
  running: { path: mdiLoading, tone: "tone-info" },
  done: { path: mdiCheck, tone: "tone-positive" },
  failed: { path: mdiAlertCircleOutline, tone: "tone-negative" },
  undone: { path: mdiUndo, tone: "tone-caution" },
  skipped: { path: mdiMinus, tone: "" },
}

export class StepList extends HTMLElement {
  #list = h("ol", { class: "steps" })
  /** @type {Step[]} */
  #steps = []
  /** Server time minus our time, so that timers agree with the server's clock. */
  #clockOffset = 0
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick

  connectedCallback() {
    this.append(this.#list)
    this.#tick = setInterval(() => this.#drawTimes(), 100)
  }

  disconnectedCallback() {
    clearInterval(this.#tick)
  }

  /** @param {Step[]} steps @param {string} [asOf] */
  show(steps, asOf) {
    if (asOf) this.#clockOffset = Date.parse(asOf) - Date.now()
    const before = this.#steps
    this.#steps = steps
    if (before.length !== steps.length) fill(this.#list, ...steps.map(row))
    steps.forEach((step, index) => {
      if (JSON.stringify(before[index]) !== JSON.stringify(step)) drawStep(this.#list.children[index], step)
    })
    this.#drawTimes()
  }

  #drawTimes() {
    this.#steps.forEach((step, index) => {
      const time = this.#list.children[index].querySelector(".step-time")
      if (time) setText(time, this.#timeOf(step))
    })
  }

  /** @param {Step} step */
  #timeOf(step) {
    if (!step.started_at) return ""
    const started = Date.parse(step.started_at)
    if (step.finished_at) return formatDuration(Math.max(0, (Date.parse(step.finished_at) - started) / 1000))
    if (step.state !== "running") return ""
    return formatDuration(Math.max(0, (Date.now() + this.#clockOffset - started) / 1000))
  }
}

/** @param {Step} step */
function row(step) {
  const item = h(
    "li",
    { class: "step" },
    h("span", { class: "step-mark", "aria-hidden": "true" }),
    h("span", { class: "min-w-0" }, h("span", { class: "step-name font-medium" }, label("step", step.name))),
    h(
      "span",
      { class: "numbers flex flex-wrap justify-end gap-x-2 text-sm text-soft" },
      h("span", { class: "step-state" }),
      h("span", { class: "step-time min-w-12 text-end empty:hidden" }),
    ),
    h("p", { class: "step-note" }),
  )
  drawStep(item, step)
  return item
}

/** @param {Element} item @param {Step} step */
function drawStep(item, step) {
  const mark = MARKS[step.state] ?? MARKS.queued
  const markElement = /** @type {Element} */ (item.querySelector(".step-mark"))
  markElement.setAttribute("class", `step-mark ${mark.tone}`)
  fill(markElement, icon(mark.path, step.state === "running" ? "spinning" : ""))
  setText(/** @type {Element} */ (item.querySelector(".step-state")), label("step_state", step.state))
  setText(/** @type {Element} */ (item.querySelector(".step-note")), noteOf(step))
}

/** @param {Step} step */
function noteOf(step) {
  const notes = []
  if (step.error_code) notes.push(label("step_problem", step.error_code, t("step_problem.other")))
  if (step.attempts > 1) notes.push(t("steps.attempts", { count: step.attempts }))
  return notes.join(" ")
}

customElements.define("step-list", StepList)
