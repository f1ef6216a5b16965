// What a new installation still needs, as the server sees it: open while nothing runs yet, a single line afterwards,
// put away on request and brought back by a button in the page's head. Nothing is shown when all is done.

import { mdiCheck, mdiChevronDown, mdiCircleOutline } from "@mdi/js"
import { fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

const KEY = "first-steps"

/** @typedef {{ step: string, done: boolean }} StepState */

/** @type {Record<string, { href: string, words: string }>} */
const ACTIONS = {
  first_tenant: { href: "/", words: t("dashboard.open_sign_up") },
  mail: { href: "/admin/mails", words: t("first_steps.see_mails") },
}

/** @param {HTMLElement} place @param {HTMLButtonElement} again @param {StepState[]} steps */
export function drawFirstSteps(place, again, steps) {
  const open = steps.filter(step => !step.done).length
  if (open === 0) return
  const show = () => {
    remember("")
    again.hidden = true
    fill(place, card(steps, open, hide))
  }
  const hide = () => {
    remember("away")
    fill(place)
    again.hidden = false
    again.focus()
  }
  again.addEventListener("click", () => {
    show()
    place.querySelector("summary")?.focus()
  })
  if (remembered() === "away") again.hidden = false
  else show()
}

/** @param {StepState[]} steps @param {number} open @param {() => void} hide */
function card(steps, open, hide) {
  const done = steps.length - open
  const nothingRuns = steps.some(({ step, done: finished }) => step === "first_tenant" && !finished)
  return h(
    "details",
    { class: "card first-steps", open: nothingRuns },
    h(
      "summary",
      {},
      h("h2", {}, t("first_steps.title")),
      h("span", { class: "numbers text-sm text-soft" }, t("first_steps.progress", { done, total: steps.length })),
      icon(mdiChevronDown),
    ),
    h("ul", { class: "px-4.5" }, ...steps.map(row)),
    h(
      "p",
      { class: "px-4.5 pb-3.5" },
      h("button", { type: "button", class: "link-button text-sm", onclick: hide }, t("first_steps.hide")),
    ),
  )
}

/** @param {StepState} step */
function row({ step, done }) {
  const action = done ? undefined : ACTIONS[step]
  return h(
    "li",
    { class: "step first-step" },
    h("span", { class: done ? "step-mark tone-positive" : "step-mark" }, icon(done ? mdiCheck : mdiCircleOutline)),
    h(
      "span",
      { class: "min-w-0" },
      h("span", { class: "block font-medium" }, label("first_step", step)),
      h("span", { class: "block text-sm text-soft wrap-anywhere" }, label("first_step_text", step)),
    ),
    h(
      "span",
      { class: "text-sm text-soft" },
      action ? h("a", { class: "button button-small", href: action.href }, action.words) : stateOf(done),
    ),
  )
}

/** @param {boolean} done */
const stateOf = done => (done ? t("first_steps.done") : t("first_steps.open"))

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? ""
  } catch {
    return ""
  }
}

/** @param {string} value */
function remember(value) {
  try {
    localStorage.setItem(KEY, value)
  } catch {
    // A browser that refuses storage shows the list again next time.
  }
}
