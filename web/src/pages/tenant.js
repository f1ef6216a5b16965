// One tenant, kept up to date while anything moves.

import "../elements/status-badge.js"
import { mdiCogOutline, mdiEmailOutline, mdiOpenInNew, mdiRefresh } from "@mdi/js"
import { eventList } from "../elements/activity-feed.js"
import { sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { connectLog } from "../elements/container-log.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { planToCome } from "../elements/plan-order.js"
import { StepList } from "../elements/step-list.js"
import { answersAtAddress, planName, tenantBadges } from "../elements/tenant-badges.js"
import { TenantDiscount } from "../elements/tenant-discount.js"
import { TenantHealth } from "../elements/tenant-health.js"
import { TenantNext } from "../elements/tenant-next.js"
import { operationList } from "../elements/tenant-operations.js"
import { exactTime } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatBytes, formatClock, formatMoney, formatNumber } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { followMetrics } from "../lib/metrics.js"
import { planText } from "../lib/plans.js"
import { staffRequest } from "../lib/session.js"
import { isUnfinished, MOVING_STATES, tenantPath } from "../lib/tenants.js"

/** @typedef {import("../elements/plan-order.js").PlanOrder} PlanOrder */
/** @typedef {import("../lib/metrics.js").Activity} Activity */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */

const MAY_RETRY = ["provision_failed", "rolled_back"]
/** What keeps it in one of these for longer than its job takes says so. */
const MAY_BE_STUCK = ["suspending", "resuming", "archiving", "purging"]
/** There is something to measure from the first day on until it is taken down. */
const IS_THERE = ["live", "suspending", "suspended", "resuming"]
const WORKING_EVERY = 2000

const id = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const path = tenantPath(id)
const steps = byId("steps", StepList)
const more = byId("more-events", HTMLButtonElement)

/** @type {TenantDetail | null} */
let shown = null
/** The plan that it waits for. @type {PlanOrder | null} */
let planOrder = null
/** @type {Activity[]} */
let events = []
/** @type {string | null} */
let nextCursor = null
let newestEvent = ""
let operationsDrawn = ""
let loading = false
let mayRetry = false
const health = new TenantHealth(path)
const next = new TenantNext(path)
const discount = new TenantDiscount(path)
/** @type {ReturnType<typeof setTimeout> | undefined} */
let working

connectLog(path)
more.addEventListener("click", loadMoreEvents)
startConsole().then(
  async user => {
    mayRetry = user.scopes.includes("tenants:write")
    next.mayAgree = user.scopes.includes("billing:write")
    await load()
    discount.may = user.scopes.includes("billing:write")
    // Stripe is asked once, not with every look.
    if (shown && user.scopes.includes("billing:read")) discount.load(shown.subdomain)
    followMetrics(metrics => {
      const mine = metrics.activity.find(event => event.tenant_id === id)?.id ?? ""
      if (mine !== newestEvent || MOVING_STATES.includes(shown?.state ?? "")) refresh()
      newestEvent = mine
    })
  },
  () => {},
)

async function load() {
  try {
    const [tenant, { order }] = await Promise.all([
      staffRequest("GET", path),
      staffRequest("GET", `${path}/plan-order`),
    ])
    draw(tenant, order)
    drawEvents(await staffRequest("GET", `${path}/events?limit=25`))
    fill(byId("problem", HTMLDivElement), failureNotice())
    await Promise.all([!byId("health-card", HTMLElement).hidden && health.load(), next.load(shown), loadOperations()])
  } catch (problem) {
    showProblem(problem)
  }
}

async function refresh() {
  if (loading) return
  loading = true
  await load()
  loading = false
}

// What is being done right now stands here; everything that was done stands in the settings.
async function loadOperations() {
  clearTimeout(working)
  const page = await staffRequest("GET", `${path}/operations?limit=5`)
  /** @type {import("../lib/tenants.js").Operation[]} */
  const current = page.data.filter(isUnfinished)
  byId("operations-card", HTMLElement).hidden = current.length === 0
  const text = JSON.stringify(current)
  if (text !== operationsDrawn) fill(byId("operations", HTMLElement), operationList(current))
  operationsDrawn = text
  if (current.length > 0) working = setTimeout(refresh, WORKING_EVERY)
}

/** @param {TenantDetail} tenant @param {PlanOrder | null} order */
function draw(tenant, order) {
  const before = JSON.stringify([shown, planOrder])
  shown = tenant
  planOrder = order
  byId("tenant", HTMLDivElement).hidden = false
  showContent()
  steps.show(tenant.steps)
  byId("no-steps", HTMLElement).hidden = tenant.steps.length > 0
  if (before === JSON.stringify([tenant, order])) return
  document.title = `${tenant.subdomain} · ${t("product")}`
  setText(byId("tenant-name", HTMLElement), tenant.subdomain)
  setText(byId("breadcrumb", HTMLElement), tenant.subdomain)
  fill(byId("badges", HTMLElement), ...tenantBadges(tenant))
  const measured = IS_THERE.includes(tenant.state) && tenant.provisioner !== "demo"
  byId("health-card", HTMLElement).hidden = !measured
  byId("log-card", HTMLElement).hidden = !measured
  fill(byId("actions", HTMLElement), ...actions(tenant))
  fill(byId("overview", HTMLElement), overview(tenant))
}

/** @param {TenantDetail} tenant */
function actions(tenant) {
  const address = tenant.url.replace(/^https?:\/\//, "")
  return [
    mayRetry &&
      (MAY_RETRY.includes(tenant.state) || isStuck(tenant)) &&
      h(
        "button",
        { type: "button", class: "button button-primary", id: "retry", onclick: retry },
        icon(mdiRefresh),
        isStuck(tenant) ? t("tenant.try_again") : t("tenant.retry"),
      ),
    mayRetry &&
      h(
        "button",
        { type: "button", class: "button", id: "portal-link", onclick: () => sendPortalLink(tenant) },
        icon(mdiEmailOutline),
        t("tenant.portal_link"),
      ),
    h("a", { class: "button", href: `/admin/tenants/${id}/config` }, icon(mdiCogOutline), t("tenant.config")),
    answersAtAddress(tenant) &&
      h(
        "a",
        { class: "button", href: tenant.url, "aria-label": t("tenants.open", { address }) },
        t("tenant.open"),
        icon(mdiOpenInNew),
      ),
  ]
}

/** @param {TenantDetail} tenant */
function overview(tenant) {
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const facts = [
    [t("field.company"), tenant.company],
    [
      t("field.email"),
      h("a", { class: "inline-block py-0.5", href: `mailto:${tenant.customer_email}` }, tenant.customer_email),
    ],
    [t("tenant.address"), tenant.url.replace(/^https?:\/\//, "")],
    [t("field.plan"), planText(planName(tenant.plan), tenant.plan_quantity)],
    [t("tenant.plan_to_come"), planToCome(planOrder)],
    [t("tenants.mrr"), tenant.mrr ? formatMoney(tenant.mrr) : t("tenant.no_payment")],
    [
      t("tenant.subscription"),
      tenant.subscription_status ? label("subscription", tenant.subscription_status) : t("tenant.no_subscription"),
    ],
    [t("tenant.users"), formatNumber(tenant.max_users)],
    [t("tenant.storage"), formatBytes(tenant.storage_limit_mib * 1024 ** 2)],
    [t("tenants.created"), exactTime(tenant.created_at)],
    [t("tenant.live_since"), tenant.live_at ? exactTime(tenant.live_at) : "–"],
    [t("tenant.id"), copyable(tenant.id)],
    [t("tenant.customer_id"), copyable(tenant.customer_id)],
  ]
  return h(
    "dl",
    { class: "facts numbers" },
    ...facts.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  )
}

/** @param {string} text */
function copyable(text) {
  const button = h("button", { type: "button", class: "link-button ms-2 text-sm" }, t("tenant.copy"))
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text)
    setText(button, t("tenant.copied"))
    setTimeout(() => setText(button, t("tenant.copy")), 2000)
  })
  return h("span", {}, h("code", {}, text), button)
}

/** @param {TenantDetail} tenant */
function isStuck({ state, failure }) {
  return failure !== null && MAY_BE_STUCK.includes(state)
}

function failureNotice() {
  const failure = shown?.failure
  if (!shown || !failure || !(MAY_RETRY.includes(shown.state) || isStuck(shown))) return null
  return notice(
    shown.state === "rolled_back" ? "negative" : "caution",
    label("failure", failure.code, t("failure.other")),
    h("p", {}, isStuck(shown) ? stuckSentence(failure) : attemptSentence(failure)),
    h("p", { class: "hint" }, h("code", {}, failure.code)),
  )
}

/** @param {NonNullable<TenantDetail["failure"]>} failure */
function attemptSentence({ attempt, retry_at: retryAt }) {
  return retryAt
    ? t("tenant.retry_at", { attempt, time: formatClock(retryAt) })
    : t("tenant.attempts", { count: attempt })
}

/** @param {NonNullable<TenantDetail["failure"]>} failure */
function stuckSentence({ retry_at: retryAt }) {
  return retryAt ? t("tenant.stuck_until", { time: formatClock(retryAt) }) : t("tenant.stuck")
}

async function retry() {
  const button = byId("retry", HTMLButtonElement)
  if (button.getAttribute("aria-disabled")) return
  button.setAttribute("aria-disabled", "true")
  try {
    await staffRequest("POST", `${path}/retry`)
    await load()
    byId("tenant-name", HTMLElement).focus()
  } catch (problem) {
    button.removeAttribute("aria-disabled")
    fill(byId("problem", HTMLDivElement), failedCard(problem))
  }
}

/** The customer's own page opens with it; it goes to their mailbox and nowhere else. @param {TenantDetail} tenant */
async function sendPortalLink({ customer_email: email }) {
  const button = byId("portal-link", HTMLButtonElement)
  if (button.getAttribute("aria-disabled")) return
  button.setAttribute("aria-disabled", "true")
  try {
    const { mailed } = await staffRequest("POST", `${path}/portal-link`)
    sayOnPage(
      mailed
        ? notice("positive", t("tenant.portal_link_sent", { email }))
        : notice("info", t("tenant.portal_link_kept")),
    )
  } catch (problem) {
    sayOnPage(failedCard(problem))
  }
  button.removeAttribute("aria-disabled")
}

/** @param {{ data: Activity[], next_cursor: string | null, has_more: boolean }} page */
function drawEvents(page) {
  if (events.length > 0 && events[0].id === page.data[0]?.id) return
  events = page.data
  nextCursor = page.has_more ? page.next_cursor : null
  showEvents()
}

function showEvents() {
  fill(
    byId("events", HTMLDivElement),
    events.length > 0 ? eventList(events, false) : h("p", { class: "text-soft" }, t("tenant.no_events")),
  )
  more.hidden = nextCursor === null
}

async function loadMoreEvents() {
  const moreProblem = byId("more-problem", HTMLElement)
  try {
    const page = await staffRequest("GET", `${path}/events?limit=25&cursor=${encodeURIComponent(nextCursor ?? "")}`)
    events = [...events, ...page.data]
    nextCursor = page.has_more ? page.next_cursor : null
    fill(moreProblem)
    showEvents()
  } catch (problem) {
    fill(moreProblem, failedCard(problem, loadMoreEvents))
  }
}

// The skeleton goes when there is something true to show.
function showContent() {
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
  byId("content", HTMLElement).hidden = false
}

/** @param {unknown} problem */
function showProblem(problem) {
  showContent()
  const missing = problem instanceof ApiProblem && problem.status === 404
  if (!shown) byId("tenant", HTMLDivElement).hidden = true
  const back = h("a", { class: "button", href: "/admin/tenants" }, t("tenant.back"))
  fill(
    byId("problem", HTMLDivElement),
    missing ? emptyCard(t("tenant.missing"), t("tenant.missing_text"), back) : failedCard(problem, load),
  )
}
