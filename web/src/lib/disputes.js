// Disputes as the API tells them.

import { h } from "./dom.js"
import { formatFullDateTime } from "./format.js"
import { t } from "./messages.js"

/**
 * @typedef {{ id: string, stripe_dispute_id: string, status: string, reason: string, network_reason_code: string | null,
 *   amount: number, currency: string, fee: number | null, fee_currency: string | null, funds_withdrawn: number,
 *   funds_reinstated: number, customer_id: string, company: string, customer_name: string, customer_email: string,
 *   invoice_id: string | null, invoice_number: string | null, stripe_invoice_id: string | null, stripe_charge_id: string,
 *   paid_at: string | null, method_type: string | null, brand: string | null, last4: string | null, created_at: string,
 *   evidence_due_by: string | null, closed_at: string | null, hindrance: "none" | "submitted" | "decided" | "overdue",
 *   has_evidence: boolean, is_being_checked: boolean, submission_count: number, version: number,
 *   tenants: { id: string, subdomain: string, state: string }[], evidence: Record<string, string | null>, files: string[],
 *   helps: string[] }} Dispute
 */

const HOUR = 3_600_000

/** The page of a dispute. @param {string} id ours or Stripe's */
export const disputePage = id => `/admin/billing/disputes/${encodeURIComponent(id)}`

/** How much time is left for an answer. @param {string} until */
export function timeLeft(until) {
  const left = Date.parse(until) - Date.now()
  if (left <= 0) return t("disputes.over")
  const hours = Math.floor(left / HOUR)
  return hours < 48
    ? t("disputes.hours_left", { count: Math.max(1, hours) })
    : t("disputes.days_left", { count: Math.floor(hours / 24) })
}

/** The same with its exact moment behind it. @param {string} until */
export const dueText = until => h("time", { datetime: until, title: formatFullDateTime(until) }, timeLeft(until))
