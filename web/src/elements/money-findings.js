// Money that is owed, and where Stripe's subscriptions and our tenants do not agree. What is owed is tried again or
// settled by hand; the rest ends by itself when its cause is gone.

import { byId, fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { failedCard, notice } from "./feedback.js"
import { field, formDialog } from "./form-dialog.js"
import { timeText } from "./time-text.js"

/**
 * @typedef {{ id: string, kind: string, tenant_id: string | null, stripe_subscription_id: string | null, detail: string,
 *   can_retry: boolean, first_seen: string, last_seen: string }} MoneyFinding
 */

/** Fills #money, which stays hidden while there is nothing. @param {{ scopes: string[] }} user */
export async function showMoneyFindings(user) {
  if (!user.scopes.includes("billing:read")) return
  const section = byId("money", HTMLElement)
  const mayWrite = user.scopes.includes("billing:write")
  const again = () => showMoneyFindings(user)
  try {
    /** @type {{ data: MoneyFinding[] }} */
    const { data } = await staffRequest("GET", "/api/billing/findings?limit=100")
    fill(byId("money-rows", HTMLElement), ...data.map(finding => row(finding, mayWrite, again)))
    section.hidden = data.length === 0
    if (location.hash === "#money") section.scrollIntoView()
  } catch (problem) {
    section.hidden = false
    fill(byId("money-rows", HTMLElement), h("li", {}, failedCard(problem, again)))
  }
}

/** @param {MoneyFinding} finding @param {boolean} mayWrite @param {() => Promise<void>} again */
function row(finding, mayWrite, again) {
  return h(
    "li",
    { class: "flex flex-wrap items-start gap-x-4 gap-y-2 border-t border-line py-3", "data-finding": finding.id },
    h(
      "div",
      { class: "min-w-0 flex-1" },
      h("strong", { class: "block" }, label("attention", finding.kind)),
      h("span", { class: "block wrap-anywhere", translate: "no", lang: "en" }, finding.detail),
      h(
        "span",
        { class: "flex flex-wrap gap-x-2 text-sm text-soft" },
        finding.tenant_id &&
          h("a", { class: "py-0.5", href: `/admin/tenants/${finding.tenant_id}` }, finding.tenant_id),
        timeText(finding.first_seen),
      ),
    ),
    finding.can_retry &&
      mayWrite &&
      h(
        "span",
        { class: "screen-only flex flex-wrap gap-2" },
        button(t("money.retry"), finding, () => retry(finding, again)),
        button(t("money.resolve"), finding, () => resolve(finding, again)),
      ),
  )
}

/** @param {string} text @param {MoneyFinding} finding @param {() => Promise<void>} act */
function button(text, finding, act) {
  return h(
    "button",
    {
      type: "button",
      class: "button button-small",
      onclick: () => act().catch(problem => fill(byId("done", HTMLElement), failedCard(problem))),
    },
    text,
    h("span", { class: "sr-only" }, ` ${finding.detail}`),
  )
}

/** @param {MoneyFinding} finding @param {() => Promise<void>} again */
async function retry(finding, again) {
  await staffRequest("POST", `/api/billing/findings/${encodeURIComponent(finding.id)}/retry`, { body: {} })
  await tell(t("money.retried"), again)
}

/** @param {MoneyFinding} finding @param {() => Promise<void>} again */
async function resolve(finding, again) {
  const note = h("input", { name: "note", class: "input", required: true, maxlength: 500, autocomplete: "off" })
  const done = await formDialog({
    title: t("money.resolve_title"),
    lead: t("money.resolve_lead"),
    fields: [
      h("p", { class: "wrap-anywhere", translate: "no", lang: "en" }, finding.detail),
      field(t("money.note"), note),
    ],
    action: t("money.resolve"),
    submit: () =>
      staffRequest("POST", `/api/billing/findings/${encodeURIComponent(finding.id)}/resolve`, {
        body: { note: note.value },
      }),
  })
  if (done) await tell(t("money.resolved"), again)
}

/** @param {string} text @param {() => Promise<void>} again */
async function tell(text, again) {
  fill(byId("done", HTMLElement), notice("positive", text))
  await again()
  byId("findings-heading", HTMLElement).focus()
}
