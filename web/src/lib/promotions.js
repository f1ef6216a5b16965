// What a promotion code takes off, in words.

import { formatMoney, formatNumber } from "./format.js"
import { label, t } from "./messages.js"

/**
 * @typedef {{ percent_off: number | null, amount_off: number | null, currency: string | null, duration: string | null,
 *   months: number | null }} Terms
 * @typedef {Terms & { id: string, code: string, active: boolean, duration: string, max_redemptions: number | null,
 *   expires_at: string | null, times_redeemed: number, created_at: string }} Promotion
 */

/** "20 % off". @param {Terms} terms */
export const cutOf = ({ percent_off: percent, amount_off: amount, currency }) =>
  percent !== null
    ? t("promotions.percent_off", { percent: formatNumber(percent, 2) })
    : t("promotions.amount_off", { amount: formatMoney({ amount: amount ?? 0, currency: currency ?? "" }) })

/** "20 % off, for 3 months". @param {Terms} terms */
export const termsOf = terms =>
  `${cutOf(terms)}, ${label("promotion_duration", terms.duration ?? "", "", { count: terms.months ?? 0 })}`
