// What is said about a tenant beside its name: its state, holds, maintenance and health.

import { mdiWrenchOutline } from "@mdi/js"
import { h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

/**
 * @typedef {{ id: string, subdomain: string, url: string, company: string, customer_id: string, customer_email: string,
 *   plan: string, state: string, health: string, holds: string[], maintenance: boolean, subscription_status: string | null,
 *   mrr: import("../lib/format.js").Money | null, provisioner: string, created_at: string, live_at: string | null,
 *   backed_up_at: string | null }} Tenant
 */

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
