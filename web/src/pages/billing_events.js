// Stripe's events: what came and what became of it. One that was in vain, or of nobody, is worked off again.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { invoiceLink, nameLine } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {"received" | "applied" | "ignored" | "dead" | "foreign" | "unlinked"} EventState
 * @typedef {{ id: string, type: string, object_id: string, state: EventState, customer_id: string | null,
 *   company: string | null, error: string | null, source: string, api_version: string | null, created: string,
 *   received_at: string, processed_at: string | null }} StripeEvent
 */

const PATH = "/api/billing/events"
/** What another try may change: the rest has been done, waits for it, or is not ours to do. @type {EventState[]} */
const WORTH_A_TRY = ["dead", "unlinked", "ignored"]
/** @type {Record<EventState, import("../elements/feedback.js").Tone>} */
const TONES = {
  received: "info",
  applied: "positive",
  ignored: "info",
  unlinked: "caution",
  foreign: "caution",
  dead: "negative",
}
const LOOKS = 10
const EVERY = 500

const table = byId("table", DataTable)
const time = (/** @type {string | null} */ at) => at && timeText(at)
// An id is read whole, however narrow its column is.
const code = (/** @type {string} */ text) =>
  h(
    "code",
    { class: "inline-block max-w-56 text-[0.8125rem] font-normal wrap-anywhere whitespace-normal", translate: "no" },
    text,
  )

startConsole().then(
  ({ scopes }) =>
    table.start({
      path: PATH,
      list: "billing_events",
      title: t("billing_events.title"),
      heads: id => label("column.billing_events", id),
      order: "-created",
      filters: [
        { ...rule("GET /api/billing/events", "state"), words: state => label("stripe_event_state", state) },
        { ...rule("GET /api/billing/events", "type"), example: t("billing_events.type_example") },
        { ...rule("GET /api/billing/events", "object"), label: label("filter", "object") },
      ],
      columns: [
        { id: "type", exported: ["type", "id"], cell: typeCell },
        {
          id: "state",
          first: true,
          cell: ({ state }, only) => only("state", state, h("status-badge", { kind: "stripe_event", value: state })),
        },
        { id: "object_id", exported: ["object_id", "company"], cell: objectCell },
        { id: "error", wide: true, cell: ({ error }) => error && h("code", { lang: "en", translate: "no" }, error) },
        { id: "source", hidden: true, cell: ({ source }) => label("stripe_event_source", source) },
        { id: "created", sort: "created", cell: ({ created: at }) => time(at) },
        { id: "received_at", hidden: true, cell: ({ received_at: at }) => time(at) },
        { id: "processed_at", hidden: true, cell: ({ processed_at: at }) => time(at) },
        { id: "api_version", hidden: true, cell: ({ api_version: version }) => version },
      ],
      actions: scopes.includes("billing:write")
        ? (/** @type {StripeEvent} */ event) => WORTH_A_TRY.includes(event.state) && again(event)
        : undefined,
      none: { title: t("billing_events.none"), text: t("billing_events.none_text") },
    }),
  () => {},
)

/** @param {StripeEvent} event @param {import("../elements/data-table/rows.js").Only} only */
function typeCell({ type, id }, only) {
  return [only("type", type, code(type)), h("span", { class: "block text-soft sm:min-w-54" }, code(id))]
}

/** @param {StripeEvent} event @param {import("../elements/data-table/rows.js").Only} only */
function objectCell({ object_id: id, company }, only) {
  return [
    id && only("object", id, code(id)),
    id.startsWith("in_") && company && h("span", { class: "screen-only block" }, invoiceLink(id, t("invoice.open"))),
    company && nameLine(company, "text-soft"),
  ]
}

/** @param {StripeEvent} event */
function again(event) {
  const words = h("span", {}, t("billing_events.again"))
  const button = h(
    "button",
    { type: "button", class: "button button-small", "data-act": "again", onclick: press },
    words,
    h("span", { class: "sr-only" }, ` ${event.type} ${event.id}`),
  )
  // It keeps the focus, which a disabled one would lose.
  async function press() {
    if (button.getAttribute("aria-disabled") === "true") return
    button.setAttribute("aria-disabled", "true")
    setText(words, t("billing_events.working"))
    const answer = beside(event.id)
    try {
      answer(await workOff(event))
    } catch (problem) {
      button.removeAttribute("aria-disabled")
      setText(words, t("billing_events.again"))
      answer(failedCard(problem))
    }
  }
  return button
}

/** What to say of it when its turn has come, or that it still waits. @param {StripeEvent} event */
async function workOff(event) {
  await staffRequest("POST", `${PATH}/${encodeURIComponent(event.id)}/replay`, { body: {} })
  const { state, error } = (await outcomeOf(event)) ?? { state: /** @type {const} */ ("received"), error: null }
  await table.reload()
  const text =
    state === "received"
      ? t("billing_events.waits")
      : t("billing_events.done", { state: label("stripe_event_state", state) })
  return notice(TONES[state], text, error && h("code", { lang: "en", translate: "no" }, error))
}

/** @param {StripeEvent} event @returns {Promise<StripeEvent | undefined>} none: it waits for longer than anybody looks on */
async function outcomeOf({ id, type, object_id: object }) {
  const query = new URLSearchParams({ ...(object ? { object } : { type }), limit: "100" })
  for (let look = 0; look < LOOKS; look++) {
    await new Promise(resolve => setTimeout(resolve, EVERY))
    const { data } = await staffRequest("GET", `${PATH}?${query}`)
    const now = data.find((/** @type {StripeEvent} */ event) => event.id === id)
    if (now && now.state !== "received") return now
  }
  return undefined
}
