// The dashboard's numbers, live: one socket per console page, asked for over HTTP when the socket is away.

import { LiveState } from "../elements/live-state.js"
import { byId } from "./dom.js"
import { Live } from "./live.js"
import { renewOrLeave, staffRequest } from "./session.js"

const POLL_SECONDS = 60

/** @typedef {import("./format.js").Money} Money */
/**
 * @typedef {{ id: string, created_at: string, kind: string, customer_id: string | null, tenant_id: string | null,
 *   actor: string, actor_kind: "staff" | "key" | "visitor" | "system" | "customer", actor_id: number | null, subject: string,
 *   data: Record<string, any> }} Activity
 */
/** @typedef {{ month: string, currency: string, new: number, expansion: number, contraction: number, churn: number, reactivation: number, end: number }} MrrMonth */
/** @typedef {{ kind: string, severity: "high" | "medium", count: number, href: string | null, setting: string | null,
 *   code: string | null, detail: string | null, parameters: Record<string, string> | null }} Attention */
/**
 * @typedef {{ sampled_at: string, cpu_percent: number, cpu_count: number, memory_used_bytes: number, memory_total_bytes: number,
 *             disk_used_bytes: number, disk_total_bytes: number, load_1m: number }} Host
 */
/**
 * @typedef {{ as_of: string, timezone: string, mrr: Money[], net_new_mrr: Money[], revenue: Money[], revenue_previous_month: Money[],
 *   active_tenants: number, pending: number, failed_payments: number, failed_payments_amount: Money[], customers: number,
 *   mrr_months: MrrMonth[], signups_funnel: { days: number, started: number, paid: number, live: number },
 *   provisioning: { samples: number, p50_seconds: number | null, p90_seconds: number | null },
 *   jobs: { waiting: number, running: number, dead: number }, attention: Attention[], activity: Activity[],
 *   host: Host | null, definitions: Record<string, string> }} Metrics
 */

/** @typedef {import("./chart/series.js").Series} Series */
/** @typedef {{ mrr: Series, tenants: Series, compared: string }} Growth in the range of the page; `compared`: with which one */

/** @param {URLSearchParams} query of the range picker @returns {Promise<Growth>} */
export async function fetchGrowth(query) {
  const compared = new URLSearchParams(query)
  // The figures have something to be compared with, whether or not the chart shows it.
  compared.set("compare", query.get("compare") || "previous_period")
  const range = new URLSearchParams([...query].filter(([name]) => name !== "compare" && name !== "currency"))
  const [mrr, tenants] = await Promise.all([
    staffRequest("GET", `/api/dashboard/mrr?${compared}`),
    staffRequest("GET", `/api/dashboard/active-tenants?${range}`),
  ])
  return { mrr, tenants, compared: compared.get("compare") ?? "" }
}

/** @returns {Promise<Metrics>} */
export const fetchMetrics = () => staffRequest("GET", "/api/dashboard/metrics")

/** @param {(metrics: Metrics) => void} draw @param {(state: import("./live.js").LiveState) => void} [onState] */
export function followMetrics(draw, onState) {
  const indicator = byId("live-state", LiveState)
  let wasLost = false
  /** @param {Metrics} metrics */
  const receive = metrics => {
    indicator.dataFrom = metrics.as_of
    draw(metrics)
  }
  return new Live("/ws/metrics", {
    onMessage: message => message.type === "metrics" && receive(message.data),
    onState: state => {
      if (state.state === "live" && wasLost) document.dispatchEvent(new Event("reconnected"))
      wasLost = state.state !== "live"
      indicator.show(state)
      onState?.(state)
    },
    poll: async () => receive(await fetchMetrics()),
    pollSeconds: POLL_SECONDS,
    pauseWhenHidden: true,
    onSessionEnd: renewOrLeave,
  })
}
