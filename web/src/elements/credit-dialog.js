// Asking for less of an invoice that is open: how much less, and why.

import { ApiProblem } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { notice } from "./feedback.js"
import { field, formDialog, inputFor, selectFor } from "./form-dialog.js"
import { minorOf } from "./refund-dialog.js"
import { dangerousRequest } from "./step-up.js"

/**
 * @typedef {{ id: string, number: string | null, company: string, amount_remaining: number, currency: string }} Owed
 * @typedef {{ outcome: "being_checked" | "credited" | "refused" | "unknown", currency: string, amount: number,
 *   refusal: string | null }} Answer
 */

/** @type {Record<Answer["outcome"], import("./feedback.js").Tone>} */
const TONES = { being_checked: "info", credited: "positive", refused: "negative", unknown: "caution" }

/** @param {Owed} invoice @returns {Promise<HTMLElement | undefined>} what came of it; nothing: it was left */
export async function askForLess({ id, number, company, amount_remaining: left, currency }) {
  const amount = inputFor("POST /api/billing/invoices/{id}/credit-notes", "amount", {
    type: "text",
    inputmode: "decimal",
    min: undefined,
    max: undefined,
  })
  const reason = selectFor("POST /api/billing/invoices/{id}/credit-notes", "reason", (/** @type {string} */ value) =>
    label("credit_note_reason", value),
  )
  reason.prepend(h("option", { value: "", selected: true }, t("credit_notes.no_reason")))
  const note = inputFor("POST /api/billing/invoices/{id}/credit-notes", "note")
  const key = crypto.randomUUID()
  /** @type {Answer | undefined} */
  let done
  await formDialog({
    title: t("credit_notes.new_title", { invoice: number ?? id }),
    danger: true,
    lead: t("credit_notes.new_lead", { company, left: formatMoney({ amount: left, currency }) }),
    fields: [
      field(t("credit_notes.amount", { currency: currency.toUpperCase() }), amount),
      field(t("refunds.reason"), reason, h("p", { class: "hint" }, t("credit_notes.reason_hint"))),
      field(t("refunds.note"), note),
    ],
    action: t("credit_notes.new"),
    submit: async () => {
      const wanted = minorOf(amount.value, currency)
      if (!wanted)
        throw new ApiProblem(422, {
          code: "validation_failed",
          errors: [{ pointer: "/amount", code: "not_an_amount" }],
        })
      done = await dangerousRequest("POST", `/api/billing/invoices/${id}/credit-notes`, {
        body: { amount: wanted, note: note.value, ...(reason.value ? { reason: reason.value } : {}) },
        headers: { "Idempotency-Key": key },
      })
    },
  })
  if (!done) return
  const words = { amount: formatMoney(done), code: done.refusal ?? "" }
  return notice(TONES[done.outcome], label("credit_outcome", done.outcome, undefined, words))
}
