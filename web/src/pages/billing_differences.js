// Where the mirror and Stripe do not agree, as the nightly comparison left it: Stripe's word is taken over, or what events
// told is worked off once more. Above it stands what the comparison has met.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { invoiceLink, nameLine } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { membersLines, wholeMembers } from "../elements/differing.js"
import { failedCard, notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {import("../elements/differing.js").Members} Members
 * @typedef {{ id: string, stripe_id: string, kind: string, nature: "missing_here" | "missing_there" | "different",
 *   customer_id: string | null, company: string | null, members: Members, found_at: string, last_seen: string,
 *   resolved_at: string | null, resolution: string | null }} Difference
 * @typedef {{ stripe_id: string, kind: string, before: Members, after: Members, is_resolved: boolean }} Outcome
 * @typedef {{ kind: string, compared: number, differing: number, not_ours: number, is_under_way: boolean,
 *   ended_at: string | null }} KindCompared
 */

const PATH = "/api/billing/differences"
const KINDS = [
  "price",
  "coupon",
  "tax_rate",
  "customer",
  "payment_method",
  "subscription",
  "invoiceitem",
  "invoice",
  "charge",
  "refund",
  "credit_note",
  "dispute",
]

const table = byId("table", DataTable)
const comparison = h("section", { class: "card mb-4", "aria-labelledby": "comparison-title", id: "comparison" })

startConsole().then(
  async ({ scopes }) => {
    // Before the rows, so that it pushes nothing about.
    await readComparison()
    await table.start({
      path: PATH,
      list: "billing_differences",
      title: t("billing_differences.title"),
      lead: comparison,
      heads: id => label("column.billing_differences", id),
      order: "-id",
      filters: [
        {
          ...rule("GET /api/billing/differences", "state"),
          label: t("billing_differences.state"),
          words: state => label("difference_state", state),
        },
        {
          ...rule("GET /api/billing/differences", "kind"),
          values: KINDS,
          words: kind => label("stripe_kind", kind),
        },
      ],
      columns: [
        { id: "stripe_id", exported: ["stripe_id", "company"], cell: objectCell },
        { id: "nature", first: true, cell: natureCell },
        { id: "kind", cell: ({ kind }, only) => only("kind", kind, label("stripe_kind", kind)) },
        {
          id: "members",
          wide: true,
          cell: ({ nature, members }) => nature === "different" && membersLines(members),
        },
        { id: "found_at", cell: ({ found_at: at }) => timeText(at) },
        { id: "last_seen", hidden: true, cell: ({ last_seen: at }) => timeText(at) },
        { id: "resolution", exported: ["resolved_at", "resolution"], cell: endCell },
      ],
      actions: scopes.includes("billing:write")
        ? (/** @type {Difference} */ difference) => difference.resolved_at === null && actions(difference)
        : undefined,
      none: { title: t("billing_differences.none"), text: t("billing_differences.none_text") },
    })
  },
  () => {},
)

/** @param {Difference} difference */
function objectCell({ stripe_id: id, kind, nature, company }) {
  const isInvoice = kind === "invoice" && nature !== "missing_here"
  return [
    h("code", { class: "block max-w-54 wrap-anywhere whitespace-normal text-sm", translate: "no" }, id),
    company && nameLine(company, "font-normal text-soft"),
    h(
      "a",
      {
        class: "screen-only inline-block min-h-6 py-0.5 text-sm font-normal",
        href: `/admin/billing/events?object=${encodeURIComponent(id)}`,
      },
      t("billing_differences.its_events"),
      h("span", { class: "sr-only" }, ` ${id}`),
    ),
    isInvoice && h("span", { class: "screen-only block text-sm font-normal" }, invoiceLink(id, t("invoice.open"))),
  ]
}

/** @param {Difference} difference @param {import("../elements/data-table/rows.js").Only} only */
function natureCell({ nature, resolved_at: at }, only) {
  const state = at ? "resolved" : "open"
  return h(
    "div",
    { class: "grid justify-items-start gap-0.5" },
    h("span", {}, label("difference_nature", nature)),
    h("span", {}, only("state", state, h("status-badge", { kind: "difference", value: state }))),
  )
}

/** @param {Difference} difference */
function endCell({ resolved_at: at, resolution }) {
  if (!at || !resolution) return null
  return h(
    "div",
    { class: "grid" },
    h("span", {}, label("difference_resolution", resolution)),
    h("span", { class: "text-soft" }, timeText(at)),
  )
}

/** @param {Difference} difference */
function actions(difference) {
  return h(
    "span",
    { class: "flex flex-wrap gap-2" },
    button(t("billing_differences.apply"), difference, "apply"),
    button(t("billing_differences.replay"), difference, "replay"),
  )
}

/** @param {string} text @param {Difference} difference @param {"apply" | "replay"} way */
function button(text, { id, stripe_id: object }, way) {
  const words = h("span", {}, text)
  const made = h(
    "button",
    { type: "button", class: "button button-small", "data-act": way, onclick: press },
    words,
    h("span", { class: "sr-only" }, ` ${object}`),
  )
  // Stripe is asked twice; the button keeps the focus, which a disabled one would lose.
  async function press() {
    if (made.getAttribute("aria-disabled") === "true") return
    made.setAttribute("aria-disabled", "true")
    setText(words, t("billing_differences.working"))
    const answer = beside(id)
    try {
      const outcome = await staffRequest("POST", `${PATH}/${encodeURIComponent(id)}/${way}`, { body: {} })
      await table.reload()
      answer(said(outcome))
    } catch (problem) {
      made.removeAttribute("aria-disabled")
      setText(words, text)
      answer(failedCard(problem))
    }
  }
  return made
}

/** What differed before, and what does now. @param {Outcome} outcome */
function said({ stripe_id: id, before, after, is_resolved: isResolved }) {
  return notice(
    isResolved ? "positive" : "caution",
    isResolved ? t("billing_differences.agrees", { id }) : t("billing_differences.still_differs", { id }),
    side(t("billing_differences.before"), before),
    side(t("billing_differences.after"), after),
  )
}

/** @param {string} title @param {Members} members */
const side = (title, members) =>
  h(
    "div",
    { class: "mt-2" },
    h("p", { class: "font-semibold" }, title),
    Object.keys(members).length > 0 ? wholeMembers(members) : h("p", {}, t("billing_differences.nothing_differs")),
  )

async function readComparison() {
  try {
    /** @type {{ kinds: KindCompared[] }} */
    const { kinds } = await staffRequest("GET", "/api/billing/comparison")
    drawComparison(kinds)
  } catch (failure) {
    fill(comparison, failedCard(failure, readComparison))
  }
}

/** @param {KindCompared[]} kinds */
function drawComparison(kinds) {
  // All has been compared since the oldest of them.
  const ended = kinds.flatMap(({ ended_at: at }) => at ?? []).sort()
  const isUnderWay = kinds.some(kind => kind.is_under_way)
  fill(
    comparison,
    h(
      "div",
      { class: "card-head flex-wrap gap-x-4" },
      h("h2", { id: "comparison-title" }, t("comparison.title")),
      h(
        "p",
        { class: "hint" },
        isUnderWay && h("span", {}, t("comparison.under_way"), " "),
        ended.length > 0 && h("span", {}, t("comparison.ended"), " ", timeText(ended[0])),
      ),
    ),
    kinds.length === 0
      ? h("p", { class: "card-body text-soft" }, t("comparison.never"))
      : h(
          "dl",
          {
            class:
              "card-body numbers grid grid-cols-[repeat(auto-fill,minmax(min(100%,9.5rem),1fr))] gap-x-4 gap-y-3 text-sm",
          },
          ...kinds.map(kindOf),
        ),
  )
}

/** @param {KindCompared} kind */
function kindOf({ kind, compared, differing, not_ours: strange }) {
  const more = [
    differing > 0 && `${t("comparison.differing")}: ${formatNumber(differing)}`,
    strange > 0 && `${t("comparison.not_ours")}: ${formatNumber(strange)}`,
  ]
  return h(
    "div",
    { "data-kind": kind },
    h("dt", { class: "text-soft" }, label("stripe_kind", kind)),
    h("dd", { class: "font-semibold" }, formatNumber(compared)),
    ...more.map(words => words && h("dd", { class: "text-soft" }, words)),
  )
}
