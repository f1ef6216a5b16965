// <live-state>: "Live", "Reconnecting… 3 s" or "Offline – data from 10:42", announced once when it lasts longer than 5 s.

import { fill, h, setText } from "../lib/dom.js"
import { formatClock } from "../lib/format.js"
import { t } from "../lib/messages.js"

const ANNOUNCE_AFTER = 5000

export class LiveState extends HTMLElement {
  #dot = h("span", { class: "live-dot", "aria-hidden": "true" })
  #text = h("span", { class: "live-words numbers" })
  #announcement = h("span", { class: "sr-only", role: "status" })
  /** @type {import("../lib/live.js").LiveState} */
  #state = { state: "connecting", retryAt: null }
  /** @type {string | null} */
  #dataFrom = null
  #announced = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #announceTimer
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick

  connectedCallback() {
    this.classList.add("live-state")
    fill(this, this.#dot, this.#text, this.#announcement)
    this.#render()
  }

  disconnectedCallback() {
    clearInterval(this.#tick)
    clearTimeout(this.#announceTimer)
  }

  /** @param {import("../lib/live.js").LiveState} state */
  show(state) {
    this.#state = state
    clearInterval(this.#tick)
    if (state.state === "live") this.#connectionIsBack()
    else {
      this.#tick = setInterval(() => this.#render(), 1000)
      this.#announceTimer ??= setTimeout(() => this.#announceLoss(), ANNOUNCE_AFTER)
    }
    this.#render()
  }

  /** @param {string} time when the newest data was true */
  set dataFrom(time) {
    this.#dataFrom = time
  }

  #connectionIsBack() {
    clearTimeout(this.#announceTimer)
    this.#announceTimer = undefined
    if (this.#announced) setText(this.#announcement, t("live.back"))
    this.#announced = false
  }

  #announceLoss() {
    this.#announced = true
    setText(this.#announcement, t("live.lost"))
  }

  #render() {
    this.dataset.state = this.#state.state
    setText(this.#text, this.#words())
    this.title = this.#words()
  }

  #words() {
    const { state, retryAt } = this.#state
    if (state === "live") return t("live.live")
    if (state === "connecting") return t("live.connecting")
    if (state === "offline" && this.#dataFrom) return t("live.offline", { time: formatClock(this.#dataFrom) })
    const seconds = Math.max(0, Math.ceil(((retryAt ?? Date.now()) - Date.now()) / 1000))
    return t("live.reconnecting", { seconds })
  }
}

customElements.define("live-state", LiveState)
