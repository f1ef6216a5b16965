// The end of a subscription on its customer's page: asked why, and done. What is offered instead stands beside it and hinders nothing.

import { ApiProblem, request } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { formatMoney, formatPercent } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { amountOf } from "../lib/plans.js"
import { day } from "../lib/portal.js"
import { rule } from "../lib/rules.js"
import { failedCard, notice } from "./feedback.js"
import { field, formDialog, selectFor, textareaFor, values } from "./form-dialog.js"
import { keepsData } from "./portal-tenant.js"

/** @typedef {import("../lib/portal.js").PortalTenant} PortalTenant */
/** @typedef {import("../lib/portal.js").StayOffer} StayOffer */
/** @typedef {"cancelled" | "stayed" | "replan"} Choice */

/**
 * Asks for the reason and cancels at the end of the period.
 * @param {PortalTenant} tenant @returns {Promise<Choice | null>} null: everything stays as it is
 */
export async function cancelDialog(tenant) {
  const { id, subdomain: name, subscription } = tenant
  const path = `/api/portal/tenants/${encodeURIComponent(id)}`
  const date = subscription?.period_ends_at ? day(subscription.period_ends_at) : ""
  /** @type {Choice | null} */
  let choice = null
  /** @param {Choice} instead @param {HTMLElement} within */
  const choose = (instead, within) => {
    choice = instead
    within.closest("dialog")?.close()
  }
  const feedback = selectFor(
    "POST /api/portal/tenants/{id}/cancellation",
    "feedback",
    reason => (reason === "" ? t("portal.feedback_choose") : label("cancel_feedback", reason)),
    { values: ["", ...(rule("POST /api/portal/tenants/{id}/cancellation", "feedback").values ?? [])] },
  )
  // The way out begins where it would without an offer.
  feedback.autofocus = true
  const hint = h("div", { class: "empty:hidden", role: "status" })
  feedback.addEventListener("change", async () => {
    fill(hint)
    if (feedback.value !== "too_expensive" || !tenant.may_change_plan || tenant.plan_order) return
    const cheaper = await cheaperPlan(tenant)
    if (cheaper && feedback.value === "too_expensive")
      fill(
        hint,
        cheaperHint(cheaper, () => choose("replan", hint)),
      )
  })
  const comment = textareaFor("POST /api/portal/tenants/{id}/cancellation", "comment", { rows: 3 })
  const isCancelled = await formDialog({
    title: t("portal.cancel_title", { name }),
    lead: [
      tenant.stay_offer && stayOffer(path, tenant.stay_offer, within => choose("stayed", within)),
      h("p", {}, t("portal.cancel_lead", { name, date }), keepsData(tenant) && ` ${t("portal.data_kept")}`),
      subscription?.status === "past_due" && h("p", { class: "mt-2" }, t("portal.cancel_open")),
    ],
    fields: [field(t("portal.feedback"), feedback, hint), field(t("portal.comment"), comment)],
    action: t("portal.cancel_action", { date }),
    back: t("portal.cancel_not"),
    submit: form => {
      const given = values(form)
      return request("POST", `${path}/cancellation`, {
        body: { feedback: given.feedback || null, comment: given.comment || null },
      })
    },
  })
  return isCancelled ? "cancelled" : choice
}

/** @param {string} path @param {StayOffer} offer @param {(within: HTMLElement) => void} taken */
function stayOffer(path, offer, taken) {
  const problem = h("div", { class: "empty:hidden", role: "status" })
  const button = h("button", { type: "button", class: "button", id: "stay", onclick: take }, t("portal.stay"))
  const percent = formatPercent(offer.percent_off / 100)
  const box = h(
    "div",
    { class: "my-4 grid gap-3 text-ink" },
    notice(
      "info",
      t("portal.stay_title", { percent, count: offer.months }),
      h("p", {}, t("portal.stay_text")),
      h("p", {}, button),
    ),
    problem,
  )
  return box

  async function take() {
    if (button.getAttribute("aria-disabled")) return
    button.setAttribute("aria-disabled", "true")
    fill(problem)
    try {
      await request("POST", `${path}/stay-offer`, { body: offer })
      taken(box)
    } catch (failure) {
      if (failure instanceof ApiProblem && failure.status === 401) location.reload()
      fill(problem, failedCard(failure))
    } finally {
      button.removeAttribute("aria-disabled")
    }
  }
}

/**
 * The least that is sold for this subscription's rhythm and currency, where that is less than one of what it has now.
 * @param {PortalTenant} tenant @returns {Promise<{ name: string, price: string } | null>}
 */
async function cheaperPlan({ subscription, plan_id: present, plan_quantity: quantity }) {
  if (!subscription?.amount || subscription.interval_count !== 1) return null
  const { amount, currency } = subscription
  const interval = /** @type {import("../lib/plans.js").Interval} */ (subscription.interval)
  try {
    /** @type {import("../lib/plans.js").PriceList} */
    const { plans } = await request("GET", "/api/plans")
    const [least] = plans
      .flatMap(({ id, name, prices }) => {
        const price = amountOf({ prices }, currency, interval)
        return id === present || price === null ? [] : [{ name, price }]
      })
      .sort((one, other) => one.price - other.price)
    if (!least || least.price >= amount / quantity) return null
    const money = formatMoney({ amount: least.price, currency })
    return { name: least.name, price: label("portal_price", interval, "", { price: money, count: 1 }) }
  } catch {
    return null // it is a hint only
  }
}

/** @param {{ name: string, price: string }} plan @param {() => void} replan */
const cheaperHint = ({ name, price }, replan) =>
  h(
    "p",
    { class: "mt-2 flex flex-wrap items-center gap-x-4 gap-y-2", id: "cheaper" },
    t("portal.cheaper", { plan: name, price }),
    h("button", { type: "button", class: "button button-small", onclick: replan }, t("portal.change_plan")),
  )
