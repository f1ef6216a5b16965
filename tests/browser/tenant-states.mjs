// A tenant in the middle of its life, with everything its pages can show: what the API says is replaced, the pages are real.

import { everythingSaid, said } from "./said.mjs"

/** @typedef {import("./support.mjs").Page} Page */

const HOUR = 3600
const DAY = 24 * HOUR
const MIB = 1024 ** 2

/** @param {number} seconds */
const ago = seconds => new Date(Date.now() - seconds * 1000).toISOString()
/** @param {unknown[]} data */
const paged = data => ({ data, next_cursor: null, has_more: false })

const TENANT = {
  id: "ten_7",
  version: 4,
  subdomain: "panaderia-and-sons-of-the-long-name",
  url: "http://panaderia-and-sons-of-the-long-name.example.com:8080",
  company: "Panadería & Sons of the Long Name",
  customer_id: "cus_7",
  customer_email: "grace@panaderia-and-sons.example",
  plan: "team",
  plan_quantity: 3,
  state: "live",
  health: "degraded",
  holds: [],
  maintenance: {
    active: false,
    from: ago(-HOUR),
    until: ago(-2 * HOUR),
    message: "El sábado cambiamos el disco. Back at noon.",
  },
  subscription_status: "active",
  mrr: { currency: "eur", amount: 4900 },
  provisioner: "incus",
  blueprint: "odoo",
  created_at: ago(90 * DAY),
  live_at: ago(90 * DAY),
  max_users: 25,
  storage_limit_mib: 20480,
  memory_limit_mib: 1024,
  cpu_limit_percent: 100,
  process_limit: 300,
  limits_applied: false,
  limits_problem: said("failed", { failure: "limit_below_use" }),
  holds_detail: [
    { reason: "quota", placed_at: ago(DAY), placed_by: "monitoring", note: null, message: null, expires_at: null },
    {
      reason: "admin",
      placed_at: ago(HOUR),
      placed_by: "owner@example.com",
      note: null,
      message: said("deletion_requested"),
      expires_at: null,
    },
    {
      reason: "abuse",
      placed_at: ago(2 * HOUR),
      placed_by: "owner@example.com",
      note: "Sends thousands of mails; case 4711",
      message: null,
      expires_at: ago(-2 * DAY),
    },
  ],
  aliases: [{ subdomain: "panaderia", expires_at: ago(-80 * DAY) }],
  archived_at: null,
  restorable_until: null,
  backed_up_at: ago(5 * HOUR),
  application_version: "17.0-20260101",
  member: "node-2",
  quota: { used_mib: 18900, limit_mib: 20480, warned_at: ago(DAY), deadline: ago(-13 * DAY) },
  steps: [],
  failure: null,
}

const OPERATIONS = [
  operation("op_9", "backup", "running", { stage: "safety_backup" }),
  operation("op_8", "restore", "failed", { error_code: "archive_damaged", error_detail: "checksum" }),
  operation("op_7", "restart", "succeeded", {}),
]

/** @param {string} id @param {string} kind @param {string} state @param {object} more */
function operation(id, kind, state, more) {
  const ended = ["succeeded", "failed"].includes(state)
  return {
    id,
    kind,
    state,
    stage: null,
    result: null,
    error_code: null,
    error_detail: null,
    requested_by: "owner@example.com",
    created_at: ago(HOUR),
    started_at: ago(HOUR - 2),
    finished_at: ended ? ago(HOUR - 40) : null,
    ...more,
  }
}

const terms = { percent_off: null, amount_off: null, currency: null, months: null, ends_at: null }
const DISCOUNTS = {
  data: [
    { ...terms, code: "AVERYLONGCODETHATSOMEBODYHASTHOUGHTOFONCE", percent_off: 12.5, duration: "once" },
    {
      ...terms,
      code: null,
      amount_off: 5000,
      currency: "jpy",
      duration: "repeating",
      months: 3,
      ends_at: ago(-40 * DAY),
    },
    { ...terms, code: "OLD", duration: null },
  ],
  is_billed: true,
  next_invoice: { currency: "eur", amount: 123_456_700, date: ago(-12 * DAY) },
}

const BACKUPS = [
  backup("bak_9", "manual", "running", { size_bytes: null, files: null, finished_at: null }),
  backup("bak_8", "scheduled", "verified", { tested_at: ago(HOUR), verified_at: ago(5 * HOUR) }),
  backup("bak_7", "before_restore", "stored", {}),
  backup("bak_6", "scheduled", "damaged", { error_code: "archive_damaged", error_detail: "sha256" }),
]

/** @param {string} id @param {string} reason @param {string} state @param {object} more */
function backup(id, reason, state, more) {
  return {
    id,
    reason,
    state,
    target: "file",
    blueprint: "odoo",
    size_bytes: 734 * MIB,
    files: 5120,
    sha256: "0".repeat(64),
    requested_by: "system",
    started_at: ago(5 * HOUR),
    finished_at: ago(5 * HOUR - 90),
    verified_at: null,
    tested_at: null,
    test_result: null,
    expires_at: ago(-25 * DAY),
    error_code: null,
    error_detail: null,
    ...more,
  }
}

/** @param {string} domain @param {string} state @param {object} more */
const domain = (domain, state, more) => ({
  domain,
  name: domain,
  state,
  problem: null,
  found: null,
  expected: "panaderia.example.com",
  issuer: null,
  not_after: null,
  checked_at: ago(HOUR),
  attempts: 0,
  next_attempt_at: null,
  ...more,
})

const DOMAINS = [
  domain("erp.panaderia.example", "active", { issuer: "Let's Encrypt", not_after: ago(-60 * DAY) }),
  domain("tienda.panaderia.example", "waiting_for_dns", { problem: "points_elsewhere", found: "203.0.113.9" }),
  domain("pedidos.panaderia.example", "waiting_for_certificate", {
    problem: "acme_failed",
    found: "CAA record for panaderia.example prevents issuance",
    attempts: 2,
    next_attempt_at: ago(-HOUR),
  }),
  domain("una-direccion-de-nombre-muy-largo.panaderia.example", "certificate_failed", {
    problem: "certificate_expired",
    issuer: "Let's Encrypt",
    not_after: ago(DAY),
  }),
]

const HEALTH = {
  status: "degraded",
  uptime: { seconds: 3 * DAY, percent_30d: 99.87, percent_90d: 99.95, days: days() },
  resource_usage: {
    cpu_percent: 41.5,
    memory_bytes: 790 * MIB,
    memory_limit_bytes: 1024 * MIB,
    disk_bytes: 18900 * MIB,
    disk_limit_bytes: 20480 * MIB,
    network_in_bytes: 12 * MIB,
    network_out_bytes: 48 * MIB,
    processes: 87,
    at: ago(30),
  },
  latency_ms: 142,
  version: "17.0-20260101",
}

function days() {
  return Array.from({ length: 80 }, (_, index) => ({
    day: ago((79 - index) * DAY).slice(0, 10),
    probes: 2880,
    down: index === 40 ? 37 : 0,
    degraded: index === 41 || index === 79 ? 120 : 0,
  }))
}

/** A day of measures, as the API sends them. */
function usage() {
  /** @param {string} definition @param {Record<string, unknown>} unit @param {number | null} limit @param {Record<string, (index: number) => number>} lines */
  const measured = (definition, unit, limit, lines) => ({
    definition,
    unit: { decimals: 0, currency: null, ...unit },
    axis: "moments",
    range: null,
    columns: Object.keys(lines).map(id => ({ id, mark: "line" })),
    rows: Array.from({ length: 96 }, (_, index) => ({
      key: ago((95 - index) * 900),
      complete: index < 95,
      values: Object.values(lines).map(value => Math.round(value(index))),
      drill: null,
    })),
    comparison: null,
    limit,
  })
  return [
    measured("tenant_cpu", { kind: "percent", decimals: 2 }, 10_000, {
      cpu: index => 3000 + 2500 * Math.sin(index / 9),
    }),
    measured("tenant_memory", { kind: "bytes" }, 1024 * MIB, { memory: index => (600 + index * 2) * MIB }),
    measured("tenant_disk", { kind: "bytes" }, 20480 * MIB, { disk: index => (18000 + index * 9) * MIB }),
    measured("tenant_network", { kind: "bytes" }, null, {
      in: index => (4 + (index % 7)) * MIB,
      out: index => (20 + (index % 11)) * MIB,
    }),
    measured("tenant_processes", { kind: "count" }, 300, { processes: index => 80 + (index % 9) }),
  ]
}

const FINDINGS = [
  finding("fnd_3", "orphan", "instance", "ten-4711-left", null, said("belongs_to_nobody")),
  finding(
    "fnd_2",
    "ghost",
    "route",
    "panaderia.example.com",
    "ten_7",
    said("leads_nowhere", { wanted: "10.0.0.9:8069" }),
  ),
  finding(
    "fnd_1",
    "drift",
    "limits",
    "ten-7",
    "ten_7",
    said("other_limits", { found: "memory=2048MiB", wanted: "memory=1024MiB" }),
  ),
]

/**
 * @param {string} id @param {string} kind @param {string} subject @param {string} name @param {string | null} tenant
 * @param {import("../../web/src/lib/say.js").Said} message
 */
function finding(id, kind, subject, name, tenant, message) {
  return {
    id,
    kind,
    actions: kind === "orphan" ? ["adopt", "destroy", "ignore"] : ["heal", "ignore"],
    name,
    subject,
    tenant_id: tenant,
    message,
    first_seen: ago(3 * HOUR),
    last_seen: ago(300),
    resolved_at: null,
    resolved_by: null,
    resolution: null,
  }
}

const PLACES = [
  {
    blueprint: "odoo",
    plan: "team",
    ready: 2,
    building: 1,
    target: 3,
    p95_pooled_seconds: 4.2,
    p95_cold_seconds: 96.4,
  },
  {
    blueprint: "tryton",
    plan: "starter",
    ready: 0,
    building: 0,
    target: 1,
    p95_pooled_seconds: null,
    p95_cold_seconds: 41,
  },
]

/** @param {string} what @param {string} progress @param {string | null} at @param {object} [more] */
const next = (what, progress, at, more = {}) => ({
  what,
  progress,
  at,
  invoice: null,
  currency: null,
  amount: null,
  hold: null,
  ...more,
})
const UNPAID = { invoice: "A1B2C3D4-0007", currency: "eur", amount: 4900 }
/** Everything that can come to a tenant by itself. */
const NEXT = {
  tenant_id: "ten_7",
  customer_id: "cus_7",
  as_of: ago(0),
  is_paused: false,
  not_before: ago(-2 * DAY),
  data: [
    next("first_mail", "done", ago(8 * DAY), UNPAID),
    next("second_mail", "skipped", ago(5 * DAY), UNPAID),
    next("third_mail", "done", ago(DAY), UNPAID),
    next("payment_attempt", "coming", ago(-HOUR), UNPAID),
    next("warning", "coming", ago(-2 * DAY), UNPAID),
    next("hold", "coming", ago(-6 * DAY), UNPAID),
    next("trial_end", "coming", ago(-7 * DAY)),
    next("collection_resumes", "coming", ago(-8 * DAY)),
    next("hold_end", "coming", ago(-9 * DAY), { hold: "abuse" }),
    next("renewal", "coming", ago(-20 * DAY)),
    next("subscription_end", "coming", ago(-21 * DAY)),
    next("archive", "coming", ago(-22 * DAY), UNPAID),
    next("purge", "waiting", null, UNPAID),
  ],
}

const PLAN_ORDER = {
  plan: "starter",
  plan_name: "Starter",
  quantity: 2,
  state: "scheduled",
  takes_effect_at: ago(-12 * DAY),
  pay_url: null,
  amount: 3800,
  currency: "eur",
  asked_at: ago(DAY),
}

/** @param {Page} page @param {string} path @param {unknown} json */
const answer = (page, path, json) =>
  page.route(
    url => url.pathname === path,
    route => route.fulfill({ json }),
  )

/** The tenant `ten_7`, in the state and with the facts that are asked for. @param {Page} page @param {object} [facts] */
export async function showTenant(page, facts = {}) {
  const path = `/api/tenants/${TENANT.id}`
  await answer(page, path, { ...TENANT, ...facts })
  await answer(page, `${path}/events`, paged([]))
  await answer(page, `${path}/what-happens-next`, NEXT)
  await answer(page, `${path}/plan-order`, { order: PLAN_ORDER })
  await answer(page, `${path}/discount`, DISCOUNTS)
  await answer(page, `${path}/discount/preview`, { next_invoice: DISCOUNTS.next_invoice })
  await answer(page, `${path}/operations`, paged(OPERATIONS))
  await answer(page, `${path}/backups`, paged(BACKUPS))
  await answer(page, `${path}/domains`, paged(DOMAINS))
  await answer(page, `${path}/health`, HEALTH)
  await answer(page, `${path}/usage`, { data: usage() })
  await answer(page, `${path}/logs`, { data: ["12:00:01 INFO odoo: started", "12:00:02 WARNING odoo: slow query"] })
}

/** Archived: only what brings it back or ends it is offered. @param {Page} page */
export const showArchivedTenant = page =>
  showTenant(page, {
    state: "archived",
    holds: ["admin"],
    archived_at: ago(3 * DAY),
    restorable_until: ago(-27 * DAY),
  })

/** @param {Page} page */
export async function showFindings(page) {
  const said = await everythingSaid()
  const others = said.map((message, index) =>
    finding(`fnd_${100 + index}`, "stranger", "instance", message.code, null, message),
  )
  await answer(page, "/api/tenants/findings", paged([...FINDINGS, ...others]))
}

/** @param {Page} page */
export async function showPool(page) {
  await answer(page, "/api/tenants/pool", { data: PLACES })
}

/** The login behind the link, or why there is none. @param {Page} page @param {number} status */
export async function showAccess(page, status) {
  const login = { login: "admin", password: "correct-horse-battery", url: "http://acme.example.com:8080" }
  const problem = { type: "/problems/access_used", title: "", status, code: "access_used", request_id: "req_1" }
  await page.route("**/access/shown", route =>
    route.request().method() === "POST"
      ? route.fulfill({
          status,
          contentType: "application/json",
          body: JSON.stringify(status === 200 ? login : problem),
        })
      : route.continue(),
  )
}
