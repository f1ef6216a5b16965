// Why a bank or Stripe declined a payment, in plain words, and what helps. Codes that came after this page was written are
// shown as they are.

import { h } from "../lib/dom.js"
import { label } from "../lib/messages.js"

/** @param {string} code Stripe's decline code */
export const declineWords = code => label("decline", code)

/** Words, the code itself, and the advice below; nothing of what was not declined.
 *  @param {{ code?: string | null, advice?: string | null }} attempt */
export function declineCell({ code, advice }) {
  if (!code) return null
  const words = declineWords(code)
  return [
    h("span", { class: "block" }, words, " ", h("code", { class: "text-soft", translate: "no" }, code)),
    advice && h("span", { class: "block text-soft" }, label("decline_advice", advice)),
  ]
}
