// States of the pages that a healthy server does not show: what the API says is replaced, everything else is real.

import { PROSE } from "./said.mjs"

/** @typedef {import("./support.mjs").Page} Page */

const STEPS = ["payment", "reservation", "container", "database", "application", "route", "health_check"]

/** @param {number} seconds */
const ago = seconds => new Date(Date.now() - seconds * 1000).toISOString()

/** @param {Page} page @param {string} path @param {number} status */
export async function failWith(page, path, status) {
  const problem = {
    type: "/problems/unexpected",
    title: PROSE,
    detail: PROSE,
    status,
    code: "unexpected",
    request_id: "req_1",
  }
  await page.route(
    url => url.pathname === path,
    route => route.fulfill({ status, contentType: "application/problem+json", body: JSON.stringify(problem) }),
  )
}

/** The numbers arrive once; after that the socket closes each time it opens. @param {Page} page */
export async function withoutConnection(page) {
  await page.routeWebSocket(/\/ws\/metrics/, socket => socket.close())
}

/**
 * @param {Page} page @param {"awaiting_payment" | "expired" | "provisioning" | "provision_failed" | "rolled_back" | "live"} state
 * @param {object} [facts]
 */
export async function showSignUp(page, state, facts = {}) {
  const begun = state !== "awaiting_payment" && state !== "expired"
  const done = state === "live" ? STEPS.length : begun ? 4 : -1
  const steps = STEPS.map((name, index) => stepOf(name, index, done, state))
  const failed = ["provision_failed", "rolled_back"].includes(state)
  const signup = {
    signup_id: "sgn_1",
    state,
    company: "Panadería & Sons of the Long Name",
    subdomain: "panaderia-and-sons-of-the-long-name",
    tenant_url: "http://panaderia-and-sons-of-the-long-name.example.com:8080",
    plan: "business",
    interval: "year",
    currency: "eur",
    amount: 149000,
    checkout_url: null,
    name_held_until: null,
    started_at: ago(60),
    finished_at: state === "live" ? ago(1) : null,
    steps,
    progress: Math.max(0, done) / STEPS.length,
    eta_seconds: state === "provisioning" ? 35 : null,
    estimate: { p50_seconds: 100, p90_seconds: 180, samples: 50 },
    failure: failed ? { code: "application_silent", attempt: 2, max_attempts: 5, retry_at: ago(-40) } : null,
    case_id: failed ? "ten_1" : null,
    refunded: state === "rolled_back",
    sends_mail: true,
    trial_days: 0,
    trial_ends_at: null,
    is_trial_refused: false,
    as_of: ago(0),
    ...facts,
  }
  await page.route(
    url => url.pathname.startsWith("/api/signups/"),
    route => route.fulfill({ contentType: "application/json", body: JSON.stringify(signup) }),
  )
  await page.routeWebSocket(/\/ws\/signups\//, () => {})
}

/** @param {string} name @param {number} index @param {number} done @param {string} state */
function stepOf(name, index, done, state) {
  const reached = index <= done
  const stopped = state === "provisioning" ? "running" : "failed"
  const finished = state === "rolled_back" && index > 0 ? "undone" : "done"
  return {
    name,
    state: index < done ? finished : index === done ? stopped : "queued",
    started_at: reached ? ago(60 - index * 5) : null,
    finished_at: index < done || (reached && stopped === "failed") ? ago(58 - index * 5) : null,
    attempts: reached ? 1 + Number(index === done && stopped === "failed") : 0,
    error_code: index === done && stopped === "failed" ? "application_silent" : null,
  }
}

/** The password was right, and the account has more to show. @param {Page} page */
export async function askSecondStep(page) {
  const second_factor = {
    challenge: "shown",
    methods: ["passkey", "totp", "recovery_code"],
    expires_in: 300,
    public_key: { challenge: "AAAA", rpId: "localhost", timeout: 300000, userVerification: "preferred" },
  }
  await page.route("**/api/admin/login", route => route.fulfill({ json: { second_factor } }))
  await page.addInitScript(() => {
    addEventListener("load", () =>
      /** @type {HTMLFormElement} */ (document.querySelector("#login-form"))?.requestSubmit(),
    )
  })
}

/** Somebody with every kind of second factor, and few recovery codes left. @param {Page} page */
export async function showFactors(page) {
  const since = "2026-01-02T03:04:05Z"
  const factors = {
    totp_since: since,
    totp_last_used_at: since,
    passkeys: 2,
    recovery_codes_left: 2,
    required: true,
    due_at: since,
  }
  const passkeys = [
    { id: "pky_1", name: "Portátil de la oficina, el de siempre", created_at: since, last_used_at: since },
    { id: "pky_2", name: "Phone", created_at: since, last_used_at: null },
  ]
  await page.route("**/api/settings/2fa", route => route.fulfill({ json: factors }))
  await page.route("**/api/settings/passkeys", route => route.fulfill({ json: { data: passkeys } }))
}

/** Every plan with another trial. @param {Page} page */
export async function showTrials(page) {
  await page.route("**/api/plans", async route => {
    const answer = await route.fetch()
    const list = await answer.json()
    for (const [index, plan] of list.plans.entries()) plan.trial_days = [0, 1, 30][index % 3]
    await route.fulfill({ response: answer, json: { ...list, plans: list.plans.toReversed() } })
  })
}
