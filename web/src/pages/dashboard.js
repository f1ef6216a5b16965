// The dashboard: asks once, then lives on the socket. A card redraws only when its own numbers changed.

import "../elements/mrr-chart.js"
import "../elements/status-badge.js"
import { ActivityFeed } from "../elements/activity-feed.js"
import { startConsole } from "../elements/console-shell.js"
import { attentionList, funnel, hostMeters, workInHand } from "../elements/dashboard-cards.js"
import { DashboardTiles } from "../elements/dashboard-tiles.js"
import { definition } from "../elements/definition.js"
import { emptyCard, failedCard } from "../elements/feedback.js"
import { drawFirstSteps } from "../elements/first-steps.js"
import { drawPool, fetchPool } from "../elements/pool-card.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatClock, formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { fetchHistory, fetchMetrics, followMetrics } from "../lib/metrics.js"
import { joinMonths, lastMonths } from "../lib/mrr-months.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */

const STALE_AFTER = 15_000
const RANGES = [3, 6, 12]

const dashboard = byId("dashboard", HTMLDivElement)
const chart = document.createElement("mrr-chart")
const feed = new ActivityFeed(byId("activity", HTMLDivElement), byId("activity-paused", HTMLSpanElement))
/** @type {DashboardTiles | undefined} */
let tiles
/** @type {Metrics | undefined} */
let newest
/** @type {import("../lib/metrics.js").History | null} */
let history = null
let controlsDrawn = "none yet"
/** What the chart shows; it stands in the address. */
const view = readView()
let connected = false
/** @type {Record<string, string>} */
const drawn = {}

startConsole().then(load, () => {})
setInterval(showAge, 5000)

async function load() {
  const problemPlace = byId("first-use", HTMLDivElement)
  try {
    const [metrics, steps, past, pool] = await Promise.all([
      fetchMetrics(),
      fetchFirstSteps(),
      fetchHistory(),
      fetchPool(),
    ])
    drawPool(pool)
    history = past
    drawFirstSteps(byId("first-steps", HTMLElement), byId("first-steps-again", HTMLButtonElement), steps)
    draw(metrics)
  } catch (problem) {
    byId("waiting", HTMLElement).hidden = true
    byId("waiting", HTMLElement).removeAttribute("aria-busy")
    fill(problemPlace, failedCard(problem, load))
    return
  }
  followMetrics(draw, ({ state }) => {
    connected = state === "live"
  })
}

// A list of advice that cannot be read is not worth an error.
/** @returns {Promise<import("../elements/first-steps.js").StepState[]>} */
const fetchFirstSteps = () =>
  staffRequest("GET", "/api/dashboard/first-steps").then(
    answer => answer.data,
    () => [],
  )

/** @param {Metrics} metrics */
function draw(metrics) {
  if (!newest) drawFirst()
  newest = metrics
  setText(
    byId("as-of", HTMLElement),
    t("dashboard.as_of", { time: formatFullDateTime(metrics.as_of), zone: metrics.timezone }),
  )
  showAge()
  tiles?.show(metrics, history)
  redraw("attention", metrics.attention, () => attentionList(metrics))
  redraw("funnel", metrics.signups_funnel, () => funnel(metrics))
  redraw("work", [metrics.provisioning, metrics.jobs], () => workInHand(metrics))
  redraw("host", metrics.host, () => hostMeters(metrics))
  drawChart()
  feed.show(metrics.activity)
  // The first steps, when they are shown, say the same and more.
  const advised = byId("first-steps", HTMLElement).childElementCount > 0
  const unused = !advised && metrics.customers === 0 && metrics.active_tenants === 0 && metrics.pending === 0
  redraw("first-use", unused, () => (unused ? firstUse() : ""))
}

function drawFirst() {
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
  dashboard.hidden = false
  tiles = new DashboardTiles(byId("tiles", HTMLElement))
  fill(byId("mrr-body", HTMLElement), chart)
  fill(byId("funnel-definition", HTMLElement), definition("funnel", t("funnel.title")))
  fill(byId("work-definition", HTMLElement), definition("work", t("work.title")))
  fill(byId("host-definition", HTMLElement), definition("host", t("host.title")))
}

/** @param {string} id @param {unknown} facts what the card shows @param {() => Node | string} make */
function redraw(id, facts, make) {
  const fingerprint = JSON.stringify(facts ?? null)
  if (drawn[id] === fingerprint) return
  drawn[id] = fingerprint
  const content = make()
  fill(byId(id, HTMLElement), content || null)
}

function drawChart() {
  if (!newest) return
  const currencies = [...new Set([...newest.mrr, ...newest.mrr_months].map(({ currency }) => currency))]
  if (!currencies.includes(view.currency)) view.currency = currencies[0] ?? ""
  const older = history?.mrr_months ?? []
  const controls = JSON.stringify([currencies, older.length > 0])
  if (controlsDrawn !== controls) {
    controlsDrawn = controls
    fill(
      byId("mrr-controls", HTMLElement),
      rangeChoice(),
      older.length > 0 && compareButton(),
      currencies.length > 1 && currencyChoice(currencies),
      tableButton(),
      definition("movement", t("chart.title")),
    )
  }
  if (!view.currency) {
    chart.show([], [])
    return
  }
  const months = lastMonths(joinMonths(older, newest.mrr_months), view.currency, newest.as_of, view.months * 2)
  chart.show(months.slice(view.months), view.compare && older.length > 0 ? months.slice(0, view.months) : [])
}

function readView() {
  const parameters = new URLSearchParams(location.search)
  const months = Number(parameters.get("months"))
  return {
    months: RANGES.includes(months) ? months : 12,
    compare: parameters.get("compare") === "1",
    currency: parameters.get("currency") ?? "",
  }
}

/** @param {Partial<typeof view>} difference */
function changeView(difference) {
  Object.assign(view, difference)
  const address = new URL(location.href)
  address.searchParams.set("months", String(view.months))
  address.searchParams.set("compare", view.compare ? "1" : "0")
  address.searchParams.set("currency", view.currency)
  window.history.replaceState(null, "", address)
  drawChart()
}

function rangeChoice() {
  const select = h(
    "select",
    { class: "input input-small w-32", "aria-label": t("chart.range") },
    ...RANGES.map(count => h("option", { value: count }, t("chart.months", { count }))),
  )
  select.value = String(view.months)
  select.addEventListener("change", () => changeView({ months: Number(select.value) }))
  return select
}

function compareButton() {
  const button = h(
    "button",
    { type: "button", class: "button button-small", "aria-pressed": String(view.compare) },
    t("chart.compare"),
  )
  button.addEventListener("click", () => {
    changeView({ compare: !view.compare })
    button.setAttribute("aria-pressed", String(view.compare))
  })
  return button
}

/** @param {string[]} currencies */
function currencyChoice(currencies) {
  const select = h(
    "select",
    { class: "input input-small w-24", "aria-label": t("plans.currency") },
    ...currencies.map(code => h("option", { value: code }, code.toUpperCase())),
  )
  select.value = view.currency
  select.addEventListener("change", () => changeView({ currency: select.value }))
  return select
}

function tableButton() {
  const button = h(
    "button",
    { type: "button", class: "button button-small", "aria-pressed": "false" },
    t("chart.as_table"),
  )
  button.addEventListener("click", () => {
    const asTable = button.getAttribute("aria-pressed") !== "true"
    button.setAttribute("aria-pressed", String(asTable))
    setText(button, asTable ? t("chart.as_chart") : t("chart.as_table"))
    chart.showTable(asTable)
  })
  return button
}

function firstUse() {
  return h(
    "div",
    { class: "card" },
    emptyCard(
      t("dashboard.empty_title"),
      t("dashboard.empty_text"),
      h("a", { class: "button button-primary", href: "/" }, t("dashboard.open_sign_up")),
      h("a", { class: "button", href: "/admin/tenants?new=1" }, t("tenants.new")),
    ),
  )
}

// While the connection is away the last good values stay, greyed, with their age.
function showAge() {
  const stale = !connected && newest !== undefined && Date.now() - Date.parse(newest.as_of) > STALE_AFTER
  const note = byId("stale-note", HTMLElement)
  dashboard.classList.toggle("stale", stale)
  note.hidden = !stale
  if (stale && newest) setText(note, t("dashboard.stale", { time: formatClock(newest.as_of) }))
}
