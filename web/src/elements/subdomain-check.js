// The line under the subdomain field: checking, free, or why not with three names that are free.
// Every key stroke starts a new check after a short rest and ends the one before it.

import { mdiAlertCircleOutline, mdiCheckCircle, mdiProgressClock } from "@mdi/js"
import { request } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

const REST = 150

/**
 * @typedef {{ name: string, available: boolean, status: "free" | "taken" | "reserved" | "invalid",
 *             reason: string | null, suggestions: string[], url: string }} Availability
 */

export class SubdomainCheck {
  #input
  #state
  #suggestions
  #changed
  #isOwn
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  /** @type {AbortController | undefined} */
  #running

  /**
   * @param {HTMLInputElement} input @param {HTMLElement} state @param {HTMLElement} suggestions
   * @param {() => void} changed
   * @param {(name: string) => boolean | string} [isOwn] names that are taken by the one who asks; words to say so
   */
  constructor(input, state, suggestions, changed, isOwn = () => false) {
    this.#input = input
    this.#state = state
    this.#suggestions = suggestions
    this.#changed = changed
    this.#isOwn = isOwn
    input.addEventListener("input", () => this.checkSoon())
  }

  checkSoon() {
    clearTimeout(this.#timer)
    this.#running?.abort()
    // What was said about the name before is not true of this one.
    fill(this.#state)
    const name = this.#input.value.trim().toLowerCase()
    const own = name !== "" && this.#isOwn(name)
    if (name === "" || own) {
      if (typeof own === "string") this.#say("text-positive", mdiCheckCircle, own)
      this.offer([])
      return
    }
    this.#timer = setTimeout(() => this.#check(), REST)
  }

  /** @param {string[]} names */
  offer(names) {
    const buttons = names.map(name =>
      h("button", { type: "button", class: "chip", onclick: () => this.#take(name) }, name),
    )
    fill(this.#suggestions, names.length > 0 && h("span", { class: "hint" }, t("subdomain.suggestions")), buttons)
  }

  async #check() {
    const name = this.#input.value.trim().toLowerCase()
    const controller = new AbortController()
    this.#running = controller
    const slow = setTimeout(() => this.#say("", mdiProgressClock, t("subdomain.checking")), 300)
    try {
      const answer = await request("GET", `/api/subdomains/${encodeURIComponent(name)}`, { signal: controller.signal })
      this.#show(answer)
    } catch {
      if (!controller.signal.aborted) this.#say("text-caution", mdiAlertCircleOutline, t("subdomain.unknown"))
    } finally {
      clearTimeout(slow)
    }
  }

  /** @param {Availability} answer */
  #show(answer) {
    if (answer.available) {
      this.#say(
        "text-positive",
        mdiCheckCircle,
        t("subdomain.free", { address: answer.url.replace(/^https?:\/\//, "") }),
      )
    } else {
      const why = label("subdomain_reason", answer.reason ?? answer.status, t("subdomain_reason.invalid"))
      this.#say("text-negative", mdiAlertCircleOutline, why)
    }
    this.offer(answer.available ? [] : answer.suggestions.slice(0, 3))
  }

  /** @param {string} tone @param {string} path @param {string} words */
  #say(tone, path, words) {
    fill(
      this.#state,
      h(
        "p",
        { class: `flex gap-1.5 text-sm font-medium ${tone}` },
        icon(path),
        h("span", { class: "min-w-0 wrap-anywhere" }, words),
      ),
    )
  }

  /** @param {string} name */
  #take(name) {
    this.#input.value = name
    this.#input.focus()
    this.offer([])
    this.checkSoon()
    this.#changed()
  }
}
