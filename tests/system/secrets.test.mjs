// After a whole journey: no secret stands where it does not belong, and a tenant's database user
// reaches its own database only.

import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { readFileSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, postgresProgram, rows } from "../support/database.mjs"
import { processesOf } from "../support/processes.mjs"
import { Server } from "../support/server.mjs"
import { askStripe, untilSettled } from "../support/world.mjs"

/** @type {Server} */
let server
const customers = /** @type {Customer[]} */ ([])
/** @type {Awaited<ReturnType<typeof logIn>>} */
let session
const WRONG_PASSWORD = "a wrong but precious password"

before(async () => {
  server = await Server.prepare({ log_level: "debug" })
  await server.start()
  for (let count = 0; count < 2; ++count) customers.push(new Customer(server))
  for (const customer of customers) await customer.goLive()
  session = await logIn(server)
  const refused = await server.post("/api/admin/login", { email: server.email, password: WRONG_PASSWORD }, { headers: { origin: server.url } })
  assert.equal(refused.status, 401)
  for (const path of ["/api/admin/me", "/api/dashboard/metrics", "/api/tenants", "/admin"])
    assert.equal((await server.get(path, { headers: session.headers })).status, 200, path)
  assert.equal((await server.get("/api/tenants", { headers: { authorization: `Bearer ${session.accessToken}` } })).status, 200)
  // Wrong tokens and signatures are the usual way into a log.
  await server.get("/api/tenants", { headers: { authorization: `Bearer ${session.accessToken}x` } })
  await server.post("/webhook/stripe", {}, { headers: { "stripe-signature": `t=1,v1=${secret("sandbox_webhook_secret")}` } })
  await untilSettled(server)
})
after(() => server?.remove())

/** @param {string} name */
const secret = name => readFileSync(join(server.dataDir, "secrets", name), "utf8").trim()

/** The address of a tenant's database with its password. @param {number} id */
function tenantDatabase(id) {
  const { database_url } = JSON.parse(readFileSync(join(server.dataDir, `tenants/${id}/app.json`), "utf8"))
  const part = (/** @type {string} */ name) => database_url.match(new RegExp(`${name}='([^']*)'`))[1]
  return { host: part("host"), user: part("user"), database: part("dbname"), password: part("password") }
}

/** Everything that must not be found, by name. */
function secrets() {
  const key = readFileSync(join(server.dataDir, "secrets/master_key"))
  const cookie = session.cookie.slice(session.cookie.indexOf("=") + 1)
  return {
    "the owner's password": [server.password],
    "a password that was typed wrongly": [WRONG_PASSWORD],
    "the access token": [session.accessToken],
    "the cookie": [cookie],
    "the CSRF token": [session.csrfToken],
    "Stripe's key": [secret("sandbox_secret_key")],
    "Stripe's webhook secret": [secret("sandbox_webhook_secret")],
    "the master key": [key.toString("hex"), key.toString("base64"), key.toString("base64url"), key.toString("latin1")],
    "PostgreSQL's password": [secret("postgres_password")],
    "a tenant's database password": [1, 2].map(id => tenantDatabase(id).password),
  }
}

/** @param {string} place @param {string} text @param {Record<string, string[]>} [wanted] */
function assertClean(place, text, wanted = secrets()) {
  for (const [name, spellings] of Object.entries(wanted))
    for (const spelling of spellings) {
      assert.ok(spelling.length >= 12, `${name} is no secret: ${spelling}`)
      const at = text.indexOf(spelling)
      assert.ok(at < 0, `${place} holds ${name}: …${text.slice(Math.max(0, at - 120), at)}`)
    }
}

/** All files below a directory. @param {string} directory @returns {string[]} */
const filesBelow = directory =>
  readdirSync(directory, { recursive: true }).map(name => join(directory, String(name))).filter(path => statSync(path).isFile())

test("not in what the program prints, nor in the box when the password was given", () => {
  assert.ok(server.logs().includes("|  Stop "), "the box is part of it")
  assertClean("the output", server.logs())
})

test("not in files beside the secrets themselves", () => {
  for (const place of ["logs", "mails", "front_door"])
    for (const file of filesBelow(join(server.dataDir, place))) assertClean(file, readFileSync(file, "latin1"))
})

test("in no table", async () => {
  const tables = await rows(server.dataDir, "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY 1")
  for (const needed of ["system_logs", "audit_logs", "jobs", "stripe_events", "mails", "idempotency_keys", "tenant_resources"])
    assert.ok(tables.some(({ relname }) => relname === needed || relname.startsWith(`${needed}_`)), needed)
  for (const { relname } of tables)
    assertClean(`the table ${relname}`, await execute(server.dataDir, `SELECT row_to_json(t)::text FROM "${relname}" t`))
})

test("in no command line, and nobody else may read an environment", () => {
  const all = processesOf(server.dataDir)
  assert.ok(all.length > 8, "the server and its children")
  for (const { pid, command } of all) {
    assertClean(`the command line of ${pid}`, command.join(" "))
    // One that has just ended has none.
    const environ = statSync(`/proc/${pid}/environ`, { throwIfNoEntry: false })
    if (environ) assert.equal(environ.mode & 0o077, 0)
  }
})

test("the owner's link stands in the mail alone", async () => {
  const links = (await rows(server.dataDir, "SELECT body FROM mails WHERE template = 'tenant_ready'")).map(
    ({ body }) => body.match(/\/access\/([\w-]+)/)[1],
  )
  assert.equal(links.length, customers.length)
  const wanted = { "an owner's link": links }
  assertClean("the output", server.logs(), wanted)
  for (const file of filesBelow(join(server.dataDir, "logs"))) assertClean(file, readFileSync(file, "latin1"), wanted)
  for (const table of ["system_logs", "audit_logs", "jobs", "activity"])
    assertClean(table, await execute(server.dataDir, `SELECT row_to_json(t)::text FROM ${table} t`), wanted)
})

test("what Stripe is told holds none either", async () => {
  for (const path of ["/v1/customers", "/v1/checkout/sessions", "/v1/subscriptions", "/v1/events"])
    assertClean(path, JSON.stringify(await askStripe(server, `${path}?limit=100`)))
})

/** What PostgreSQL says to a tenant's user. @param {ReturnType<typeof tenantDatabase>} as @param {string} database @param {string} [sql] */
function tryDatabase({ host, user, password }, database, sql = "SELECT 1") {
  const env = { PGHOST: host, PGPORT: "5432", PGUSER: user, PGPASSWORD: password, PGDATABASE: database }
  return new Promise(resolve =>
    execFile(postgresProgram("psql"), ["--no-psqlrc", "-At", "--command", sql], { env }, (error, stdout, stderr) =>
      resolve(error ? stderr : stdout.trim()),
    ),
  )
}

test("a tenant's database user reaches its own database and no other", async () => {
  const [one, other] = [tenantDatabase(1), tenantDatabase(2)]
  assert.notEqual(one.database, other.database)
  for (const tenant of [one, other]) assert.equal(await tryDatabase(tenant, tenant.database), "1")
  const closed = (await rows(server.dataDir, "SELECT datname FROM pg_database")).map(({ datname }) => datname).filter(name => name !== one.database)
  for (const name of ["onboarding", "postgres", "template0", "template1", other.database]) assert.ok(closed.includes(name), name)
  for (const name of closed) assert.match(String(await tryDatabase(one, name)), /permission denied|not currently accepting connections/, name)
  assert.match(String(await tryDatabase({ ...one, user: other.user }, other.database)), /password authentication failed/)
  assert.match(String(await tryDatabase({ ...one, user: "onboarding" }, "onboarding")), /password authentication failed/)
  for (const sql of [
    `SET ROLE ${other.user}`,
    "SET ROLE onboarding",
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT rolpassword FROM pg_authid",
    "ALTER SYSTEM SET log_statement = 'all'",
  ])
    assert.match(String(await tryDatabase(one, one.database, sql)), /permission denied|must be superuser/, sql)
})

test("a tenant's process can read no secret of ours or of another tenant", { skip: process.getuid?.() !== 0 && "needs root: tenants share our user otherwise" }, () => {
  const tenant = processesOf(server.dataDir).find(({ command }) => command.join(" ").includes("tenants/1/"))
  const uid = Number(readFileSync(`/proc/${tenant?.pid}/status`, "utf8").match(/^Uid:\s+(\d+)/m)?.[1])
  assert.ok(uid > 999_999)
  for (const path of ["secrets", "secrets/master_key", "tenants/2", "tenants/2/app.json", "logs", "mails", "tls/ca.key", "postgres/data"]) {
    const { mode, uid: owner } = statSync(join(server.dataDir, path))
    assert.ok(owner !== uid && (mode & 0o007) === 0, `${path} has mode ${mode.toString(8)}`)
  }
})

test("others on this machine, tenants among them, can open none of our files", () => {
  /** What they may reach on their way: whoever can open a file can also lock it. @param {string} directory @returns {string[]} */
  const open = directory =>
    readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
      const path = join(directory, entry.name)
      const { mode } = statSync(path)
      if (entry.isDirectory()) return mode & 0o001 ? open(path) : []
      return entry.isFile() && mode & 0o006 ? [path.slice(server.dataDir.length + 1)] : []
    })
  assert.equal(statSync(join(server.dataDir, "lock")).mode & 0o777, 0o600)
  assert.deepEqual(open(server.dataDir), ["tls/ca.pem"])
})
