// Children that die: each comes back by itself, once, and nothing that was accepted is lost.

import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, value } from "../support/database.mjs"
import { isAlive, processesOf, roles, signal } from "../support/processes.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"
import { assertWorld } from "../support/world.mjs"

/** @type {Server} */
let server
/** @type {Customer[]} */
const paid = []

before(async () => {
  server = await Server.prepare()
  await server.start()
  const first = new Customer(server)
  await first.goLive()
  paid.push(first)
})
after(() => server?.remove())

/** How many there are of each. */
function counted() {
  const all = processesOf(server.dataDir)
  const count = (/** @type {(command: string[]) => boolean} */ isOne) => all.filter(({ command }) => isOne(command)).length
  return {
    sandboxes: count(command => command.includes("sandbox")),
    postmasters: count(command => /bin\/postgres$/.test(command[0] ?? "") && command.includes("-D")),
    haproxies: count(command => /haproxy$/.test(command[0] ?? "")), // a master and its worker
    tenants: count(command => command.includes("sample-app")),
  }
}

/** Everything runs once and answers. */
async function untilWhole() {
  const wanted = { sandboxes: 1, postmasters: 1, haproxies: 2, tenants: paid.length }
  await until("everything runs once", () => JSON.stringify(counted()) === JSON.stringify(wanted)).catch(error => {
    throw new Error(JSON.stringify(counted()), { cause: error })
  })
  await until("every dependency works", async () => (await server.get("/readyz")).status === 200)
  for (const customer of paid)
    await until(`${customer.subdomain} answers`, async () => (await server.tenant(customer.subdomain)).status === 200)
}

/** @type {Record<string, () => number | undefined>} */
const CHILDREN = {
  "a tenant's process": () => roles(server.dataDir).tenants[0]?.pid,
  "HAProxy": () => roles(server.dataDir).haproxies[0]?.pid,
  "HAProxy's worker": () => roles(server.dataDir).haproxies[1]?.pid,
  "the Stripe sandbox": () => roles(server.dataDir).sandbox?.pid,
  "PostgreSQL": () => roles(server.dataDir).postmaster?.pid,
}

for (const [name, pid] of Object.entries(CHILDREN))
  test(`${name} is killed`, async t => {
    const victim = pid() ?? 0
    assert.ok(victim > 0)
    const begun = Date.now()
    signal(victim, "SIGKILL")
    await until("another one has its place", () => pid() !== undefined && pid() !== victim)
    await untilWhole()
    t.diagnostic(`whole again after ${Date.now() - begun} ms`)
    assert.ok(server.isRunning)

    const customer = new Customer(server)
    await customer.goLive()
    paid.push(customer)
  })

test("PostgreSQL is killed while a statement does not come to an end", async () => {
  // Such a back-end does not notice, and beside it no other PostgreSQL may start.
  const endless = execute(server.dataDir, "DO $$ BEGIN LOOP END LOOP; END $$").catch(error => error)
  const orphan = await until("it runs", () =>
    value(server.dataDir, "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN LOOP%'"))
  signal(roles(server.dataDir).postmaster?.pid ?? 0, "SIGKILL")
  await untilWhole()
  await endless
  assert.ok(!isAlive(orphan))
})

test("PostgreSQL is killed under load: 503 for a moment, and everything accepted is there afterwards", async t => {
  const unpaid = Array.from({ length: 3 }, () => new Customer(server))
  for (const customer of unpaid) await customer.signUp()
  let isOver = false
  /** @type {Customer[]} */
  const accepted = []
  /** @type {Map<string, number>} */
  const answers = new Map()
  const load = Array.from({ length: 4 }, async (_, number) => {
    while (!isOver) {
      const visitor = new Customer(server)
      const answer = number % 2
        ? await server.get(`/api/subdomains/${visitor.subdomain}`, { from: visitor.address })
        : await server.post("/api/checkout", visitor.form(), { from: visitor.address })
      const kind = `${answer.status} ${answer.body?.code ?? ""}`.trim()
      answers.set(kind, (answers.get(kind) ?? 0) + 1)
      if (answer.status === 201) accepted.push(visitor)
      else if (answer.status !== 200) {
        // The sandbox keeps its state in the same cluster.
        assert.match(kind, /^(503 database_unavailable|502 stripe_unavailable)$/)
        assert.ok(Number(answer.headers["retry-after"]) > 0, kind)
      }
    }
  })
  await until("the load runs", () => accepted.length > 2 && (answers.get("200") ?? 0) > 2)
  await Promise.all(unpaid.map(customer => customer.pay()))
  paid.push(...unpaid)
  const before = roles(server.dataDir).postmaster?.pid ?? 0
  const begun = Date.now()
  signal(before, "SIGKILL")
  await until("somebody was told to come again", () => answers.has("503 database_unavailable"))
  await until("it works again", async () => (await server.get("/readyz")).status === 200)
  const late = accepted.length
  await until("sign-ups are taken again", () => accepted.length > late + 2)
  t.diagnostic(`sign-ups again after ${Date.now() - begun} ms; ${JSON.stringify(Object.fromEntries(answers))}`)
  isOver = true
  await Promise.all(load)

  for (const customer of paid) await customer.untilLive()
  await untilWhole()
  const names = accepted.map(({ subdomain }) => `'${subdomain}'`).join()
  assert.equal(await value(server.dataDir, `SELECT count(*) FROM tenants WHERE subdomain IN (${names})`), accepted.length)
  // A visitor whose page Stripe could not open has a name that is kept, and no page.
  const unpaidCount = await value(server.dataDir, "SELECT count(*) FROM signups WHERE payment <> 'paid'")
  await assertWorld(server, paid, Array.from({ length: unpaidCount }, () => new Customer(server)))
})

test("a tenant's process that always ends is told to be down, and not started in a busy loop", async () => {
  const customer = paid[1]
  const id = await value(server.dataDir, `SELECT id FROM tenants WHERE subdomain = '${customer.subdomain}'`)
  const file = join(server.dataDir, `tenants/${id}/app.json`)
  const whole = readFileSync(file)
  const { headers } = await logIn(server)
  const health = async () => (await server.get(`/api/tenants?q=${customer.subdomain}`, { headers })).body.data[0].health
  writeFileSync(file, "{}")
  const victim = roles(server.dataDir).tenants.find(({ command }) => command.join(" ").includes(`tenants/${id}/`))
  signal(victim?.pid ?? 0, "SIGKILL")
  const pauses = () =>
    [...server.logsSinceStart().matchAll(new RegExp(`tenant-${id} ended [^\\n]*again in (\\d+) ms`, "g"))].map(([, pause]) => Number(pause))
  const already = pauses().length
  await until("it was started some times", () => pauses().length >= already + 4)
  // Each pause is twice as long as the one before: that is what keeps a machine free.
  const seen = pauses().slice(already)
  for (const [index, pause] of seen.slice(1).entries()) assert.equal(pause, seen[index] * 2)
  await until("its health is down", async () => (await health()) === "down")
  const metrics = await server.get("/api/dashboard/metrics", { headers })
  assert.ok(metrics.body.attention.some((/** @type {any} */ { kind }) => kind === "tenant_down"), metrics.text)
  const page = await server.tenant(customer.subdomain)
  assert.equal(page.status, 503)
  assert.ok(Number(page.headers["retry-after"]) > 0)

  writeFileSync(file, whole)
  await until("its health is back", async () => (await health()) === "healthy")
  await customer.assertTenantAnswers()
})
