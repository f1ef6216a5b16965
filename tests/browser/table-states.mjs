// A list of tenants as long as it takes, page by page as the API gives it: what is asked for is kept for the test to see.
// And files of a list that are ordered, in every state.

/** @typedef {import("./support.mjs").Page} Page */
/** @typedef {{ total: number, asked: URLSearchParams[], newer: number, fails: number, breaks: number, provisioner: string }} Shown */

/** @param {number} number */
const tenantOf = number => ({
  id: `ten_${number}`,
  subdomain: `tenant-${String(number).padStart(4, "0")}`,
  url: `https://tenant-${number}.example.com`,
  company: `Company ${number}, S. L.`,
  customer_id: `cus_${number}`,
  customer_email: `person${number}@example.com`,
  plan: "team",
  state: number % 7 === 0 ? "suspended" : "live",
  health: "healthy",
  holds: [],
  subscription_status: "active",
  mrr: { currency: "eur", amount: 4900 },
  created_at: "2026-11-01T02:03:04Z",
  live_at: "2026-11-01T02:04:04Z",
  backed_up_at: null,
  maintenance: false,
})

/** @param {Page} page @param {number} total @returns {Promise<Shown>} its `newer` rows stand before the first */
export async function showTenants(page, total) {
  /** @type {Shown} */
  const shown = { total, asked: [], newer: 0, fails: 0, breaks: 0, provisioner: "demo" }
  await page.route(
    url => url.pathname === "/api/tenants",
    route => {
      const parameters = new URL(route.request().url()).searchParams
      shown.asked.push(parameters)
      if (shown.fails > 0) {
        shown.fails -= 1
        return route.fulfill({ status: 503, json: { status: 503, code: "unexpected", request_id: "req_1" } })
      }
      if (shown.breaks > 0) {
        shown.breaks -= 1
        return route.fulfill({ contentType: "application/json", body: '{"data":[{"id":"ten_1' })
      }
      const start = Number(parameters.get("cursor") ?? -shown.newer)
      const end = Math.min(shown.total, start + Number(parameters.get("limit")))
      const data = Array.from({ length: end - start }, (_, index) => ({
        ...tenantOf(10_000 - start - index),
        provisioner: shown.provisioner,
      }))
      const hasMore = end < shown.total
      const count = Math.min(1000, shown.total + shown.newer)
      return route.fulfill({
        json: {
          data,
          next_cursor: hasMore ? String(end) : null,
          has_more: hasMore,
          total_capped: { count, capped: shown.total + shown.newer > 1000 },
        },
      })
    },
  )
  return shown
}

/** @type {Record<string, object>} */
const STATES = {
  exp_1: { state: "queued", rows_done: 0, rows_total: null },
  exp_2: { state: "running", rows_done: 120_000, rows_total: 345_678 },
  exp_3: { state: "done", rows_done: 345_678, rows_total: 345_678, size_bytes: 45 << 20 },
  exp_4: { state: "failed", rows_done: 0, rows_total: null, error_code: "too_many_rows" },
}

/** @param {Page} page */
export async function showExports(page) {
  await page.route(/\/api\/exports\/exp_\d$/, route => {
    const id = new URL(route.request().url()).pathname.split("/").at(-1) ?? ""
    const usual = { id, list: "jobs", size_bytes: 0, file_name: "jobs-2026-11-30.csv", error_code: null }
    return route.fulfill({ json: { ...usual, expires_at: "2026-12-01T10:00:00Z", ...STATES[id] } })
  })
}
