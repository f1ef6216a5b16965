// What happened to tenants, newest first. The list stands still while somebody points at it or is inside it.

import { fill, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { timeText } from "./time-text.js"

/** @typedef {import("../lib/metrics.js").TenantEvent} TenantEvent */

export class ActivityFeed {
  #place
  #pausedText
  #drawn = "nothing yet"
  #held = false
  /** @type {TenantEvent[] | null} */
  #waiting = null

  /** @param {HTMLElement} place @param {HTMLElement} pausedText */
  constructor(place, pausedText) {
    this.#place = place
    this.#pausedText = pausedText
    place.addEventListener("pointerenter", () => this.#hold(true))
    place.addEventListener("pointerleave", () => this.#hold(false))
    place.addEventListener("focusin", () => this.#hold(true))
    place.addEventListener("focusout", () => this.#hold(false))
  }

  /** @param {TenantEvent[]} events */
  show(events) {
    const fingerprint = events.map(event => event.id).join()
    if (fingerprint === this.#drawn) return
    if (this.#held) {
      this.#waiting = events
      setText(this.#pausedText, t("activity.paused"))
      return
    }
    this.#drawn = fingerprint
    fill(
      this.#place,
      events.length === 0 ? h("p", { class: "text-soft" }, t("activity.empty")) : eventList(events, true),
    )
  }

  /** @param {boolean} now */
  #hold(now) {
    this.#held = now
    if (now || !this.#waiting) return
    const events = this.#waiting
    this.#waiting = null
    setText(this.#pausedText, "")
    this.show(events)
  }
}

/** @param {TenantEvent[]} events @param {boolean} withTenant */
export function eventList(events, withTenant) {
  return h("ol", { class: "grid" }, ...events.map(event => eventRow(event, withTenant)))
}

/** @param {TenantEvent} event */
function detailOf({ kind, detail }) {
  if (!detail) return null
  if (kind === "health_changed") return h("status-badge", { kind: "health", value: detail })
  if (kind.startsWith("hold_")) return holdOf(detail)
  if (kind.endsWith("_changed")) return h("span", { class: "wrap-anywhere", translate: "no" }, detail)
  return null
}

/** @param {string} detail "abuse" or "abuse: case 4711" */
function holdOf(detail) {
  const [reason, ...note] = detail.split(": ")
  return h(
    "span",
    { class: "min-w-0 wrap-anywhere" },
    h("span", { class: "badge" }, label("hold", reason)),
    note.length > 0 && h("span", { translate: "no" }, ` ${note.join(": ")}`),
  )
}

/** @param {TenantEvent} event @param {boolean} withTenant */
export function eventRow(event, withTenant) {
  return h(
    "li",
    { class: withTenant ? "event event-with-tenant" : "event" },
    withTenant &&
      h(
        "a",
        {
          class: "table-name inline-block justify-self-start py-0.5 font-medium",
          href: `/admin/tenants/${event.tenant_id}`,
        },
        event.subdomain,
      ),
    h(
      "span",
      { class: "event-text" },
      h("span", { class: "text-soft" }, label("event", event.kind)),
      event.to_state && h("status-badge", { kind: "tenant", value: event.to_state }),
      detailOf(event),
    ),
    h("span", { class: "event-time numbers text-sm text-soft" }, timeText(event.created_at)),
  )
}
