// Giving back what was paid: what may still go back and what that does is seen before it is done.

import { ApiProblem } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { decimals, formatMoney, minorUnits } from "../lib/format.js"
import { label, locale, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { notice } from "./feedback.js"
import { field, formDialog, inputFor, selectFor } from "./form-dialog.js"
import { dangerousRequest } from "./step-up.js"

/**
 * @typedef {{ invoice_id: string } | { charge: string }} Target
 * @typedef {{ currency: string, paid: number, refunded: number, disputed: number, credited: number, ordered: number,
 *   left: number, amount: number, hindrance: string, makes_credit_note: boolean,
 *   revenue: { month: string, amount: number }[] }} Preview
 * @typedef {{ outcome: "being_checked" | "given_back" | "in_part" | "refused", currency: string, amount: number,
 *   given_back: number, refusal: string | null }} Answer
 */

const PATH = "/api/billing/refunds"
/** @type {Record<Answer["outcome"], import("./feedback.js").Tone>} */
const TONES = { being_checked: "info", given_back: "positive", in_part: "caution", refused: "negative" }

/** What may still go back. @param {Target} target @param {number} [amount] @returns {Promise<Preview>} */
export const previewRefund = (target, amount) =>
  staffRequest(
    "GET",
    `${PATH}/preview?${new URLSearchParams({ ...target, ...(amount ? { amount: String(amount) } : {}) })}`,
  )

/**
 * Asks how much and why, and gives it back. @param {Target} target @param {Preview} preview
 * @returns {Promise<HTMLElement | undefined>} what came of it; nothing: it was left
 */
export async function giveBack(target, preview) {
  const { currency, left, paid } = preview
  const amount = inputFor("POST /api/billing/refunds", "amount", {
    type: "text",
    inputmode: "decimal",
    value: typed(left, currency),
    min: undefined,
    max: undefined,
    // What stands there is never of another amount than the one that is typed.
    oninput: () => fill(effect),
    onchange: () => show().catch(() => {}),
  })
  const reason = selectFor("POST /api/billing/refunds", "reason", (/** @type {string} */ value) =>
    label("refund_reason", value),
  )
  const note = inputFor("POST /api/billing/refunds", "note")
  const effect = h("ul", { class: "grid list-disc gap-1 ps-5", "aria-live": "polite" })
  const show = async () => {
    const wanted = minorOf(amount.value, currency)
    if (wanted) fill(effect, ...effectOf(wanted === preview.amount ? preview : await previewRefund(target, wanted)))
  }
  await show()
  const key = crypto.randomUUID()
  /** @type {Answer | undefined} */
  let done
  await formDialog({
    title: t("refunds.action_title", { target: "invoice_id" in target ? target.invoice_id : target.charge }),
    danger: true,
    lead: t("refunds.action_lead", { left: money(left, currency), paid: money(paid, currency) }),
    fields: [
      field(t("refunds.amount", { currency: currency.toUpperCase() }), amount),
      field(t("refunds.reason"), reason),
      field(t("refunds.note"), note),
      h("div", {}, h("h3", { class: "font-semibold" }, t("refunds.effect")), effect),
    ],
    action: t("refunds.new"),
    submit: async () => {
      const wanted = minorOf(amount.value, currency)
      if (!wanted)
        throw new ApiProblem(422, {
          code: "validation_failed",
          errors: [{ pointer: "/amount", code: "not_an_amount" }],
        })
      done = await dangerousRequest("POST", PATH, {
        body: { ...target, amount: wanted, reason: reason.value, note: note.value },
        headers: { "Idempotency-Key": key },
      })
    },
  })
  return done && notice(TONES[done.outcome], wordsOf(done))
}

/** @param {Answer} answer */
const wordsOf = ({ outcome, currency, amount, given_back: given, refusal }) =>
  label("refund_outcome", outcome, undefined, {
    amount: money(amount, currency),
    given: money(given, currency),
    code: refusal ?? "",
  })

/** @param {Preview} preview */
function effectOf({ currency, revenue, makes_credit_note: note }) {
  const month = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" })
  return [
    ...revenue.map(({ month: begins, amount }) =>
      t("refunds.effect_month", { month: month.format(middleOf(begins)), amount: money(amount, currency) }),
    ),
    note && t("refunds.effect_credit_note"),
    t("refunds.effect_access"),
  ]
    .filter(line => line !== false)
    .map(line => h("li", {}, line))
}

/** A day that lies in this month in every zone. @param {string} begins */
const middleOf = begins => new Date(Date.parse(begins) + 14 * 86_400_000)

/** @param {number} amount @param {string} currency */
const money = (amount, currency) => formatMoney({ amount, currency })

/** @param {number} amount @param {string} currency */
function typed(amount, currency) {
  const digits = decimals(currency)
  return (amount / minorUnits(currency)).toLocaleString(locale, {
    useGrouping: false,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** What was typed, in minor units; 0: it is no amount of this currency. @param {string} text @param {string} currency */
export function minorOf(text, currency) {
  const [, whole, part = ""] = /^\s*(\d{1,12})(?:[.,](\d+))?\s*$/.exec(text) ?? []
  const digits = decimals(currency)
  if (whole === undefined || part.length > digits) return 0
  return Number(whole + part.padEnd(digits, "0"))
}
