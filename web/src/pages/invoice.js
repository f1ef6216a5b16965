// One invoice: what it says, what happened to it, its copies, and what may still be done about it.

import "../elements/status-badge.js"
import { mdiOpenInNew } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { askForLess } from "../elements/credit-dialog.js"
import { emptyCard, failedCard } from "../elements/feedback.js"
import { fileButton } from "../elements/file-button.js"
import { papersOf, timeline } from "../elements/invoice-history.js"
import { invoicePaper } from "../elements/invoice-paper.js"
import { giveBack, previewRefund } from "../elements/refund-dialog.js"
import { chargeNow } from "../elements/retry-dialog.js"
import { exactTime } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/invoices.js").Invoice} Invoice */
/** @typedef {import("../elements/refund-dialog.js").Preview} Preview */
/** @typedef {import("../lib/dom.js").Child} Child */

const id = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const path = `/api/billing/invoices/${encodeURIComponent(id)}`
const problemPlace = byId("problem", HTMLElement)
let readsMails = false
let mayWrite = false

startConsole().then(
  ({ scopes }) => {
    readsMails = scopes.includes("mails:read")
    mayWrite = scopes.includes("billing:write")
    return load()
  },
  () => {},
)

async function load() {
  try {
    /** @type {Invoice} */
    const invoice = await staffRequest("GET", path)
    draw(invoice, await refundable(invoice))
    fill(problemPlace)
  } catch (problem) {
    const missing = problem instanceof ApiProblem && [404, 422].includes(problem.status)
    const back = h("a", { class: "button", href: "/admin/billing" }, t("invoice.back"))
    fill(
      problemPlace,
      missing ? emptyCard(t("invoice.missing"), t("invoice.missing_text"), back) : failedCard(problem, load),
    )
  }
  byId("headline", HTMLElement).hidden = false
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
}

/** What may still go back; nothing where nobody asks. @param {Invoice} invoice @returns {Promise<Preview | null>} */
const refundable = async ({ id: invoice, amount_paid: paid, stripe_invoice_id: atStripe }) =>
  mayWrite && paid > 0 && atStripe ? previewRefund({ invoice_id: invoice }).catch(() => null) : null

/** @param {Invoice} invoice @param {Preview | null} preview */
function draw(invoice, preview) {
  const name = invoice.number ?? t("billing_invoices.unnumbered")
  document.title = `${name} · ${t("product")}`
  byId("content", HTMLElement).hidden = false
  setText(byId("number", HTMLElement), name)
  setText(byId("breadcrumb", HTMLElement), name)
  const value = invoice.is_overdue ? "overdue" : invoice.status
  fill(byId("badge", HTMLElement), h("status-badge", { kind: "invoice", value }))
  fill(byId("actions", HTMLElement), ...actions(invoice, preview))
  setText(byId("copy-note", HTMLElement), invoice.status === "draft" ? t("invoice.draft_note") : t("invoice.copy_note"))
  fill(byId("lines", HTMLElement), ...invoicePaper(invoice))
  fill(byId("facts", HTMLElement), facts(invoice))
  fill(byId("timeline", HTMLElement), timeline(invoice.timeline, readsMails))
  fill(byId("papers", HTMLElement), ...papersOf(invoice, filesOf))
}

/** @param {HTMLElement} [problem] */
const tell = problem => fill(problemPlace, problem)

/** Who may do what, and whether it can succeed. @param {Invoice} invoice @param {Preview | null} preview */
function actions(invoice, preview) {
  const { stripe_url: url, stripe_invoice_id: atStripe, status, amount_remaining: remaining } = invoice
  const isOwed = ["open", "uncollectible"].includes(status) && atStripe && remaining > 0
  return [
    fileButton({ id: "pdf", path: `${path}/pdf`, words: t("invoice.pdf"), tell }),
    fileButton({ id: "ubl", path: `${path}/ubl`, words: t("invoice.ubl"), tell }),
    fileButton({ id: "cii", path: `${path}/cii`, words: t("invoice.cii"), tell }),
    mayWrite && isOwed && button("charge", t("payment_failures.retry"), () => charge(invoice)),
    mayWrite &&
      status === "open" &&
      atStripe &&
      remaining > 0 &&
      button("credit", t("credit_notes.new"), () => askForLess(invoice)),
    preview?.hindrance === "none" && button("refund", t("refunds.new"), () => refund(invoice, preview)),
    url &&
      h(
        "a",
        { class: "button", href: url, target: "_blank", rel: "noopener" },
        t("invoice.open_at_stripe"),
        icon(mdiOpenInNew),
      ),
  ]
}

/** @param {string} id @param {string} words @param {() => Promise<HTMLElement | undefined>} act */
function button(id, words, act) {
  return h("button", { type: "button", class: "button", id, onclick: press }, words)
  /** What came of it stands above the invoice as it is then. */
  async function press() {
    try {
      const said = await act()
      if (!said) return
      await load()
      tell(said)
      said.tabIndex = -1
      said.focus()
    } catch (problem) {
      tell(failedCard(problem))
    }
  }
}

/** @param {Invoice} invoice */
const charge = ({ id: invoice, company, amount_remaining: amount, currency, attempts }) =>
  chargeNow({ id: invoice, company, amount, currency, advice: attempts.at(-1)?.advice ?? null })

/** @param {Invoice} invoice @param {Preview} preview */
const refund = (invoice, preview) => giveBack({ invoice_id: invoice.id }, preview)

/** A credit note as it is offered to whoever books it. @param {import("../lib/invoices.js").CreditNote} note */
function filesOf({ id: note, number }) {
  const of = { about: number ?? note, small: true, tell }
  const at = `/api/billing/credit-notes/${encodeURIComponent(note)}`
  return [
    fileButton({ ...of, path: `${at}/ubl`, words: t("invoice.ubl") }),
    fileButton({ ...of, path: `${at}/cii`, words: t("invoice.cii") }),
  ]
}

/** @param {Invoice} invoice */
function facts(invoice) {
  const head = (/** @type {string} */ name) => label("column.billing_invoices", name)
  const code = (/** @type {string | null} */ text) =>
    text && h("code", { class: "wrap-anywhere", translate: "no" }, text)
  const time = (/** @type {string | null} */ at) => at && exactTime(at)
  const { tenant_id: tenant, subdomain } = invoice
  /** @type {[string, Child | Child[]][]} */
  const all = [
    [
      head("company"),
      [
        h("span", { class: "block", translate: "no", dir: "auto" }, invoice.company),
        h("span", { class: "block text-soft wrap-anywhere", translate: "no" }, invoice.customer_email),
        h(
          "a",
          { class: "inline-block py-0.5", href: `/admin/billing?customer=${invoice.customer_id}` },
          t("invoice.others"),
        ),
      ],
    ],
    [
      head("subdomain"),
      tenant && h("a", { class: "inline-block py-0.5", href: `/admin/tenants/${tenant}`, translate: "no" }, subdomain),
    ],
    [t("invoice.reason"), invoice.billing_reason && label("billing_reason", invoice.billing_reason)],
    [t("invoice.collection"), invoice.collection_method && label("collection_method", invoice.collection_method)],
    [head("date"), time(invoice.date)],
    [head("due_date"), time(invoice.due_date)],
    [head("payment_date"), time(invoice.payment_date)],
    [head("attempt_count"), formatNumber(invoice.attempt_count)],
    [head("next_payment_attempt"), time(invoice.next_payment_attempt)],
    [t("invoice.id"), code(invoice.id)],
    [head("stripe_invoice_id"), code(invoice.stripe_invoice_id)],
    [head("stripe_subscription_id"), code(invoice.stripe_subscription_id)],
  ]
  return h(
    "dl",
    { class: "facts numbers" },
    ...all.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  )
}
