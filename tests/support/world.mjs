// Compares what the database says with what is really there: processes, roles, databases,
// directories, ports, routes, mails, and the sandbox's money. One tenant per payment, no orphan.

import assert from "node:assert/strict"
import { readFileSync, readdirSync, existsSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { execute, rows, value } from "./database.mjs"
import { send } from "./http.mjs"
import { roles } from "./processes.mjs"
import { run } from "./server.mjs"
import { until } from "./until.mjs"

/** @typedef {import("./server.mjs").Server} Server */
/** @typedef {import("./customer.mjs").Customer} Customer */

/** @param {string[]} words */
const sorted = words => [...words].sort()

/** Nothing is due any more: every job has ended, but for those that come round or lie in the future. */
/** @param {Server} server */
export async function untilSettled(server) {
  await until("no job is due", async () => {
    const due = await value(
      server.dataDir,
      `SELECT count(*) FROM jobs WHERE (state = 'running' OR state = 'waiting' AND run_at <= now() + interval '1 minute')
          AND schedule IS NULL`,
    )
    return due === 0
  }, { every: 100 })
}

/** Asks the sandbox as the product would. @param {Server} server @param {string} path */
export async function askStripe(server, path) {
  const key = readFileSync(join(server.dataDir, "secrets/sandbox_secret_key"), "utf8").trim()
  const answer = await send(server.sandboxUrl + path, { headers: { authorization: `Bearer ${key}` } })
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

/** One command on HAProxy's runtime socket. @param {Server} server @param {string} command @returns {Promise<string>} */
function askFrontDoor(server, command) {
  return new Promise((resolve, reject) => {
    const socket = connect(join(server.dataDir, "front_door/runtime.sock"))
    let text = ""
    socket.on("error", reject)
    socket.on("data", chunk => (text += chunk))
    socket.on("end", () => resolve(text))
    socket.write(`${command}\n`)
  })
}

/** Host → value, in the map file and in the running HAProxy, which must agree. @param {Server} server */
export async function routes(server) {
  const file = join(server.dataDir, "front_door/hosts.map")
  const pairs = (/** @type {string} */ text, /** @type {number} */ skip) =>
    sorted(text.split("\n").map(line => line.trim().split(" ").slice(skip).join(" ")).filter(Boolean))
  const kept = pairs(readFileSync(file, "utf8"), 0)
  assert.deepEqual(pairs(await askFrontDoor(server, "show map hosts.map"), 1), kept, "HAProxy runs with what the file says")
  return kept
}

/**
 * `paid` customers have one running tenant each, `unpaid` ones none, and nothing else is there.
 * @param {Server} server @param {Customer[]} paid @param {Customer[]} [unpaid]
 */
export async function assertWorld(server, paid, unpaid = []) {
  await untilSettled(server)
  // After a start the doors open first.
  await until("no tenant is on its way", () => !readFileSync(join(server.dataDir, "front_door/hosts.map"), "utf8").includes(" starting"))
  const tenants = await rows(
    server.dataDir,
    `SELECT t.id, t.subdomain, t.state, t.attempt, s.payment, c.email,
            (SELECT count(*) FROM activity e WHERE e.tenant_id = t.id AND e.data->>'to_state' = 'live' AND e.data->>'from_state' = 'provisioning') AS times_live,
            (SELECT count(*) FROM provisioning_steps p WHERE p.tenant_id = t.id AND p.state <> 'done') AS steps_open,
            (SELECT json_object_agg(r.kind, r.name) FROM tenant_resources r WHERE r.tenant_id = t.id AND r.state = 'present') AS present,
            (SELECT count(*) FROM tenant_resources r WHERE r.tenant_id = t.id AND r.state = 'planned') AS planned
       FROM tenants t JOIN signups s ON s.tenant_id = t.id JOIN customers c ON c.id = t.customer_id ORDER BY t.id`,
  )
  const live = tenants.filter(({ payment }) => payment === "paid")
  assert.deepEqual(sorted(live.map(({ subdomain }) => subdomain)), sorted(paid.map(({ subdomain }) => subdomain)), "one tenant per payment")
  assert.equal(tenants.length, paid.length + unpaid.length)
  for (const tenant of live) {
    const { state, times_live, steps_open, planned } = tenant
    assert.deepEqual({ state, times_live, steps_open, planned }, { state: "live", times_live: 1, steps_open: 0, planned: 0 }, tenant.subdomain)
    assert.deepEqual(sorted(Object.keys(tenant.present)), ["database", "directory", "port", "process", "role", "route"])
  }
  await assertThingsMatch(server, live)
  await assertTold(server, paid)
  await assertMoney(server, paid)
  for (const customer of paid) await customer.assertTenantAnswers()
}

/** @param {Server} server @param {any[]} live */
async function assertThingsMatch(server, live) {
  const { dataDir } = server
  const listed = (/** @type {string} */ text) => sorted(text.split("\n").filter(Boolean))
  const named = (/** @type {string} */ kind) => sorted(live.map(({ present }) => present[kind]))
  assert.deepEqual(listed(await execute(dataDir, "SELECT rolname FROM pg_roles WHERE rolname LIKE '%\\_tenant\\_%'")), named("role"))
  assert.deepEqual(listed(await execute(dataDir, "SELECT datname FROM pg_database WHERE datname LIKE '%\\_tenant\\_%'")), named("database"))
  const directory = join(dataDir, "tenants")
  const directories = existsSync(directory) ? readdirSync(directory).map(name => join(directory, name)) : []
  assert.deepEqual(sorted(directories), named("directory"))

  await until("each tenant's process runs once", () => {
    const running = roles(dataDir).tenants.map(({ command }) => `tenant-${command.join(" ").match(/tenants\/(\d+)\//)?.[1]}`)
    return JSON.stringify(sorted(running)) === JSON.stringify(named("process"))
  })
  for (const { id, present } of live) {
    const health = await until(`port ${present.port} answers`, () => send(`http://127.0.0.1:${present.port}/healthz`))
    assert.equal(health.headers["x-tenant-id"], `ten_${id}`)
  }
  assert.deepEqual(await routes(server), sorted(live.map(({ present }) => `${present.route} 127.0.0.1:${present.port}`)))
}

/** Each customer heard once that the money came and once that the tenant runs. @param {Server} server @param {Customer[]} paid */
async function assertTold(server, paid) {
  const mails = await rows(server.dataDir, "SELECT id, template, recipient, state FROM mails ORDER BY id")
  const told = mails.map(({ template, recipient }) => `${recipient} ${template}`)
  assert.deepEqual(sorted(told), sorted(paid.flatMap(({ email }) => [`${email} payment_received`, `${email} tenant_ready`])))
  assert.ok(mails.every(({ state }) => state === "kept"), JSON.stringify(mails))
  assert.deepEqual(sorted(readdirSync(join(server.dataDir, "mails"))), sorted(mails.map(({ id }) => `${id}.eml`)))
}

/** Every customer pays once, is counted once, and gets nothing back. @param {Server} server @param {Customer[]} paid */
async function assertMoney(server, paid) {
  const { dataDir } = server
  const subscriptions = (await askStripe(server, "/v1/subscriptions?limit=100&status=all")).data
  assert.equal(subscriptions.length, paid.length)
  assert.ok(subscriptions.every((/** @type {any} */ { status }) => status === "active"))
  // What was under way when something died is taken up again after its claim has run out. A customer
  // whom Stripe made, and whose answer was lost, is nobody's until the visitor comes back.
  await until("every event is worked off", async () =>
    (await value(dataDir, `SELECT count(*) FROM stripe_events WHERE state NOT IN ('applied', 'ignored')
                              AND NOT (state = 'unlinked' AND type = 'customer.created')`)) === 0)
  assert.deepEqual((await askStripe(server, "/v1/refunds?limit=100")).data, [])
  const books = (await rows(
    dataDir,
    `SELECT (SELECT count(*) FROM subscriptions WHERE status = 'active') AS subscriptions,
            (SELECT count(*) FROM mrr_movements WHERE kind = 'new' AND policy = 'recurring' AND upper_inf(believed)) AS movements,
            (SELECT count(*) FROM mrr_movements WHERE policy = 'recurring' AND upper_inf(believed)) AS all_movements,
            (SELECT count(*) FROM billing_invoices WHERE status = 'paid') AS invoices,
            (SELECT count(*) FROM billing_refunds) AS refunds,
            (SELECT count(*) FROM jobs WHERE state = 'dead') AS jobs_dead`,
  ))[0]
  const { length } = paid
  assert.deepEqual(books, {
    subscriptions: length, movements: length, all_movements: length, invoices: length, refunds: 0, jobs_dead: 0,
  })
  const audit = await run(["audit", "verify"], { settings: { data_dir: dataDir } })
  assert.equal(audit.code, 0, audit.output)
}
