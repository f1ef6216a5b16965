// One dispute: what is known of it, what helps against it, what the bank is told, and telling it.

import "../elements/status-badge.js"
import { mdiCheckCircle, mdiCircleOutline } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { dangerousRequest, NotConfirmed } from "../elements/step-up.js"
import { exactTime } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { timeLeft } from "../lib/disputes.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { invoicePage } from "../lib/invoices.js"
import { label, t } from "../lib/messages.js"
import { ifMatch, staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/disputes.js").Dispute} Dispute */
/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {"being_checked" | "submitted" | "accepted" | "answered_already" | "refused" | "unknown"} Outcome */

const FILES = new Set(
  ["receipt", "customer_communication", "customer_signature", "service_documentation", "refund_policy"].concat([
    "cancellation_policy",
    "duplicate_charge_documentation",
    "shipping_documentation",
    "uncategorized_file",
  ]),
)
const LINES = new Set([
  "customer_name",
  "customer_email_address",
  "customer_purchase_ip",
  "service_date",
  "duplicate_charge_id",
])
/** @type {Record<Outcome, import("../elements/feedback.js").Tone>} */
const TONES = {
  being_checked: "info",
  submitted: "positive",
  accepted: "info",
  answered_already: "caution",
  refused: "negative",
  unknown: "caution",
}

const id = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const path = `/api/billing/disputes/${encodeURIComponent(id)}`
const problemPlace = byId("problem", HTMLElement)
const form = byId("evidence", HTMLFormElement)
let mayWrite = false
/** @type {Dispute | undefined} */
let shown

startConsole().then(
  ({ scopes }) => {
    mayWrite = scopes.includes("billing:write")
    form.addEventListener("submit", event => event.preventDefault())
    addEventListener("beforeunload", event => {
      if (isEdited()) event.preventDefault()
    })
    return load()
  },
  () => {},
)

async function load() {
  try {
    draw(await staffRequest("GET", path))
    fill(problemPlace)
  } catch (problem) {
    const missing = problem instanceof ApiProblem && [404, 422].includes(problem.status)
    const back = h("a", { class: "button", href: "/admin/billing/disputes" }, t("dispute.back"))
    fill(
      problemPlace,
      missing ? emptyCard(t("dispute.missing"), t("dispute.missing_text"), back) : failedCard(problem, load),
    )
  }
  byId("headline", HTMLElement).hidden = false
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
}

/** @param {Dispute} dispute */
const isOpen = ({ hindrance, is_being_checked: checking }) => mayWrite && hindrance === "none" && !checking

/** @param {Dispute} dispute */
function draw(dispute) {
  shown = dispute
  const title = t("dispute.of", { amount: formatMoney(dispute), company: dispute.company })
  document.title = `${title} · ${t("product")}`
  byId("content", HTMLElement).hidden = false
  setText(byId("title", HTMLElement), title)
  setText(byId("breadcrumb", HTMLElement), dispute.stripe_dispute_id)
  fill(byId("badge", HTMLElement), h("status-badge", { kind: "dispute", value: dispute.status }))
  fill(byId("advice", HTMLElement), ...advice(dispute))
  fill(
    byId("actions", HTMLElement),
    isOpen(dispute) && button("accept", t("dispute.accept"), () => accept(dispute)),
    isOpen(dispute) && button("submit", t("dispute.submit"), () => submit(dispute), "button-primary"),
  )
  setText(byId("evidence-note", HTMLElement), noteOf(dispute))
  fill(form, ...evidence(dispute))
  fill(byId("facts", HTMLElement), facts(dispute))
}

/** @param {Dispute} dispute */
function noteOf({ hindrance, submission_count: count, has_evidence: written }) {
  if (count > 0 || hindrance === "submitted") return t("dispute.note_submitted")
  if (hindrance !== "none") return t("dispute.note_closed")
  return written ? t("dispute.note_draft") : t("dispute.note_empty")
}

/** What it means, and what there is to do. @param {Dispute} dispute */
function advice({ hindrance, is_being_checked: checking, reason, evidence_due_by: due, status }) {
  if (checking) return [notice("info", t("disputes.checking"), h("p", {}, t("dispute.checking_text")))]
  if (hindrance === "overdue") return [notice("negative", t("problem.evidence_overdue"))]
  if (hindrance === "submitted")
    return [notice("info", t("dispute.with_bank"), h("p", {}, t("dispute.with_bank_text")))]
  if (hindrance === "decided")
    return [
      notice(
        status === "lost" ? "negative" : "positive",
        label("dispute_end", status, label("dispute_status", status)),
      ),
    ]
  return [
    notice(
      "caution",
      due ? t("dispute.due", { left: timeLeft(due) }) : t("dispute.due_unknown"),
      h("p", {}, label("dispute_advice", reason, t("dispute.advice_other"))),
    ),
  ]
}

/** What helps against this reason first; all else a step away. @param {Dispute} dispute */
function evidence(dispute) {
  const { helps, evidence: texts, files } = dispute
  const known = [...Object.keys(texts), ...FILES]
  const others = known.filter(name => !helps.includes(name) && (!FILES.has(name) || files.includes(name)))
  const given = helps.filter(name => isGiven(dispute, name)).length
  return [
    h("p", { class: "hint" }, t("dispute.checklist", { given, all: helps.length })),
    ...helps.map(name => part(dispute, name)),
    h(
      "details",
      { open: others.some(name => isGiven(dispute, name)) },
      h("summary", { class: "min-h-6 cursor-pointer font-semibold" }, t("dispute.more")),
      h("div", { class: "mt-4 grid gap-5" }, ...others.map(name => part(dispute, name))),
    ),
    isOpen(dispute) &&
      h(
        "div",
        { class: "screen-only flex flex-wrap gap-2 border-t border-line pt-4" },
        button("suggest", t("dispute.suggest"), suggest),
        button("save", t("dispute.save"), () => save(dispute)),
      ),
  ]
}

/** @param {Dispute} dispute @param {string} name */
const isGiven = ({ evidence: texts, files }, name) => (FILES.has(name) ? files.includes(name) : !!texts[name])

/** One piece of evidence: whether it is given, and its text. @param {Dispute} dispute @param {string} name */
function part(dispute, name) {
  const given = isGiven(dispute, name)
  const mark = h(
    "span",
    { class: given ? "text-positive" : "text-soft" },
    icon(given ? mdiCheckCircle : mdiCircleOutline),
    h("span", { class: "sr-only" }, given ? t("dispute.given") : t("dispute.not_given")),
  )
  const hint = h("p", { class: "hint" }, FILES.has(name) ? t("dispute.upload") : label("evidence_hint", name, ""))
  const head = h("span", { class: "inline-flex items-center gap-2" }, mark, label("evidence", name))
  if (FILES.has(name)) return h("div", { class: "field" }, h("p", { class: "field-label" }, head), hint)
  if (!isOpen(dispute))
    return h(
      "div",
      { class: "field" },
      h("p", { class: "field-label" }, head),
      given && h("p", { class: "whitespace-pre-wrap wrap-anywhere", translate: "no" }, dispute.evidence[name]),
    )
  const value = dispute.evidence[name] ?? ""
  const control = LINES.has(name)
    ? h("input", { class: "input", name, value, maxlength: 200, autocomplete: "off", spellcheck: "false" })
    : h("textarea", { class: "input", name, rows: name === "access_activity_log" ? 8 : 3, maxlength: 20_000 }, value)
  control.id = `evidence-${name}`
  return h("div", { class: "field" }, h("label", { for: control.id }, head), control, hint)
}

/** @returns {[string, HTMLInputElement | HTMLTextAreaElement][]} */
const controls = () =>
  [...form.elements]
    .filter(one => one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement)
    .map(one => [one.name, one])
const typed = () => Object.fromEntries(controls().map(([name, { value }]) => [name, value.trim() || null]))
const isEdited = () => controls().some(([name, { value }]) => value.trim() !== (shown?.evidence[name] ?? "").trim())

/** What our records say goes where nothing stands yet. */
async function suggest() {
  /** @type {Record<string, string | null>} */
  const found = await staffRequest("GET", `${path}/suggestion`)
  let count = 0
  for (const [name, control] of controls()) {
    const text = found[name]
    if (!text || control.value.trim()) continue
    control.value = text
    count += 1
  }
  return notice("info", count > 0 ? t("dispute.suggested", { count }) : t("dispute.nothing_suggested"))
}

/** @param {Dispute} dispute */
async function save(dispute) {
  draw(
    await staffRequest("PUT", `${path}/evidence`, {
      body: { evidence: typed() },
      headers: ifMatch(dispute),
    }),
  )
  return notice("positive", t("dispute.saved"))
}

/** @param {Dispute} dispute */
async function submit(dispute) {
  const told = Object.entries(typed()).filter(([, text]) => text)
  const key = crypto.randomUUID()
  const sure = h("input", { type: "checkbox", class: "mt-0.5 size-6 flex-none", name: "sure", id: "dispute-sure" })
  return ask({
    title: t("dispute.submit_title"),
    lead: t("dispute.submit_lead", { company: dispute.company, amount: formatMoney(dispute) }),
    fields: [
      h(
        "div",
        {},
        h("h3", { class: "font-semibold" }, t("dispute.submit_what")),
        told.length > 0 || dispute.files.length > 0
          ? h(
              "ul",
              { class: "list-disc ps-5" },
              ...told.map(([name]) => h("li", {}, label("evidence", name))),
              ...dispute.files.map(name => h("li", {}, label("evidence", name))),
            )
          : h("p", { class: "text-soft" }, t("problem.nothing_told")),
      ),
      h("label", { class: "flex gap-2.5", for: sure.id }, sure, h("span", {}, t("dispute.submit_sure"))),
      h("p", { class: "field-error", id: "dispute-sure-error" }),
    ],
    action: t("dispute.submit"),
    check: () => sure.checked,
    send: () =>
      dangerousRequest("POST", `${path}/submission`, {
        body: { evidence: typed() },
        headers: { ...ifMatch(dispute), "Idempotency-Key": key },
      }),
  })
}

/** @param {Dispute} dispute */
function accept(dispute) {
  const key = crypto.randomUUID()
  const sure = h("input", { type: "checkbox", class: "mt-0.5 size-6 flex-none", name: "sure", id: "dispute-sure" })
  return ask({
    title: t("dispute.accept_title"),
    lead: t("dispute.accept_lead", { company: dispute.company, amount: formatMoney(dispute) }),
    fields: [
      h("label", { class: "flex gap-2.5", for: sure.id }, sure, h("span", {}, t("dispute.accept_sure"))),
      h("p", { class: "field-error", id: "dispute-sure-error" }),
    ],
    action: t("dispute.accept"),
    check: () => sure.checked,
    send: () => dangerousRequest("POST", `${path}/acceptance`, { body: {}, headers: { "Idempotency-Key": key } }),
  })
}

/**
 * @param {{ title: string, lead: string, fields: Child[], action: string, check: () => boolean,
 *           send: () => Promise<{ outcome: Outcome, refusal: string | null }> }} parts
 */
async function ask({ title, lead, fields, action, check, send }) {
  /** @type {{ outcome: Outcome, refusal: string | null } | undefined} */
  let done
  await formDialog({
    title,
    danger: true,
    lead,
    fields,
    action,
    submit: async () => {
      if (!check())
        throw new ApiProblem(422, { code: "validation_failed", errors: [{ pointer: "/sure", code: "not_ticked" }] })
      done = await send()
    },
  })
  if (!done) return
  draw(await staffRequest("GET", path))
  return notice(TONES[done.outcome], label("dispute_outcome", done.outcome, undefined, { code: done.refusal ?? "" }))
}

/** @param {string} name @param {string} words @param {() => Promise<HTMLElement | undefined>} act @param {string} [look] */
function button(name, words, act, look = "") {
  const one = h("button", { type: "button", class: `button ${look}`, id: name, onclick: press }, words)
  return one
  /** What came of it stands above the dispute as it is then. */
  async function press() {
    if (one.getAttribute("aria-disabled")) return
    one.setAttribute("aria-disabled", "true")
    try {
      const said = await act()
      if (said) tell(said)
    } catch (problem) {
      if (!(problem instanceof NotConfirmed)) tell(failedCard(problem))
    } finally {
      one.removeAttribute("aria-disabled")
    }
  }
}

/** @param {HTMLElement} words */
function tell(words) {
  fill(problemPlace, words)
  words.tabIndex = -1
  words.focus()
}

/** @param {Dispute} dispute */
function facts(dispute) {
  const head = (/** @type {string} */ name) => label("column.disputes", name)
  const code = (/** @type {string | null} */ text) =>
    text && h("code", { class: "wrap-anywhere", translate: "no" }, text)
  const time = (/** @type {string | null} */ at) => at && exactTime(at)
  const money = (/** @type {number | null} */ amount, currency = dispute.currency) =>
    amount ? formatMoney({ amount, currency }) : null
  const { invoice_id: invoice, brand, method_type: type, last4 } = dispute
  /** @type {[string, Child | Child[]][]} */
  const all = [
    [
      head("reason"),
      [
        label("dispute_reason", dispute.reason),
        dispute.network_reason_code &&
          h("span", { class: "block text-soft" }, t("dispute.network_code", { code: dispute.network_reason_code })),
      ],
    ],
    [head("amount"), money(dispute.amount)],
    [t("dispute.fee"), money(dispute.fee, dispute.fee_currency ?? dispute.currency)],
    [t("dispute.withdrawn"), money(dispute.funds_withdrawn)],
    [t("dispute.reinstated"), money(dispute.funds_reinstated)],
    [head("evidence_due_by"), time(dispute.evidence_due_by)],
    [head("created_at"), time(dispute.created_at)],
    [head("closed_at"), time(dispute.closed_at)],
    [
      head("company"),
      [
        h("span", { class: "block", translate: "no", dir: "auto" }, dispute.company),
        h("span", { class: "block text-soft wrap-anywhere", translate: "no" }, dispute.customer_email),
        h(
          "a",
          { class: "inline-block py-0.5", href: `/admin/billing?customer=${dispute.customer_id}` },
          t("invoice.others"),
        ),
      ],
    ],
    [
      t("dispute.tenants"),
      dispute.tenants.length > 0 &&
        dispute.tenants.map(({ id: tenant, subdomain, state }) =>
          h(
            "span",
            { class: "block" },
            h("a", { class: "inline-block py-0.5", href: `/admin/tenants/${tenant}`, translate: "no" }, subdomain),
            ` · ${label("state", state)}`,
          ),
        ),
    ],
    [
      head("invoice_number"),
      invoice &&
        h("a", { class: "inline-block py-0.5", href: invoicePage(invoice) }, dispute.invoice_number ?? invoice),
    ],
    [t("dispute.paid_at"), time(dispute.paid_at)],
    [
      t("dispute.method"),
      (brand || type) &&
        h("span", { class: "capitalize", translate: "no" }, [brand ?? type, last4].filter(Boolean).join(" •••• ")),
    ],
    [head("stripe_charge_id"), code(dispute.stripe_charge_id)],
    [head("stripe_dispute_id"), code(dispute.stripe_dispute_id)],
  ]
  return h(
    "dl",
    { class: "facts numbers" },
    ...all.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  )
}
