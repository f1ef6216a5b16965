// The list of tenants, with what can be done about one and about many.

import "../elements/status-badge.js"
import { mdiOpenInNew } from "@mdi/js"
import { beside } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { field, formDialog } from "../elements/form-dialog.js"
import { newTenant } from "../elements/new-tenant-dialog.js"
import { rowMenu } from "../elements/row-menu.js"
import { drawStateStrip } from "../elements/state-strip.js"
import { answersAtAddress, planName, stateBadges } from "../elements/tenant-badges.js"
import { timeText } from "../elements/time-text.js"
import { request } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { followMetrics } from "../lib/metrics.js"
import { rule } from "../lib/rules.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../elements/tenant-badges.js").Tenant} Tenant */
/** @typedef {import("../elements/data-table/bulk.js").Action} Action */

const table = byId("table", DataTable)
/** @type {import("../elements/state-strip.js").StateCount[]} */
let stateCounts = []
let mayChange = false

startConsole().then(
  user => {
    mayChange = user.scopes.includes("tenants:write")
    connectNewTenant()
    loadStateCounts()
    return table.start(declaration())
  },
  () => {},
)

/** @returns {import("../elements/data-table/data-table.js").Table<Tenant>} */
const declaration = () => ({
  path: "/api/tenants",
  list: "tenants",
  title: t("tenants.title"),
  heads: id => label("column.tenants", id),
  order: "-created_at",
  search: { ...rule("GET /api/tenants", "q"), label: t("tenants.search") },
  keep: ["new"],
  filters: [
    { ...rule("GET /api/tenants", "state"), words: value => label("state", value) },
    { ...rule("GET /api/tenants", "plan"), load: loadPlans, words: planName },
    { ...rule("GET /api/tenants", "health"), words: value => label("health", value) },
    { ...rule("GET /api/tenants", "subscription"), words: value => label("subscription", value) },
  ],
  columns: [
    { id: "subdomain", sort: "subdomain", cell: nameCell },
    {
      id: "company",
      sort: "company",
      exported: ["company", "customer_email"],
      cell: ({ company, customer_email: email }) => [
        h("span", { class: "table-name block", title: company, dir: "auto" }, company),
        h("span", { class: "table-name block text-soft", title: email }, email),
      ],
    },
    { id: "plan", cell: ({ plan }, only) => only("plan", plan, planName(plan)) },
    {
      id: "state",
      first: true,
      exported: ["state", "holds", "maintenance"],
      cell: (tenant, only) => {
        const [state, ...others] = stateBadges(tenant)
        const place = { class: "inline-grid justify-items-start gap-1 align-middle" }
        return h("span", place, only("state", tenant.state, state), ...others)
      },
    },
    {
      id: "health",
      first: true,
      cell: ({ health }, only) => only("health", health, h("status-badge", { kind: "health", value: health })),
    },
    { id: "backed_up_at", numeric: true, cell: ({ backed_up_at: time }) => time && timeText(time) },
    {
      id: "mrr",
      numeric: true,
      exported: ["mrr.currency", "mrr.amount"],
      cell: ({ mrr }) => mrr && formatMoney(mrr),
    },
    { id: "created_at", sort: "created_at", numeric: true, cell: ({ created_at: time }) => timeText(time) },
    { id: "live_at", numeric: true, hidden: true, cell: ({ live_at: time }) => time && timeText(time) },
    { id: "customer_id", hidden: true, cell: ({ customer_id: id }) => h("code", {}, id) },
    { id: "provisioner", hidden: true, cell: ({ provisioner }) => h("code", {}, provisioner) },
  ],
  name: ({ subdomain }) => subdomain,
  actions: tenant =>
    rowMenu(t("menu.actions_for", { name: tenant.subdomain }), [
      answersAtAddress(tenant) && { text: t("tenants.open", { address: addressOf(tenant) }), href: tenant.url },
      { text: t("tenant.config"), href: `/admin/tenants/${tenant.id}/config` },
      mayChange && answersAtAddress(tenant) && { text: t("danger.restart_menu"), onclick: () => restart(tenant) },
    ]),
  bulk: mayChange && {
    path: "/api/tenants",
    title: t("bulk.title"),
    heading: label("column.tenants", "subdomain"),
    href: id => `/admin/tenants/${id}`,
    hint: t("bulk.tenant_reason_hint"),
    actions: bulkActions(),
  },
  none: {
    title: t("tenants.none"),
    text: t("tenants.none_text"),
    action: h("a", { class: "button", href: "/" }, t("dashboard.open_sign_up")),
  },
  live: look => followActivity(look),
  drawn: drawStrip,
})

/** @returns {Action[]} */
function bulkActions() {
  const titles = /** @type {[string, (count: number) => string][]} */ ([
    ["resume", count => t("bulk.ask_resume", { count })],
    ["backup", count => t("bulk.ask_backup", { count })],
    ["restart", count => t("bulk.ask_restart", { count })],
    ["change_plan", count => t("bulk.ask_change_plan", { count })],
    ["suspend", count => t("bulk.ask_suspend", { count })],
  ])
  return titles.map(([name, title]) => ({
    name,
    // Where it is one, the question names it.
    title: (count, tenant) => (tenant === undefined ? title(count) : label("bulk_ask", name, name, { name: tenant })),
    label: label("bulk_action", name),
    effect: count => label("bulk_effect", name, name, { count }),
    danger: name !== "resume" && name !== "backup",
    ...(name === "change_plan" && { fields: planFields }),
  }))
}

async function planFields() {
  const plan = h("select", { class: "input", name: "to_plan" })
  fill(plan, ...(await loadPlans()).map(([value, name]) => h("option", { value }, name)))
  return [field(label("column.tenants", "plan"), plan)]
}

/** @returns {Promise<[string, string][]>} */
async function loadPlans() {
  /** @type {import("../lib/plans.js").PriceList} */
  const { plans } = await request("GET", "/api/plans")
  return plans.map(({ id, name }) => [id, name])
}

/** @param {Tenant} tenant */
const addressOf = ({ url }) => url.replace(/^https?:\/\//, "")

/** @param {Tenant} tenant */
function nameCell(tenant) {
  const open =
    answersAtAddress(tenant) &&
    h(
      "a",
      {
        class: "screen-only grid size-6 flex-none place-items-center max-sm:hidden",
        href: tenant.url,
        "aria-label": t("tenants.open", { address: addressOf(tenant) }),
      },
      icon(mdiOpenInNew),
    )
  const link = h(
    "a",
    { class: "table-name inline-block py-0.5", href: `/admin/tenants/${tenant.id}` },
    tenant.subdomain,
  )
  return h("span", { class: "flex items-center gap-1" }, link, open)
}

/** Restarts one tenant, after a question. @param {Tenant} tenant */
async function restart({ id, subdomain }) {
  const answer = beside(id)
  const done = await formDialog({
    title: t("danger.restart_title", { name: subdomain }),
    lead: t("danger.restart_text"),
    fields: [],
    action: t("danger.restart_action"),
    submit: () => staffRequest("POST", `/api/tenants/${id}/restart`),
  })
  if (done) answer(notice("positive", t("danger.restart_done")))
}

function connectNewTenant() {
  if (!mayChange) return
  const button = byId("new-tenant", HTMLButtonElement)
  const open = () => newTenant().catch(problem => beside(button)(failedCard(problem)))
  button.hidden = false
  button.addEventListener("click", open)
  if (new URLSearchParams(location.search).has("new")) open()
}

/** @param {() => void} look */
function followActivity(look) {
  let last = ""
  followMetrics(metrics => {
    const newest = JSON.stringify([metrics.activity[0]?.id, metrics.active_tenants, metrics.pending])
    if (last !== "" && last !== newest) {
      loadStateCounts()
      look()
    }
    last = newest
  })
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
  const chosen = table.shown?.filters.state ?? []
  drawStateStrip(byId("state-strip", HTMLElement), stateCounts, chosen, states => table.filter("state", states))
}
