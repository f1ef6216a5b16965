// The settings of one tenant. The form is saved as a whole and against the version that was read; the sections beside
// it act at once. Everything is read anew when something moves.

import "../elements/status-badge.js"
import { mdiOpenInNew } from "@mdi/js"
import { beside, sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { TenantBackups } from "../elements/tenant-backups.js"
import { answersAtAddress, tenantBadges } from "../elements/tenant-badges.js"
import { drawDanger } from "../elements/tenant-danger.js"
import { TenantDomains } from "../elements/tenant-domains.js"
import { TenantForm } from "../elements/tenant-form.js"
import { drawHolds } from "../elements/tenant-holds.js"
import { drawMaintenance } from "../elements/tenant-maintenance.js"
import { TenantOperations } from "../elements/tenant-operations.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { followMetrics } from "../lib/metrics.js"
import { staffRequest } from "../lib/session.js"
import { MOVING_STATES, tenantPath } from "../lib/tenants.js"

/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/**
 * What every section needs of the page.
 * What came of something is said in the section that it belongs to.
 * @typedef {{ path: string, may: boolean, sendsMail: boolean, done: (sentence: string) => Promise<void>, failed: (problem: unknown) => void }} Page
 */

const WORKING_EVERY = 2000

const id = location.pathname.split("/").filter(Boolean).at(-2) ?? ""
const path = tenantPath(id)
const rights = { may: false, sendsMail: false }
/** @param {string} section @returns {Page} */
const pageFor = section => ({
  path,
  ...rights,
  done: sentence => done(sentence, beside(byId(section, HTMLElement))),
  failed: problem => beside(byId(section, HTMLElement))(failedCard(problem)),
})
/** @type {TenantDetail | null} */
let shown = null
let drawn = ""
let newestEvent = ""
let loading = false
/** @type {TenantForm} */
let form
/** @type {TenantBackups} */
let backups
/** @type {TenantDomains} */
let domains
/** @type {TenantOperations} */
let operations
/** @type {ReturnType<typeof setTimeout> | undefined} */
let working

startConsole().then(
  async user => {
    rights.may = user.scopes.includes("tenants:write")
    rights.sendsMail = user.sends_mail
    form = new TenantForm({ ...pageFor("general"), done: sentence => done(sentence, sayOnPage) })
    backups = new TenantBackups(pageFor("backups"))
    domains = new TenantDomains(pageFor("domains"))
    operations = new TenantOperations(pageFor("operations"))
    await load()
    showAnchor()
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
    draw(await staffRequest("GET", path))
    await Promise.all([backups.load(), domains.load(), operations.load()])
    fill(byId("problem", HTMLElement))
  } catch (problem) {
    showProblem(problem)
  }
  showContent()
  workOn()
}

async function refresh() {
  if (loading) return
  loading = true
  await load()
  loading = false
}

// Work in hand is followed closely; a page at rest only listens.
function workOn() {
  clearTimeout(working)
  if (operations.isWorking || backups.isWorking || domains.isWorking) working = setTimeout(refresh, WORKING_EVERY)
}

/** @param {TenantDetail} tenant */
function draw(tenant) {
  shown = tenant
  const fingerprint = JSON.stringify(tenant)
  if (fingerprint === drawn) return
  drawn = fingerprint
  document.title = `${t("config.title")}: ${tenant.subdomain} · ${t("product")}`
  setText(byId("page-heading", HTMLElement), t("config.heading", { name: tenant.subdomain }))
  const breadcrumb = byId("breadcrumb", HTMLAnchorElement)
  setText(breadcrumb, tenant.subdomain)
  breadcrumb.href = `/admin/tenants/${id}`
  fill(byId("badges", HTMLElement), ...tenantBadges(tenant))
  fill(
    byId("actions", HTMLElement),
    h("a", { class: "button", href: `/admin/tenants/${id}` }, t("tenant.overview")),
    answersAtAddress(tenant) && h("a", { class: "button", href: tenant.url }, t("tenant.open"), icon(mdiOpenInNew)),
  )
  form.show(tenant)
  backups.tenant = tenant
  domains.tenant = tenant
  drawHolds(pageFor("holds"), tenant)
  drawMaintenance(pageFor("maintenance"), tenant)
  drawDanger(pageFor("danger"), tenant)
}

/** Something was done: it is said, and everything is read anew. @param {string} sentence @param {import("../elements/answer.js").Say} say */
async function done(sentence, say) {
  say(notice("positive", sentence))
  await refresh()
}

function showContent() {
  const waiting = byId("waiting", HTMLElement)
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
  byId("content", HTMLElement).hidden = false
}

// The section that the address names was not there yet when the browser looked for it.
function showAnchor() {
  const section = location.hash.length > 1 && document.getElementById(location.hash.slice(1))
  if (section) section.scrollIntoView()
}

/** @param {unknown} problem */
function showProblem(problem) {
  const missing = problem instanceof ApiProblem && problem.status === 404
  if (!shown) byId("config", HTMLElement).hidden = true
  const back = h("a", { class: "button", href: "/admin/tenants" }, t("tenant.back"))
  fill(
    byId("problem", HTMLElement),
    missing ? emptyCard(t("tenant.missing"), t("tenant.missing_text"), back) : failedCard(problem, refresh),
  )
}
