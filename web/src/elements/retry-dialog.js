// Charging an invoice once more: what that does is said before, and what came of it after.

import { h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { notice } from "./feedback.js"
import { formDialog } from "./form-dialog.js"
import { dangerousRequest } from "./step-up.js"

/**
 * @typedef {{ id: string, company: string, amount: number, currency: string, advice: string | null }} Owed `amount` is what
 *   is still to be paid, `advice` what to do about the last attempt
 * @typedef {"being_checked" | "paid" | "declined" | "needs_customer" | "under_way" | "already_paid" | "void" | "no_method"
 *   | "refused" | "unknown"} Outcome
 * @typedef {{ outcome: Outcome, decline_code: string | null, advice: string | null }} Answer
 */

/** @type {Record<Outcome, import("./feedback.js").Tone>} */
const TONES = {
  being_checked: "info",
  paid: "positive",
  declined: "negative",
  needs_customer: "caution",
  under_way: "info",
  already_paid: "info",
  void: "info",
  no_method: "caution",
  refused: "negative",
  unknown: "caution",
}

/** Asks whether to, and charges it. @param {Owed} owed @returns {Promise<HTMLElement | undefined>} what came of it; nothing: it was left */
export async function chargeNow(owed) {
  const amount = formatMoney(owed)
  const key = crypto.randomUUID()
  /** @type {Answer | undefined} */
  let done
  await formDialog({
    title: t("payment_failures.retry_title", { amount }),
    danger: true,
    lead: t("payment_failures.retry_lead", { company: owed.company }),
    fields: owed.advice === "other_method" ? [notice("caution", "", h("p", {}, t("payment_failures.retry_hard")))] : [],
    action: t("payment_failures.retry_action", { amount }),
    submit: async () => {
      done = await dangerousRequest("POST", "/api/billing/retry-payment", {
        body: { invoice_id: owed.id },
        headers: { "Idempotency-Key": key },
      })
    },
  })
  return done && notice(TONES[done.outcome], wordsOf(done, amount))
}

/** @param {Answer} answer @param {string} amount */
function wordsOf({ outcome, decline_code: code, advice }, amount) {
  const why = label("decline", code ?? "other")
  const todo = advice ? label("decline_advice", advice) : ""
  return label("retry_outcome", outcome, undefined, { amount, why, code: code ?? "", advice: todo })
}
