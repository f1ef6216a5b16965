// The list of tenants: what is shown follows the URL, and the URL follows every decision.

import "../elements/status-badge.js"
import { mdiClose } from "@mdi/js"
import { BulkActions } from "../elements/bulk-actions.js"
import { startConsole } from "../elements/console-shell.js"
import { droppedNotice, emptyCard, failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { NewTenantDialog } from "../elements/new-tenant-dialog.js"
import { drawStateStrip } from "../elements/state-strip.js"
import { headCells, planName, tenantRow } from "../elements/tenant-table.js"
import { request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import {
  apiQuery,
  readAddress,
  rememberScroll,
  restoreScroll,
  trailOfPages,
  USUAL_SORT,
  writeAddress,
} from "../lib/list-address.js"
import { label, t } from "../lib/messages.js"
import { followMetrics } from "../lib/metrics.js"
import { refusedFilters } from "../lib/refused-filters.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../elements/tenant-table.js").Tenant} Tenant */
/** @typedef {{ data: Tenant[], next_cursor: string | null, has_more: boolean, total_capped?: { count: number, capped: boolean } }} Page */

const TYPING_REST = 250
const STATES = [
  "reserved",
  "awaiting_payment",
  "queued",
  "provisioning",
  "live",
  "suspending",
  "suspended",
  "resuming",
  "archiving",
  "archived",
  "purging",
  "purged",
  "provision_failed",
  "rolled_back",
]
const HEALTHS = ["unknown", "healthy", "degraded", "down"]

const rows = byId("rows", HTMLTableSectionElement)
const search = byId("q", HTMLInputElement)
const showNew = byId("show-new", HTMLButtonElement)
const list = byId("list", HTMLDivElement)

let shown = readAddress()
/** @type {Page | null} */
let page = null
/** @type {import("../elements/state-strip.js").StateCount[]} */
let stateCounts = []
/** @type {AbortController | undefined} */
let running
let lastActivity = ""
/** Only for those who may change something. @type {BulkActions | null} */
let bulk = null
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing

history.scrollRestoration = "manual"
connectControls()
drawControls()
startConsole().then(
  user => {
    const mayChange = user.scopes.includes("tenants:write")
    connectNewTenant(mayChange)
    if (mayChange)
      bulk = new BulkActions({ filter: () => shown, redraw: () => page && drawPage(page), finished: () => load() })
    loadPlanFilter()
    loadStateCounts()
    load().then(restoreScroll)
    followMetrics(metrics => {
      const newest = JSON.stringify([metrics.activity[0]?.id, metrics.active_tenants, metrics.pending])
      if (lastActivity !== "" && lastActivity !== newest) refreshQuietly()
      lastActivity = newest
    })
  },
  () => {},
)

function connectControls() {
  byId("filters", HTMLFormElement).addEventListener("submit", event => {
    event.preventDefault()
    clearTimeout(typing)
    change({ q: search.value.trim() })
  })
  search.addEventListener("input", () => {
    clearTimeout(typing)
    typing = setTimeout(() => change({ q: search.value.trim() }, "replace"), TYPING_REST)
  })
  const state = byId("filter-state", HTMLSelectElement)
  const health = byId("filter-health", HTMLSelectElement)
  state.append(...STATES.map(value => h("option", { value }, label("state", value))))
  health.append(...HEALTHS.map(value => h("option", { value }, label("health", value))))
  // A choice adds a state to those already chosen; they stand below as chips.
  state.addEventListener("change", () => {
    if (state.value) change({ state: [...new Set([...shown.state, state.value])] })
  })
  health.addEventListener("change", () => change({ health: health.value }))
  byId("filter-plan", HTMLSelectElement).addEventListener("change", event => {
    change({ plan: /** @type {HTMLSelectElement} */ (event.currentTarget).value })
  })
  byId("limit", HTMLSelectElement).addEventListener("change", event => {
    change({ limit: Number(/** @type {HTMLSelectElement} */ (event.currentTarget).value) })
  })
  byId("density", HTMLButtonElement).addEventListener("click", () => {
    shown = { ...shown, density: shown.density === "compact" ? "comfortable" : "compact" }
    writeAddress(shown, "replace", trailOfPages())
    drawControls()
  })
  byId("next", HTMLButtonElement).addEventListener("click", () => {
    if (page?.next_cursor) turnPage(page.next_cursor, [...trailOfPages(), shown.cursor])
  })
  byId("previous", HTMLButtonElement).addEventListener("click", () => {
    const trail = trailOfPages()
    if (shown.cursor) turnPage(trail.at(-1) ?? "", trail.slice(0, -1))
  })
  showNew.addEventListener("click", () => load())
  addEventListener("popstate", () => {
    shown = readAddress()
    drawControls()
    load().then(restoreScroll)
  })
  addEventListener("pagehide", rememberScroll)
}

/** @param {boolean} mayCreate */
function connectNewTenant(mayCreate) {
  if (!mayCreate) return
  const button = byId("new-tenant", HTMLButtonElement)
  const dialog = new NewTenantDialog()
  button.hidden = false
  button.addEventListener("click", () => dialog.open())
  if (new URLSearchParams(location.search).has("new")) dialog.open()
}

async function loadPlanFilter() {
  const { plans } = await request("GET", "/api/plans").catch(() => ({ plans: [] }))
  const select = byId("filter-plan", HTMLSelectElement)
  select.append(
    ...plans.map((/** @type {import("../lib/plans.js").Plan} */ plan) => h("option", { value: plan.id }, plan.name)),
  )
  select.value = shown.plan
}

// Without the counts the list is still whole, so their failure is not worth a word.
async function loadStateCounts() {
  const strip = byId("state-strip", HTMLElement)
  const answer = await staffRequest("GET", "/api/tenants/states").catch(() => null)
  strip.removeAttribute("aria-busy")
  if (!answer) return
  stateCounts = answer.data
  drawStrip()
}

function drawStrip() {
  if (stateCounts.length === 0) return
  drawStateStrip(byId("state-strip", HTMLElement), stateCounts, shown.state, state => change({ state }))
}

/** Restarts one tenant, after a question. @param {Tenant} tenant */
async function restart({ id, subdomain }) {
  try {
    const done = await formDialog({
      title: t("danger.restart_title", { name: subdomain }),
      lead: t("danger.restart_text"),
      fields: [],
      action: t("danger.restart_action"),
      submit: () => staffRequest("POST", `/api/tenants/${id}/restart`),
    })
    if (done) fill(byId("list-problem", HTMLDivElement), notice("positive", t("danger.restart_done")))
  } catch (problem) {
    fill(byId("list-problem", HTMLDivElement), failedCard(problem))
  }
}

/** @param {Tenant} tenant */
const rowOf = tenant => tenantRow(tenant, bulk?.box(tenant.id, tenant.subdomain) ?? null, bulk && restart)

/** A new question starts at its first page. @param {Partial<typeof shown>} difference @param {"push" | "replace"} [how] */
function change(difference, how = "push") {
  shown = { ...shown, ...difference, cursor: "" }
  // What was ticked belongs to the question before; another order of the same rows keeps it.
  if (["q", "state", "plan", "health"].some(name => name in difference)) bulk?.clear()
  writeAddress(shown, how)
  drawControls()
  load()
}

/** @param {string} cursor @param {string[]} trail */
function turnPage(cursor, trail) {
  shown = { ...shown, cursor }
  writeAddress(shown, "push", trail)
  load().then(() => scrollTo({ top: 0, behavior: "instant" }))
}

/** @param {Node} [said] stands above the list */
async function load(said) {
  running?.abort()
  const controller = new AbortController()
  running = controller
  list.setAttribute("aria-busy", "true")
  try {
    page = /** @type {Page} */ (
      await staffRequest("GET", `/api/tenants?${apiQuery(shown)}&count=true`, { signal: controller.signal })
    )
    fill(byId("list-problem", HTMLDivElement), said)
    drawPage(page)
  } catch (problem) {
    if (controller.signal.aborted) return
    const refused = refusedFilters(problem, apiQuery(shown))
    if (refused.length > 0) return load(leaveOut(refused))
    fill(
      byId("list-problem", HTMLDivElement),
      failedCard(problem, () => load()),
    )
    list.hidden = page === null
    byId("waiting", HTMLElement).hidden = true
    byId("waiting", HTMLElement).removeAttribute("aria-busy")
  }
  list.removeAttribute("aria-busy")
}

/** The question without what the server does not take. @param {string[]} names */
function leaveOut(names) {
  const words = droppedNotice(names, apiQuery(shown))
  const known = shown.state.filter(state => STATES.includes(state))
  const usual = {
    q: "",
    state: known.length < shown.state.length ? known : [],
    plan: "",
    health: "",
    sort: USUAL_SORT,
    cursor: "",
  }
  for (const name of names) if (name in usual) Object.assign(shown, { [name]: usual[/** @type {"q"} */ (name)] })
  writeAddress(shown, "replace")
  drawControls()
  return words
}

/** @param {Page} current */
function drawPage(current) {
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
  byId("pager", HTMLElement).hidden = false
  list.hidden = false
  showNew.hidden = true
  const { count, capped } = current.total_capped ?? { count: current.data.length, capped: false }
  bulk?.show(
    current.data.map(({ id }) => id),
    count,
    capped,
  )
  fill(rows, ...current.data.map(rowOf))
  drawHead()
  byId("table-region", HTMLDivElement).hidden = current.data.length === 0
  fill(byId("empty", HTMLDivElement), current.data.length === 0 && emptyOf())
  drawCount(current)
  byId("next", HTMLButtonElement).disabled = !current.has_more
  byId("previous", HTMLButtonElement).disabled = shown.cursor === ""
}

/** @param {Page} current */
function drawCount({ total_capped: total, data }) {
  const count = total?.count ?? data.length
  const words = total?.capped
    ? t("tenants.count_capped", { number: formatNumber(count) })
    : t("tenants.count", { count })
  setText(byId("count", HTMLElement), words)
}

// Something happened to some tenant: known rows are brought up to date in place, new ones are only announced.
async function refreshQuietly() {
  loadStateCounts()
  if (!page || list.getAttribute("aria-busy")) return
  const asked = apiQuery(shown).toString()
  const fresh = /** @type {Page | null} */ (await staffRequest("GET", `/api/tenants?${asked}`).catch(() => null))
  if (!fresh || asked !== apiQuery(shown).toString() || list.getAttribute("aria-busy")) return
  let unknown = 0
  for (const tenant of fresh.data) {
    const before = page.data.findIndex(candidate => candidate.id === tenant.id)
    if (before < 0) unknown += 1
    else if (JSON.stringify(page.data[before]) !== JSON.stringify(tenant)) {
      page.data[before] = tenant
      const row = rows.children[before]
      if (!row.contains(document.activeElement)) row.replaceWith(rowOf(tenant))
    }
  }
  if (page.data.length === 0 && unknown > 0) {
    load()
    return
  }
  showNew.hidden = unknown === 0 || shown.cursor !== ""
  setText(showNew, t("tenants.show_new", { count: unknown }))
}

function drawControls() {
  if (document.activeElement !== search) search.value = shown.q
  byId("filter-state", HTMLSelectElement).value = ""
  byId("filter-plan", HTMLSelectElement).value = shown.plan
  byId("filter-health", HTMLSelectElement).value = shown.health
  byId("limit", HTMLSelectElement).value = String(shown.limit)
  byId("table", HTMLTableElement).dataset.density = shown.density
  byId("density", HTMLButtonElement).setAttribute("aria-pressed", String(shown.density === "compact"))
  drawHead()
  drawChips()
  drawStrip()
}

function drawHead() {
  const head = byId("table-head", HTMLTableRowElement)
  const focused = head.contains(document.activeElement) ? document.activeElement?.getAttribute("data-sort") : null
  const onBox = document.activeElement?.id === "select-page"
  fill(head, ...headCells(shown.sort, sort => change({ sort }), bulk && page ? bulk.headBox() : null))
  if (focused) /** @type {HTMLElement} */ (head.querySelector(`[data-sort="${focused}"]`))?.focus()
  if (onBox) document.getElementById("select-page")?.focus()
}

function drawChips() {
  /** @type {{ text: string, without: Partial<typeof shown> }[]} */
  const filters = shown.state.map(value => ({
    text: `${t("tenants.state")}: ${label("state", value)}`,
    without: { state: shown.state.filter(other => other !== value) },
  }))
  if (shown.plan) filters.push({ text: `${t("tenants.plan")}: ${planName(shown.plan)}`, without: { plan: "" } })
  if (shown.health)
    filters.push({ text: `${t("tenants.health")}: ${label("health", shown.health)}`, without: { health: "" } })
  if (shown.q) filters.push({ text: `“${shown.q}”`, without: { q: "" } })
  const chips = filters.map(({ text, without }) => {
    const remove = () => {
      if ("q" in without) search.value = ""
      change(without)
      search.focus()
    }
    return h(
      "button",
      {
        type: "button",
        class: "chip max-w-full",
        onclick: remove,
        "aria-label": t("tenants.remove_filter", { filter: text }),
      },
      h("span", { class: "truncate" }, text),
      icon(mdiClose),
    )
  })
  const clear = h(
    "button",
    { type: "button", class: "link-button text-sm", onclick: clearFilters },
    t("tenants.clear_all"),
  )
  fill(byId("chips", HTMLDivElement), ...chips, chips.length > 0 && clear)
}

function clearFilters() {
  search.value = ""
  change({ q: "", state: [], plan: "", health: "" })
  search.focus()
}

function emptyOf() {
  const filtered = shown.q || shown.state.length > 0 || shown.plan || shown.health
  if (filtered) {
    const clear = h("button", { type: "button", class: "button", onclick: clearFilters }, t("tenants.clear_all"))
    return emptyCard(t("tenants.no_match"), t("tenants.no_match_text"), clear)
  }
  return emptyCard(
    t("tenants.none"),
    t("tenants.none_text"),
    h("a", { class: "button", href: "/" }, t("dashboard.open_sign_up")),
  )
}
