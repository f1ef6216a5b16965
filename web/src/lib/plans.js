// Prices and what follows from them. Nothing here is a claim of ours: free months and dates are computed from the price list.

import { formatMoney, formatNumber } from "./format.js"
import { t } from "./messages.js"

/** @typedef {"month" | "year"} Interval */
/** @typedef {{ currency: string, interval: Interval, unit_amount: number }} Price */
/**
 * @typedef {{ id: string, name: string, max_users: number, storage_limit_mib: number, memory_limit_mib: number,
 *             cpu_limit_percent: number, support: string, featured: boolean, trial_days: number, prices: Price[] }} Plan
 */
/** @typedef {{ currencies: string[], plans: Plan[], address_suffix: string, availability: string, sends_mail: boolean }} PriceList */

/** "Team", "2 × Team". @param {string} name @param {number} quantity */
export const planText = (name, quantity) => (quantity === 1 ? name : `${formatNumber(quantity)} × ${name}`)

/** @param {Pick<Plan, "prices">} plan @param {string} currency @param {Interval} interval */
export function amountOf(plan, currency, interval) {
  return plan.prices.find(price => price.currency === currency && price.interval === interval)?.unit_amount ?? null
}

/** How many months a yearly payer gets free, when that is a whole number for every plan alike. @param {Plan[]} plans @param {string} currency */
export function monthsFree(plans, currency) {
  const free = plans.map(plan => {
    const month = amountOf(plan, currency, "month")
    const year = amountOf(plan, currency, "year")
    return month && year !== null && year % month === 0 ? 12 - year / month : 0
  })
  return new Set(free).size === 1 && free[0] > 0 ? free[0] : null
}

/**
 * What is charged now and when the next charge comes, on the same day of the month where that month has it; after a trial, when that is over.
 * @param {number} amount @param {Interval} interval @param {Date} today @param {number} trialDays
 */
export function charges(amount, interval, today, trialDays = 0) {
  if (trialDays > 0)
    return { dueToday: 0, next: new Date(today.getFullYear(), today.getMonth(), today.getDate() + trialDays) }
  const months = interval === "year" ? 12 : 1
  const lastDay = new Date(today.getFullYear(), today.getMonth() + months + 1, 0).getDate()
  const next = new Date(today.getFullYear(), today.getMonth() + months, Math.min(today.getDate(), lastDay))
  return { dueToday: amount, next }
}

/** "14 days free, then €49.00 a month". @param {number} days @param {{ currency: string, amount: number, interval: string }} price */
export function trialWords(days, { currency, amount, interval }) {
  const words = { count: days, amount: formatMoney({ currency, amount }) }
  return interval === "year" ? t("plans.trial_year", words) : t("plans.trial_month", words)
}
