// The dashboard: asks once, then lives on the socket. A card redraws only when its own numbers changed.

import { RangePicker } from "../elements/range-picker.js"
import "../elements/series-chart.js"
import "../elements/status-badge.js"
import { ActivityFeed } from "../elements/activity-feed.js"
import { startConsole } from "../elements/console-shell.js"
import { attentionList, funnel, hostMeters, workInHand } from "../elements/dashboard-cards.js"
import { DashboardTiles } from "../elements/dashboard-tiles.js"
import { definition } from "../elements/definition.js"
import { emptyCard, failedCard } from "../elements/feedback.js"
import { drawFirstSteps } from "../elements/first-steps.js"
import { drawPool, fetchPool } from "../elements/pool-card.js"
import { ApiProblem } from "../lib/api.js"
import { endsOf } from "../lib/chart/series.js"
import { periodName } from "../lib/chart/time.js"
import { formatChange, formatValue } from "../lib/chart/units.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatClock, formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { fetchGrowth, fetchMetrics, followMetrics } from "../lib/metrics.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */

const STALE_AFTER = 15_000

const dashboard = byId("dashboard", HTMLDivElement)
const chart = document.createElement("series-chart")
const picker = byId("range", RangePicker)
const feed = new ActivityFeed(byId("activity", HTMLDivElement), byId("activity-paused", HTMLSpanElement))
/** @type {DashboardTiles | undefined} */
let tiles
/** @type {Metrics | undefined} */
let newest
/** None: it could not be read, and the page is whole without it. @type {import("../lib/metrics.js").Growth | null} */
let growth = null
/** What the growth that is shown was read for. */
let growthOf = ""
let connected = false
/** @type {Record<string, string>} */
const drawn = {}

/** @type {string[]} */
let scopes = []

startConsole().then(
  user => {
    scopes = user.scopes
    return load()
  },
  () => {},
)
setInterval(showAge, 5000)

async function load() {
  const problemPlace = byId("first-use", HTMLDivElement)
  try {
    const [metrics, steps, pool, past] = await Promise.all([
      fetchMetrics(),
      fetchFirstSteps(),
      fetchPool(),
      askGrowth(),
    ])
    drawPool(pool)
    drawFirstSteps(byId("first-steps", HTMLElement), byId("first-steps-again", HTMLButtonElement), steps)
    drawFirst()
    newest = metrics
    const usual = knowsCurrency(metrics) ? past : await askGrowth()
    growthOf = growthKey()
    showGrowth(usual)
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
  newest = metrics
  setText(
    byId("as-of", HTMLElement),
    t("dashboard.as_of", { time: formatFullDateTime(metrics.as_of), zone: metrics.timezone }),
  )
  showAge()
  tiles?.show(metrics, growth)
  redraw("attention", metrics.attention, () => attentionList(metrics))
  redraw("funnel", metrics.signups_funnel, () => funnel(metrics))
  redraw("work", [metrics.provisioning, metrics.jobs], () => workInHand(metrics))
  redraw("host", metrics.host, () => hostMeters(metrics))
  followGrowth()
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
  tiles = new DashboardTiles(byId("tiles", HTMLElement), scopes)
  fill(byId("mrr-body", HTMLElement), chart)
  fill(byId("mrr-definition", HTMLElement), definition("movement", t("chart.title")))
  picker.addEventListener("change", followGrowth)
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

/** Of the range and of the live numbers that say when something moved. */
const growthKey = () =>
  JSON.stringify([picker.query.toString(), newest?.mrr, newest?.mrr_months, newest?.active_tenants])

/** @typedef {{ found: import("../lib/metrics.js").Growth | null, problem: unknown }} Answer */

// What the server does not take is left out and said: an old or mistyped link is no dead page.
/** @returns {Promise<Answer>} */
async function askGrowth() {
  for (;;) {
    try {
      return { found: await fetchGrowth(picker.query), problem: null }
    } catch (problem) {
      if (!picker.leaveOut(problem)) return { found: null, problem }
    }
  }
}

/** Any three letters are a currency for the server; here it has to be one that somebody pays in. @param {Metrics} metrics */
function knowsCurrency({ mrr }) {
  const asked = picker.query.get("currency")
  if (!asked || mrr.length === 0 || mrr.some(({ currency }) => currency === asked)) return true
  return !picker.leaveOut(new ApiProblem(422, { errors: [{ pointer: "?currency", code: "unknown_value" }] }))
}

async function followGrowth() {
  const key = growthKey()
  if (key === growthOf) return
  growthOf = key
  byId("mrr-card", HTMLElement).setAttribute("aria-busy", "true")
  const answer = await askGrowth()
  if (key !== growthOf) return
  byId("mrr-card", HTMLElement).removeAttribute("aria-busy")
  growthOf = growthKey()
  showGrowth(answer)
}

/** @param {Answer} answer */
function showGrowth({ found, problem }) {
  // What was read a moment ago stays, as something that is old.
  if (found) growth = found
  byId("mrr-body", HTMLElement).classList.toggle("stale", problem !== null)
  const again = () => {
    growthOf = ""
    followGrowth()
  }
  fill(byId("mrr-problem", HTMLElement), problem ? failedCard(problem, again) : null)
  chart.hidden = growth === null
  if (growth) drawGrowth(growth.mrr)
  if (newest) tiles?.show(newest, growth)
}

/** @param {import("../lib/chart/series.js").Series} series */
function drawGrowth(series) {
  if (series.range) picker.resolved(series.range)
  const currencies = [...new Set([...(newest?.mrr ?? []).map(({ currency }) => currency), series.unit.currency ?? ""])]
  picker.offerSegment(
    t("plans.currency"),
    currencies.sort().map(code => [code, code.toUpperCase()]),
    series.unit.currency ?? "",
  )
  chart.show(picker.compares ? series : { ...series, comparison: null }, { summary: findingOf(series) })
}

/** @param {import("../lib/chart/series.js").Series} series */
function findingOf(series) {
  const end = series.columns.findIndex(({ id }) => id === "end")
  const net = series.columns.findIndex(({ id }) => id === "net")
  const ends = endsOf(series, end)
  if (!ends) return t("chart.empty")
  const [first, last] = [Number(ends.first.values[end]) - Number(ends.first.values[net]), Number(ends.last.values[end])]
  if (first === 0 && last === 0 && newest?.mrr.length === 0) return t("chart.empty")
  const words = {
    start: formatValue(first, series.unit),
    end: formatValue(last, series.unit),
    first: periodName(ends.first.key, series.range?.granularity ?? "month"),
    change: formatChange(last - first, series.unit),
  }
  if (last === first) return t("chart.summary_flat", words)
  return last > first ? t("chart.summary_up", words) : t("chart.summary_down", words)
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
