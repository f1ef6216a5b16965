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
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatClock, formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { fetchMetrics, followMetrics } from "../lib/metrics.js"
import { lastTwelveMonths } from "../lib/mrr-months.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */

const STALE_AFTER = 15_000

const dashboard = byId("dashboard", HTMLDivElement)
const chart = document.createElement("mrr-chart")
const feed = new ActivityFeed(byId("activity", HTMLDivElement), byId("activity-paused", HTMLSpanElement))
/** @type {DashboardTiles | undefined} */
let tiles
/** @type {Metrics | undefined} */
let newest
let currency = ""
let currenciesDrawn = "none yet"
let connected = false
/** @type {Record<string, string>} */
const drawn = {}

startConsole().then(load, () => {})
setInterval(showAge, 5000)

async function load() {
  const problemPlace = byId("first-use", HTMLDivElement)
  try {
    const [metrics, steps] = await Promise.all([fetchMetrics(), fetchFirstSteps()])
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
  tiles?.show(metrics)
  redraw("attention", metrics.attention, () => attentionList(metrics))
  redraw("funnel", metrics.signups_funnel, () => funnel(metrics))
  redraw("work", [metrics.provisioning, metrics.jobs], () => workInHand(metrics))
  redraw("host", metrics.host, () => hostMeters(metrics))
  drawChart()
  feed.show(metrics.activity)
  const unused = metrics.customers === 0 && metrics.active_tenants === 0 && metrics.pending === 0
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
  const currencies = [...new Set([...newest.mrr, ...newest.mrr_months].map(({ currency: code }) => code))]
  if (!currencies.includes(currency)) currency = currencies[0] ?? ""
  if (currenciesDrawn !== currencies.join()) {
    currenciesDrawn = currencies.join()
    fill(
      byId("mrr-controls", HTMLElement),
      currencies.length > 1 && currencyChoice(currencies),
      tableButton(),
      definition("movement", t("chart.title")),
    )
  }
  chart.show(currency ? lastTwelveMonths(newest.mrr_months, currency, newest.as_of) : [])
}

/** @param {string[]} currencies */
function currencyChoice(currencies) {
  const select = h(
    "select",
    { class: "input input-small w-24", "aria-label": t("plans.currency") },
    ...currencies.map(code => h("option", { value: code }, code.toUpperCase())),
  )
  select.addEventListener("change", () => {
    currency = select.value
    drawChart()
  })
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
