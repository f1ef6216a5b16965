// Money that is owed, and where Stripe's subscriptions and the tenants do not agree, as the nightly comparison left it.
// What is owed is tried again or settled by hand; the rest ends by itself when its cause is gone.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { aboutCell, stripeCell } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor } from "../elements/form-dialog.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { say } from "../lib/say.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, kind: string, tenant_id: string | null, subdomain: string | null, tenant_state: string | null,
 *   company: string | null, stripe_subscription_id: string | null, stripe_url: string | null,
 *   message: import("../lib/say.js").Said,
 *   can_retry: boolean, first_seen: string, last_seen: string }} Finding
 */

const KINDS = ["subscription_for_nothing", "tenant_without_subscription", "tenant_pays_twice", "money_owed"]

const table = byId("table", DataTable)

startConsole().then(
  user =>
    table.start({
      path: "/api/billing/findings",
      list: "billing_findings",
      title: t("billing_findings.title"),
      heads: id => label("column.billing_findings", id),
      order: "-id",
      search: { ...rule("GET /api/billing/findings", "q"), label: t("billing_findings.search") },
      filters: [
        { ...rule("GET /api/billing/findings", "kind"), values: KINDS, words: kind => label("billing_finding", kind) },
      ],
      columns: [
        {
          id: "subdomain",
          exported: ["subdomain", "company"],
          cell: finding => aboutCell(finding, h("span", { class: "text-soft" }, t("billing_findings.no_tenant"))),
        },
        {
          id: "kind",
          first: true,
          cell: ({ kind }, only) => only("kind", kind, h("status-badge", { kind: "billing_finding", value: kind })),
        },
        { id: "message", wide: true, exported: ["tenant_state", "message"], cell: ({ message }) => say(message) },
        {
          id: "stripe_subscription_id",
          cell: ({ stripe_subscription_id: id, stripe_url: url }) => stripeCell(id, url),
        },
        { id: "first_seen", cell: ({ first_seen: time }) => timeText(time) },
        { id: "last_seen", cell: ({ last_seen: time }) => timeText(time) },
      ],
      actions: user.scopes.includes("billing:write") ? finding => finding.can_retry && actions(finding) : undefined,
      none: { title: t("billing_findings.none"), text: t("billing_findings.none_text") },
    }),
  () => {},
)

/** @param {Finding} finding */
function actions(finding) {
  return h(
    "span",
    { class: "flex flex-wrap gap-2" },
    button(t("money.retry"), finding, () => retry(finding)),
    button(t("money.resolve"), finding, () => resolve(finding)),
  )
}

/** @param {string} text @param {Finding} finding @param {() => Promise<void>} act */
function button(text, finding, act) {
  return h(
    "button",
    {
      type: "button",
      class: "button button-small",
      onclick: () => act().catch(problem => beside(finding.id)(failedCard(problem))),
    },
    text,
    h("span", { class: "sr-only" }, ` ${finding.company ?? finding.subdomain ?? finding.id}`),
  )
}

/** @param {Finding} finding */
async function retry(finding) {
  await staffRequest("POST", `/api/billing/findings/${encodeURIComponent(finding.id)}/retry`, { body: {} })
  await tell(finding, t("money.retried"))
}

/** @param {Finding} finding */
async function resolve(finding) {
  const note = inputFor("POST /api/billing/findings/{id}/resolve", "note")
  const done = await formDialog({
    title: t("money.resolve_title"),
    lead: t("money.resolve_lead"),
    fields: [h("p", { class: "wrap-anywhere" }, say(finding.message)), field(t("money.note"), note)],
    action: t("money.resolve"),
    submit: () =>
      staffRequest("POST", `/api/billing/findings/${encodeURIComponent(finding.id)}/resolve`, {
        body: { note: note.value },
      }),
  })
  if (done) await tell(finding, t("money.resolved"))
}

/** @param {Finding} finding @param {string} text */
async function tell({ id }, text) {
  const answer = beside(id)
  await table.reload()
  answer(notice("positive", text))
}
