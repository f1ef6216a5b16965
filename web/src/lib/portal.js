// The customer's page as the server describes it, and words that several of its parts say.

import { formatMoney } from "./format.js"
import { label, language, locale } from "./messages.js"

/**
 * @typedef {{ what: string, at: string | null, invoice: string | null, currency: string | null, amount: number | null }} NextStep
 * @typedef {{ status: string, currency: string, amount: number | null, interval: string | null, interval_count: number | null,
 *             period_ends_at: string | null, ends_at: string | null, may_cancel: boolean, may_resume: boolean }} Subscription
 * @typedef {{ percent_off: number, months: number }} StayOffer
 * @typedef {{ id: string, subdomain: string, url: string, plan: string, plan_id: string, plan_quantity: number, may_change_plan: boolean,
 *             plan_order: import("../elements/plan-order.js").PlanOrder | null, standing: string, last_backup_at: string | null,
 *             subscription: Subscription | null, stay_offer: StayOffer | null, next: NextStep[] }} PortalTenant
 * @typedef {{ type: string, brand: string | null, last4: string | null, expiry_year: number | null, expiry_month: number | null,
 *             is_default: boolean }} PaymentMethod
 * @typedef {{ company: string, name: string, email: string, support_email: string, sends_mail: boolean, as_of: string, closes_at: string,
 *             tenants: PortalTenant[], payment_methods: PaymentMethod[], tax_ids: import("../elements/portal-tax-ids.js").TaxId[], may_change_card: boolean, is_card_awaited: boolean, is_card_given: boolean, customer_id: string }} Portal
 * @typedef {{ id: string, number: string | null, status: string, is_overdue: boolean, subdomain: string | null, currency: string,
 *             amount: number, amount_remaining: number, date: string, paid_at: string | null, pay_url: string | null }} PortalInvoice
 */

const days = new Intl.DateTimeFormat(locale, { dateStyle: "long" })

/** @param {string} time */
export const day = time => days.format(new Date(time))

/** "€49.00 a month"; empty where it has no single price. @param {Subscription} subscription */
export function priceOf({ amount, currency, interval, interval_count: count }) {
  if (amount === null || !interval) return ""
  return label("portal_price", interval, "", { price: formatMoney({ amount, currency }), count: count ?? 1 })
}

/** @param {PortalInvoice} invoice */
export const documentOf = ({ id }) => `/api/portal/invoices/${encodeURIComponent(id)}/pdf?locale=${language}`
