// What happened to customers and tenants, newest first: the sentence is made here from kind and fields, so that a kind
// which is newer than this page still reads. The list stands still while somebody points at it or is inside it.

import { fill, h, setText } from "../lib/dom.js"
import { formatBytes, formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { invoiceLink } from "./billing-list.js"
import { exactTime, timeText } from "./time-text.js"

/** @typedef {import("../lib/metrics.js").Activity} Activity */
/** @typedef {import("../lib/format.js").Money} Money */

export class ActivityFeed {
  #place
  #pausedText
  #drawn = "nothing yet"
  #held = false
  /** @type {Activity[] | null} */
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

  /** @param {Activity[]} events */
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

/** @param {Activity[]} events @param {boolean} withTenant */
export function eventList(events, withTenant) {
  return h("ol", { class: "grid" }, ...events.map(event => eventRow(event, withTenant)))
}

/** @param {string} text */
const verbatim = text => h("span", { class: "min-w-0 wrap-anywhere", translate: "no" }, text)

/** What another program answered, in its own words. @param {string} text */
function quotation(text) {
  return h(
    "span",
    { class: "min-w-0 wrap-anywhere" },
    t("activity.answer"),
    " ",
    h("q", { lang: "en", translate: "no" }, text),
  )
}

/** @param {Money[]} amounts */
const amountsOf = amounts => (amounts.length > 0 ? h("span", {}, amounts.map(formatMoney).join(" + ")) : null)

/** What a field says beside the kind's own words. @type {[string, (value: any, data: Record<string, any>) => Node | null][]} */
const FIELDS = [
  ["to_state", value => h("status-badge", { kind: "tenant", value })],
  ["health", value => h("status-badge", { kind: "health", value })],
  ["hold", value => h("span", { class: "badge" }, label("hold", value))],
  // Holds of deletions said so in their note once.
  ["note", value => (value === "deletion" ? null : verbatim(value))],
  ["domain", verbatim],
  ["from", (value, data) => verbatim(`${labelOf(value, data)} → ${labelOf(data.to, data)}`)],
  ["from_subdomain", (value, data) => verbatim(`${value} ${data.from_plan} → ${data.subdomain} ${data.plan}`)],
  ["operation", value => h("span", {}, label("operation", value))],
  ["reason", (value, { backup_id }) => backup_id && h("span", {}, label("backup_reason", value))],
  ["reason", (value, { mail_id }) => mail_id && h("span", {}, label("suppression_reason", value))],
  ["backup_id", verbatim],
  ["action", value => h("span", {}, label("finding_action", value))],
  ["used_bytes", value => h("span", {}, formatBytes(value))],
  ["amount", (amount, { currency }) => currency && amountsOf([{ currency, amount }])],
  ["paid", (amount, { currency }) => amountsOf([{ currency, amount }])],
  ["refunded", amountsOf],
  ["credited", amountsOf],
  ["ends_at", value => exactTime(value)],
  ["template", value => h("span", { title: value }, label("mail_template", value))],
  ["login", verbatim],
  ["invoice", value => invoiceLink(value)],
  ["feedback", value => h("span", {}, label("cancel_feedback", value))],
  ["comment", quotation],
  ["error", quotation],
  ["code", value => h("span", {}, label("failure", value, t("failure.other")))],
  ["detail", quotation],
]

/** @param {unknown} value @param {Record<string, any>} data */
const labelOf = (value, { domain }) => (domain ? label("domain_state", String(value)) : String(value))

/** @param {Activity} event */
function wordsOf({ kind, data }) {
  return label("event", kind === "operation_ended" ? `operation_${data.state}` : kind)
}

/** @param {Activity} event */
function detailsOf({ data }) {
  return FIELDS.map(([name, show]) => data[name] != null && show(data[name], data))
}

/** @param {Activity} event */
function actorOf({ actor, actor_kind }) {
  if (actor_kind === "staff" || actor_kind === "key") return verbatim(actor)
  return h("span", {}, label("actor", actor_kind))
}

/** @param {Activity} event */
function subjectOf({ tenant_id, subject }) {
  const look = "table-name inline-block justify-self-start py-0.5 font-medium"
  return tenant_id
    ? h("a", { class: look, href: `/admin/tenants/${tenant_id}`, translate: "no" }, subject)
    : h("span", { class: look, translate: "no" }, subject)
}

/** @param {Activity} event @param {boolean} withTenant */
export function eventRow(event, withTenant) {
  return h(
    "li",
    { class: withTenant ? "event event-with-tenant" : "event" },
    withTenant && subjectOf(event),
    h(
      "span",
      { class: "event-text" },
      h("span", { class: "text-soft" }, wordsOf(event)),
      ...detailsOf(event),
      h("span", { class: "min-w-0 text-sm text-soft" }, "· ", actorOf(event)),
    ),
    h("span", { class: "event-time numbers text-sm text-soft" }, timeText(event.created_at)),
  )
}
