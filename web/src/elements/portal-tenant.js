// One tenant on its customer's page: how it stands, what it costs, and what comes next.

import { h, inPlaces } from "../lib/dom.js"
import { formatDateTime, formatMoney } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { planText } from "../lib/plans.js"
import { day, priceOf } from "../lib/portal.js"
import { planOrder } from "./plan-order.js"

/** @typedef {import("../lib/portal.js").PortalTenant} PortalTenant */
/** @typedef {import("../lib/dom.js").Child} Child */

/** @type {Record<string, string>} */
const TONES = {
  setting_up: "tone-info",
  runs: "tone-positive",
  maintenance: "tone-caution",
  unpaid: "tone-negative",
  ended: "tone-negative",
  suspended: "tone-caution",
}

/** @param {string} support */
const mailLink = support => h("a", { class: "inline-block py-0.5", href: `mailto:${support}` }, support)

/** A text in which the support address can be written to. @param {string} text @param {string} support */
export const withSupport = (text, support) => inPlaces(text, { support: mailLink(support) })

/** @param {PortalTenant} tenant @param {{ support: string, replan: (button: HTMLElement) => void, stay: (button: HTMLElement) => void, end: (button: HTMLElement) => void, resume: (button: HTMLElement) => void }} parts */
export function tenantCard(tenant, { support, replan, stay, end, resume }) {
  const { id, subdomain, url, standing, subscription, next } = tenant
  const reason = label("portal_standing_text", standing, "")
  const button = (
    /** @type {string} */ act,
    /** @type {string} */ words,
    /** @type {(button: HTMLElement) => void} */ run,
  ) =>
    h(
      "button",
      {
        type: "button",
        class: "button",
        id: `${act}-${id}`,
        onclick: (/** @type {Event} */ event) => run(/** @type {HTMLElement} */ (event.currentTarget)),
      },
      words,
    )
  return h(
    "article",
    { class: "card", id: `tenant-${id}` },
    h(
      "div",
      { class: "card-head flex-wrap" },
      h(
        "h3",
        { class: "min-w-0 wrap-anywhere", translate: "no" },
        h("a", { class: "inline-block py-1", href: url, rel: "noreferrer" }, url.replace(/^https?:\/\//, "")),
      ),
      h("span", { class: `badge ${TONES[standing] ?? ""}` }, label("portal_standing", standing)),
    ),
    h(
      "div",
      { class: "card-body grid gap-5" },
      reason && h("p", {}, ...withSupport(reason, support)),
      standing === "ended" && keepsData(tenant) && h("p", {}, t("portal.data_kept")),
      standing === "ended" &&
        h(
          "p",
          {},
          h("a", { class: "button", href: `/pay/${encodeURIComponent(subdomain)}` }, t("portal.new_subscription")),
        ),
      facts(tenant),
      planOrder(tenant.plan_order, stay),
      next.length > 0 && nextSteps(next),
      (subscription?.may_cancel || subscription?.may_resume || tenant.may_change_plan) &&
        h(
          "div",
          { class: "flex flex-wrap gap-2" },
          tenant.may_change_plan && !tenant.plan_order && button("replan", t("portal.change_plan"), replan),
          subscription?.may_resume && button("resume", t("portal.resume"), resume),
          subscription?.may_cancel && button("cancel", t("portal.cancel"), end),
        ),
    ),
  )
}

/** What is not paid is deleted in the end. @param {PortalTenant} tenant */
export const keepsData = ({ next, subscription }) =>
  subscription?.status !== "past_due" && !next.some(({ what }) => what === "purge")

/** @param {PortalTenant} tenant */
function facts({ plan, plan_quantity: quantity, subscription, last_backup_at: backup }) {
  const price = subscription && priceOf(subscription)
  const ends = subscription?.ends_at
  const charges = subscription && !ends && ["active", "trialing"].includes(subscription.status)
  /** @type {[string, Child | Child[]][]} */
  const all = [
    [
      t("portal.plan"),
      [
        h("span", { translate: "no" }, planText(plan, quantity)),
        price
          ? h("span", { class: "block" }, price, " ", h("span", { class: "hint" }, t("portal.price_note")))
          : !subscription && h("span", { class: "block text-soft" }, t("portal.no_subscription")),
      ],
    ],
    [t("portal.ends"), ends && day(ends)],
    [
      subscription?.status === "trialing" ? t("portal.trial_until") : t("portal.next_charge"),
      charges && subscription.period_ends_at && chargedAt(subscription, subscription.period_ends_at),
    ],
    [
      t("portal.last_backup"),
      backup
        ? h("time", { datetime: backup }, formatDateTime(backup))
        : h("span", { class: "text-soft" }, t("portal.no_backup")),
    ],
  ]
  return h(
    "dl",
    { class: "facts numbers" },
    ...all.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  )
}

/** "14 March 2027, then €49.00 a month" of a trial. @param {import("../lib/portal.js").Subscription} subscription @param {string} at */
function chargedAt(subscription, at) {
  const price = priceOf(subscription)
  return subscription.status === "trialing" && price ? t("portal.trial_then", { date: day(at), price }) : day(at)
}

/** @param {import("../lib/portal.js").NextStep[]} steps */
function nextSteps(steps) {
  return h(
    "div",
    {},
    h("h4", { class: "mb-2 text-sm font-semibold" }, t("portal.next")),
    h(
      "ol",
      { class: "grid gap-2" },
      ...steps.map(({ what, at, invoice, currency, amount }) =>
        h(
          "li",
          { class: "flex flex-wrap items-baseline gap-x-4 gap-y-0.5" },
          h(
            "span",
            { class: "numbers w-44 flex-none text-soft" },
            at ? h("time", { datetime: at }, day(at)) : t("portal.waits"),
          ),
          h(
            "span",
            { class: "min-w-0 flex-1 basis-52" },
            label("portal_next", what),
            invoice !== null &&
              amount !== null &&
              currency !== null &&
              h(
                "span",
                { class: "hint block" },
                t("portal.about", { invoice, amount: formatMoney({ amount, currency }) }),
              ),
          ),
        ),
      ),
    ),
  )
}
