// What staff do about a customer's payment method: what that means is said before, and what came of it after.

import { h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { notice } from "./feedback.js"
import { formDialog } from "./form-dialog.js"
import { dangerousRequest } from "./step-up.js"

/**
 * @typedef {{ id: string, customer_id: string, company: string, email: string, type: string, brand: string | null,
 *   last4: string | null, is_default: boolean, charged_subscriptions: number }} Method
 * @typedef {"being_checked" | "done" | "gone" | "overtaken" | "refused" | "unknown"} Outcome
 * @typedef {{ outcome: Outcome, refusal: string | null }} Answer
 */

/** @type {Record<Outcome, import("./feedback.js").Tone>} */
const TONES = {
  being_checked: "info",
  done: "positive",
  gone: "caution",
  overtaken: "caution",
  refused: "negative",
  unknown: "caution",
}

/** "visa •••• 4242" @param {{ type: string, brand: string | null, last4: string | null }} method */
export function methodName({ type, brand, last4 }) {
  const name = brand ? brand.charAt(0).toUpperCase() + brand.slice(1) : label("method_type", type)
  return last4 ? `${name} •••• ${last4}` : name
}

/** @param {Method} method @returns {Promise<HTMLElement | undefined>} what came of it; nothing: it was left */
export async function chargeFromNowOn(method) {
  const key = crypto.randomUUID()
  /** @type {Answer | undefined} */
  let done
  await formDialog({
    title: t("payment_methods.default_title", { method: methodName(method) }),
    danger: true,
    lead: t("payment_methods.default_lead", { company: method.company }),
    fields: [h("p", {}, t("payment_methods.default_effect"))],
    action: t("payment_methods.default_action"),
    submit: async () => {
      done = await dangerousRequest("POST", `/api/billing/payment-methods/${method.id}/default`, {
        headers: { "Idempotency-Key": key },
      })
    },
  })
  return done && notice(TONES[done.outcome], label("method_chosen", done.outcome, undefined, values(done, method)))
}

/** @param {Method} method @returns {Promise<HTMLElement | undefined>} what came of it; nothing: it was left */
export async function removeMethod(method) {
  const { charged_subscriptions: charged } = method
  const anyway = h("input", { type: "checkbox", class: "mt-0.5 size-6 flex-none", name: "even_if_charged" })
  /** @type {Answer | undefined} */
  let done
  await formDialog({
    title: t("payment_methods.remove_title", { method: methodName(method) }),
    danger: true,
    lead: t("payment_methods.remove_lead", { company: method.company }),
    fields:
      charged > 0
        ? [
            notice(
              "caution",
              t("payment_methods.charged", { count: charged }),
              h("p", {}, t("payment_methods.charged_text")),
            ),
            h("label", { class: "flex gap-2.5" }, anyway, h("span", {}, t("payment_methods.remove_anyway"))),
          ]
        : [],
    action: t("payment_methods.remove_action"),
    submit: async () => {
      const query = anyway.checked ? "?even_if_charged=true" : ""
      done = await dangerousRequest("DELETE", `/api/billing/payment-methods/${method.id}${query}`)
    },
  })
  return done && notice(TONES[done.outcome], label("method_removed", done.outcome, undefined, values(done, method)))
}

/** The customer gets a link to their own page, where they give another card. @param {Method} method */
export async function askForAnother({ customer_id: customer, email, company }) {
  /** @type {HTMLElement | undefined} */
  let said
  await formDialog({
    title: t("payment_methods.link_title", { company }),
    lead: t("payment_methods.link_lead", { email }),
    fields: [],
    action: t("payment_methods.link_action"),
    submit: async () => {
      const { mailed } = await staffRequest("POST", `/api/customers/${customer}/portal-link`)
      said = mailed
        ? notice("positive", t("tenant.portal_link_sent", { email }))
        : notice("info", t("tenant.portal_link_kept"))
    },
  })
  return said
}

/** @param {Answer} answer @param {Method} method */
const values = ({ refusal }, method) => ({
  method: methodName(method),
  company: method.company,
  code: refusal ?? "",
})
