// The head and the rows of the table of tenants.

import { mdiArrowDown, mdiArrowUp, mdiOpenInNew, mdiUnfoldMoreHorizontal, mdiWrenchOutline } from "@mdi/js"
import { h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { rowMenu } from "./row-menu.js"
import { timeText } from "./time-text.js"

/**
 * @typedef {{ id: string, subdomain: string, url: string, company: string, customer_id: string, customer_email: string,
 *   plan: string, state: string, health: string, holds: string[], maintenance: boolean, subscription_status: string | null,
 *   mrr: import("../lib/format.js").Money | null, provisioner: string, created_at: string, live_at: string | null,
 *   backed_up_at: string | null }} Tenant
 */

const COLUMNS = [
  { title: t("tenants.subdomain"), sort: "subdomain", classes: "sticky-column" },
  { title: t("tenants.company"), sort: "company", classes: "" },
  { title: t("tenants.plan"), sort: "", classes: "" },
  { title: t("tenants.state"), sort: "", classes: "" },
  { title: t("tenants.health"), sort: "", classes: "" },
  { title: t("tenants.backup"), sort: "", classes: "align-end" },
  { title: t("tenants.mrr"), sort: "", classes: "align-end" },
  { title: t("tenants.created"), sort: "created_at", classes: "align-end" },
]

/**
 * @param {string} sorted for example "-created_at" @param {(sort: string) => void} sort
 * @param {Node | null} box selects the page
 */
export function headCells(sorted, sort, box) {
  const cells = COLUMNS.map((column, index) => {
    if (!column.sort) return h("th", { scope: "col", class: column.classes }, column.title)
    const current = sorted.replace(/^-/, "") === column.sort
    const down = sorted.startsWith("-")
    const next = current && !down ? `-${column.sort}` : column.sort
    const arrow = current ? (down ? mdiArrowDown : mdiArrowUp) : mdiUnfoldMoreHorizontal
    return h(
      "th",
      { scope: "col", class: column.classes, "aria-sort": current && (down ? "descending" : "ascending") },
      h(
        "span",
        { class: "inline-flex items-center gap-3" },
        index === 0 && box && h("span", { class: "screen-only inline-flex" }, box),
        h(
          "button",
          { type: "button", class: "sort-button", onclick: () => sort(next), "data-sort": column.sort },
          column.title,
          icon(arrow),
        ),
      ),
    )
  })
  const menu = h(
    "th",
    { scope: "col", class: "screen-only menu-column" },
    h("span", { class: "sr-only" }, t("menu.actions")),
  )
  return [...cells, menu]
}

/** @param {Tenant} tenant @param {Node | null} box selects the row @param {((tenant: Tenant) => void) | null} restart */
export function tenantRow(tenant, box, restart) {
  const address = tenant.url.replace(/^https?:\/\//, "")
  return h(
    "tr",
    { "data-id": tenant.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h(
        "span",
        { class: "flex items-center gap-1" },
        box && h("span", { class: "screen-only me-2 inline-flex" }, box),
        h("a", { class: "table-name inline-block py-0.5", href: `/admin/tenants/${tenant.id}` }, tenant.subdomain),
        answersAtAddress(tenant) &&
          h(
            "a",
            {
              class: "screen-only grid size-6 flex-none place-items-center max-sm:hidden",
              href: tenant.url,
              "aria-label": t("tenants.open", { address }),
            },
            icon(mdiOpenInNew),
          ),
      ),
    ),
    h(
      "td",
      {},
      h("span", { class: "table-name block", title: tenant.company }, tenant.company),
      h("span", { class: "table-name block text-soft", title: tenant.customer_email }, tenant.customer_email),
    ),
    h("td", {}, planName(tenant.plan)),
    h("td", {}, h("span", { class: "grid justify-items-start gap-1" }, ...stateBadges(tenant))),
    h("td", {}, h("status-badge", { kind: "health", value: tenant.health })),
    h("td", { class: "align-end" }, tenant.backed_up_at ? timeText(tenant.backed_up_at) : "–"),
    h("td", { class: "align-end" }, tenant.mrr ? formatMoney(tenant.mrr) : "–"),
    h("td", { class: "align-end" }, timeText(tenant.created_at)),
    h(
      "td",
      { class: "screen-only menu-column" },
      rowMenu(t("menu.actions_for", { name: tenant.subdomain }), [
        answersAtAddress(tenant) && { text: t("tenants.open", { address }), href: tenant.url },
        { text: t("tenant.config"), href: `/admin/tenants/${tenant.id}/config` },
        restart && answersAtAddress(tenant) && { text: t("danger.restart_menu"), onclick: () => restart(tenant) },
      ]),
    ),
  )
}

/** Rows of the list say yes or no, one tenant says from when until when. @param {unknown} maintenance */
const inMaintenance = maintenance =>
  maintenance === true || /** @type {{ active?: boolean } | null} */ (maintenance)?.active === true

/** Tenants of the demo business are rows only. @param {Pick<Tenant, "state" | "provisioner">} tenant */
export const answersAtAddress = ({ state, provisioner }) => state === "live" && provisioner !== "demo"

/** @param {string} plan */
export const planName = plan => plan.slice(0, 1).toUpperCase() + plan.slice(1)

/** With the health of those that run. @param {Omit<Tenant, "maintenance"> & { maintenance: unknown }} tenant */
export function tenantBadges(tenant) {
  return [
    ...stateBadges(tenant),
    tenant.state === "live" && h("status-badge", { kind: "health", value: tenant.health }),
  ]
}

/** @param {Omit<Tenant, "maintenance"> & { maintenance: unknown }} tenant */
export function stateBadges(tenant) {
  return [
    h("status-badge", { kind: "tenant", value: tenant.state }),
    inMaintenance(tenant.maintenance) &&
      h("span", { class: "badge tone-caution" }, icon(mdiWrenchOutline), t("tenants.maintenance")),
    ...tenant.holds.map(hold => h("span", { class: "badge" }, label("hold", hold))),
  ]
}
