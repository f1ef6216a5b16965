// Where Stripe's subscriptions and the tenants do not agree, as the nightly comparison left it.

import "../elements/status-badge.js"
import { aboutCell, fillFilter, noMatch, stripeCell } from "../elements/billing-list.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard } from "../elements/feedback.js"
import { ListPage } from "../elements/list-page.js"
import { timeText } from "../elements/time-text.js"
import { h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, kind: string, tenant_id: string | null, subdomain: string | null, tenant_state: string | null,
 *   company: string | null, stripe_subscription_id: string | null, stripe_url: string | null, detail: string,
 *   first_seen: string, last_seen: string }} Finding
 */

const KINDS = ["subscription_for_nothing", "tenant_without_subscription", "tenant_pays_twice"]

startConsole().then(
  () => {
    fillFilter(
      "filter-kind",
      KINDS.map(kind => [kind, label("billing_finding", kind)]),
    )
    /** @type {ListPage<Finding>} */
    const list = new ListPage({
      load: (query, signal) => staffRequest("GET", `/api/billing/findings?${query}`, { signal }),
      row,
      empty: filtered =>
        filtered ? noMatch(() => list.clear()) : emptyCard(t("billing_findings.none"), t("billing_findings.none_text")),
    })
    return list.reload()
  },
  () => {},
)

/** @param {Finding} finding */
function row(finding) {
  return h(
    "tr",
    { "data-finding": finding.id },
    aboutCell(finding, h("span", { class: "text-soft" }, t("billing_findings.no_tenant"))),
    h("td", {}, h("status-badge", { kind: "billing_finding", value: finding.kind })),
    h("td", { class: "min-w-56 whitespace-normal wrap-anywhere" }, why(finding)),
    stripeCell(finding.stripe_subscription_id, finding.stripe_url),
    h("td", {}, timeText(finding.first_seen)),
    h("td", {}, timeText(finding.last_seen)),
  )
}

/** @param {Finding} finding */
function why({ kind, company, tenant_state: state, detail }) {
  if (kind === "subscription_for_nothing" && !company) return t("billing_findings.unknown_customer")
  if (kind === "subscription_for_nothing" && !state) return t("billing_findings.names_no_tenant")
  if (kind === "tenant_pays_twice") return h("code", { translate: "no" }, detail)
  if (KINDS.includes(kind)) return [t("billing_findings.tenant_is"), " ", h("status-badge", { value: state ?? "" })]
  return h("code", { lang: "en", translate: "no" }, detail)
}
