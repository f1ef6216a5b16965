// What the set-up page says and offers in each state of a sign-up.

import { mdiOpenInNew } from "@mdi/js"
import { h } from "../lib/dom.js"
import { formatClock, formatDate, formatDateTime, formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { trialWords } from "../lib/plans.js"
import { copyField } from "./copy-field.js"
import { notice } from "./feedback.js"

/**
 * @typedef {{ signup_id: string, state: string, company: string, subdomain: string, tenant_url: string, plan: string,
 *   interval: string, currency: string, amount: number, checkout_url: string | null, name_held_until: string | null,
 *   started_at: string | null, finished_at: string | null, steps: import("./step-list.js").Step[], progress: number,
 *   eta_seconds: number | null, estimate: null | { p50_seconds: number, p90_seconds: number, samples: number },
 *   failure: null | { code: string, attempt: number, max_attempts: number, retry_at: string | null },
 *   case_id: string | null, refunded: boolean, sends_mail: boolean, refusal: string | null, rest: "paused" | "ended" | null,
 *   trial_days: number, trial_ends_at: string | null, is_trial_refused: boolean, contact: null | { name: string, email: string, country: string }, as_of: string }} Signup
 */
/** @typedef {{ returned: URLSearchParams, payAgain: (button: HTMLButtonElement) => void,
 *   open: (button: HTMLButtonElement) => void }} Means */

/** @param {Signup} signup */
const addressOf = signup => signup.tenant_url.replace(/^https?:\/\//, "").replace(/\/$/, "")

// The customer paid on the other page and came back before the bank's notice did.
/** @param {Signup} signup @param {URLSearchParams} returned */
export const waitsForNotice = ({ state }, returned) => state === "awaiting_payment" && returned.has("session_id")

/** @param {Signup} signup @param {URLSearchParams} returned what the payment page sent along */
export function headlineOf(signup, returned) {
  const address = addressOf(signup)
  switch (signup.state) {
    case "awaiting_payment":
      if (!waitsForNotice(signup, returned)) return t("setup.awaiting_payment", { address })
      return signup.trial_days > 0 ? t("setup.trial_confirming") : t("setup.confirming")
    case "payment_processing":
      return t("setup.payment_processing")
    case "payment_failed":
      return t("setup.payment_failed")
    case "expired":
      return signup.is_trial_refused ? t("setup.trial_refused", { address }) : t("setup.expired")
    case "provision_failed":
      return t("setup.provision_failed", { address })
    case "rolled_back":
      if (signup.refusal === "stopped") return t("setup.stopped", { address })
      if (!signup.refusal) return t("setup.rolled_back", { address })
      return signup.trial_days > 0 ? t("setup.ordered_too_late", { address }) : t("setup.paid_too_late", { address })
    case "live":
      if (signup.rest) return signup.rest === "paused" ? t("setup.paused", { address }) : t("setup.ended", { address })
      return t("setup.live", { address })
    default:
      return t("setup.building", { address })
  }
}

/** @param {Signup} signup @param {URLSearchParams} returned what the payment page sent along */
export function leadOf(signup, returned) {
  switch (signup.state) {
    case "awaiting_payment":
      if (returned.has("canceled")) return t("setup.canceled_lead")
      if (signup.trial_days > 0)
        return waitsForNotice(signup, returned) ? t("setup.trial_waiting_for_notice") : t("setup.awaiting_trial_lead")
      return waitsForNotice(signup, returned) ? t("setup.waiting_for_notice") : t("setup.awaiting_payment_lead")
    case "payment_processing":
      return t("setup.payment_processing_lead")
    case "payment_failed":
      return t("setup.payment_failed_lead")
    case "expired":
      return signup.is_trial_refused ? t("setup.trial_refused_lead") : t("setup.expired_lead")
    case "provision_failed":
      return t("setup.provision_failed_lead")
    case "rolled_back":
      if (signup.trial_days > 0) return t("setup.undone_trial_lead")
      return signup.refunded ? t("setup.refunded_lead") : t("setup.refund_coming_lead")
    case "live":
      if (signup.rest) return signup.rest === "paused" ? t("setup.paused_lead") : t("setup.ended_lead")
      return withTrial(t("setup.live_lead", { company: signup.company }), signup)
    default:
      return withTrial(t("setup.building_lead", { company: signup.company }), signup)
  }
}

/** @param {string} text @param {Signup} signup */
const withTrial = (text, { trial_ends_at: ends }) =>
  ends ? `${text} ${t("setup.trial_runs", { date: formatDate(new Date(ends)) })}` : text

/** @param {Signup} signup @param {Means} means */
export function actionsOf(signup, means) {
  switch (signup.state) {
    case "awaiting_payment":
      if (waitsForNotice(signup, means.returned)) return [confirmingNotice(signup)]
      return [paymentButtons(signup, means)]
    case "payment_failed":
    case "expired":
      return [paymentButtons(signup, means)]
    case "provision_failed":
      return [failureNotice(signup)]
    case "rolled_back":
      return [rolledBackNotice(signup)]
    case "live":
      return [signup.rest ? restNotice(signup) : openTenant(signup, means)]
    default:
      return []
  }
}

/** @param {Signup} signup */
function confirmingNotice({ trial_days: days }) {
  if (days > 0) return notice("info", t("setup.trial_confirming_title"), h("p", {}, t("setup.trial_nothing_charged")))
  return notice("info", t("setup.confirming_title"), h("p", {}, t("setup.not_charged_twice")))
}

/** @param {Signup} signup @param {Means} means */
function paymentButtons(signup, { payAgain }) {
  const amount = formatMoney(signup)
  const isFirst = signup.state === "awaiting_payment" || signup.is_trial_refused
  const pays = isFirst ? t("setup.pay", { amount }) : t("setup.pay_again", { amount })
  const words = signup.trial_days > 0 ? t("setup.start_trial") : pays
  const pay = signup.checkout_url
    ? h("a", { class: "button button-primary button-large", href: signup.checkout_url }, words)
    : h(
        "button",
        {
          type: "button",
          class: "button button-primary button-large",
          onclick: (/** @type {Event} */ event) => payAgain(/** @type {HTMLButtonElement} */ (event.currentTarget)),
        },
        words,
      )
  return h(
    "div",
    { class: "grid gap-3" },
    h(
      "p",
      { class: "flex flex-wrap gap-3" },
      pay,
      h("a", { class: "button button-large", href: "/#sign-up" }, t("setup.change_details")),
    ),
    signup.name_held_until &&
      h("p", { class: "hint" }, t("setup.held_until", { time: formatDateTime(signup.name_held_until) })),
  )
}

/** @param {Signup} signup */
function failureNotice({ failure, case_id: caseId }) {
  const cause = label("step_problem", failure?.code ?? "", t("step_problem.other"))
  return notice(
    "caution",
    cause,
    failure && h("p", {}, retryWords(failure)),
    h("p", {}, t("setup.not_charged_twice")),
    h("p", {}, t("setup.may_close")),
    caseLine(caseId),
  )
}

/** @param {NonNullable<Signup["failure"]>} failure */
function retryWords({ attempt, max_attempts: total, retry_at: retryAt }) {
  const words = { attempt, total }
  return retryAt ? t("setup.retry_at", { ...words, time: formatClock(retryAt) }) : t("setup.retry_soon", words)
}

/** @param {Signup} signup */
function rolledBackNotice(signup) {
  const why = signup.refusal
    ? label("refusal", signup.refusal, t("refusal.subdomain_taken"))
    : label("step_problem", signup.failure?.code ?? "", t("step_problem.other"))
  return notice(
    "negative",
    why,
    h("p", {}, t("setup.rolled_back_text")),
    caseLine(signup.case_id),
    h("p", {}, h("a", { class: "button button-small", href: "/#sign-up" }, t("setup.start_again"))),
  )
}

/** @param {string | null} caseId */
function caseLine(caseId) {
  return caseId && h("p", {}, t("setup.case"), " ", h("code", {}, caseId))
}

/** @param {Signup} signup */
function restNotice({ rest, case_id: caseId }) {
  return notice("caution", rest === "paused" ? t("setup.paused_text") : t("setup.ended_text"), caseLine(caseId))
}

/** @param {Signup} signup @param {Means} means */
function openTenant(signup, { open }) {
  return h(
    "div",
    { class: "card grid gap-4 p-6" },
    h(
      "p",
      {},
      h(
        "button",
        {
          type: "button",
          class: "button button-primary button-large max-w-full wrap-anywhere",
          id: "open-tenant",
          onclick: (/** @type {Event} */ event) => open(/** @type {HTMLButtonElement} */ (event.currentTarget)),
        },
        t("setup.open", { address: addressOf(signup) }),
        icon(mdiOpenInNew),
      ),
    ),
    h("h2", { class: "text-base" }, t("setup.first_steps")),
    h(
      "ol",
      { class: "grid list-decimal gap-1.5 ps-5 text-soft" },
      h("li", {}, t("setup.first_open")),
      h("li", {}, t("setup.first_device")),
      h("li", {}, t("setup.first_bookmark")),
      h("li", {}, t("setup.first_keep")),
    ),
  )
}

/** @param {Signup} signup */
export function orderFacts(signup) {
  const rhythm = signup.interval === "year" ? t("plans.per_year") : t("plans.per_month")
  /** @type {[string, string][]} */
  const facts = [
    [t("setup.company"), signup.company],
    [t("setup.address"), addressOf(signup)],
    [t("setup.plan"), signup.plan.slice(0, 1).toUpperCase() + signup.plan.slice(1)],
    [
      t("setup.amount"),
      signup.trial_days > 0 ? trialWords(signup.trial_days, signup) : `${formatMoney(signup)} ${rhythm}`,
    ],
  ]
  return facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])
}

/** How the customer hears of the end: by mail, or with the link of this page, which is all there is then. @param {Signup} signup */
export function wayBack({ sends_mail: sendsMail }) {
  if (sendsMail) return [h("p", {}, t("setup.we_write"))]
  return [h("p", {}, t("setup.nothing_sent")), copyField(t("setup.link"), location.origin + location.pathname)]
}
