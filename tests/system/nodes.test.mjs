// Nodes beside the first one: a server without jobs, and a worker without HTTP, sharing nothing but
// the database and the key.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Customer } from "../support/customer.mjs"
import { rows, value } from "../support/database.mjs"
import { BINARY, environment, freePorts, run, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

/** @type {Server} */
let server
/** @type {import("node:child_process").ChildProcess | undefined} */
let worker
before(async () => {
  server = await Server.prepare()
  await server.start(["--no-jobs"])
})
after(async () => {
  worker?.kill("SIGKILL")
  await server?.remove()
})

/** A worker in a directory of its own; the servers' key is all that it gets. */
function startWorker() {
  const dataDir = join(server.directory, "worker")
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  mkdirSync(join(dataDir, "secrets"), { mode: 0o700 })
  copyFileSync(join(server.dataDir, "secrets/master_key"), join(dataDir, "secrets/master_key"))
  const secret = (/** @type {string} */ name) => readFileSync(join(server.dataDir, "secrets", name), "utf8").trim()
  const settings = {
    data_dir: dataDir,
    database_url: `postgresql://onboarding:${secret("postgres_password")}@/onboarding?host=${server.dataDir}/postgres/socket`,
    public_url: server.url,
    tenant_port: server.tenantPort,
    stripe_api_base: server.sandboxUrl,
    stripe_secret_key: secret("sandbox_secret_key"),
  }
  worker = spawn(BINARY, ["worker"], { cwd: server.directory, env: environment(settings), stdio: ["ignore", "ignore", "inherit"] })
  return worker
}

const waiting = () => value(server.dataDir, "SELECT count(*) FROM jobs WHERE state = 'waiting' AND run_at <= now()")

test("a worker does what a server without jobs leaves, but for tenants, which are the server's", async () => {
  const customer = new Customer(server)
  await customer.signUp()
  await customer.pay()
  await until("the payment's events are stored", waiting)
  assert.equal(await value(server.dataDir, "SELECT count(*) FROM jobs WHERE state <> 'waiting'"), 0)

  const child = startWorker()
  await until("the customer is told", () =>
    value(server.dataDir, "SELECT count(*) FROM mails WHERE template = 'payment_received' AND state = 'kept'"))
  await until("only the tenant is left", async () => {
    const left = await rows(server.dataDir, "SELECT DISTINCT kind FROM jobs WHERE state IN ('waiting', 'running') AND run_at <= now()")
    return left.length === 1 && left[0].kind === "tenants.reconcile"
  })
  assert.equal(await value(server.dataDir, "SELECT state FROM tenants"), "queued")
  assert.equal(await value(server.dataDir, "SELECT attempt FROM jobs WHERE kind = 'tenants.reconcile'"), 0)
  const names = await rows(server.dataDir, "SELECT DISTINCT worker FROM jobs WHERE worker IS NOT NULL")
  assert.deepEqual(names, [{ worker: `${hostname()}:worker:${child.pid}` }])

  // The server comes back with jobs, and the worker outlives its database's pause.
  await server.restart()
  await customer.untilLive()
  await customer.assertTenantAnswers()

  const ended = new Promise(resolve => child.once("exit", resolve))
  child.kill("SIGTERM")
  assert.equal(await ended, 0)
})

test("a second full server on the same database is refused before it touches anything", async () => {
  const dataDir = join(server.directory, "second")
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  mkdirSync(join(dataDir, "secrets"), { mode: 0o700 })
  copyFileSync(join(server.dataDir, "secrets/master_key"), join(dataDir, "secrets/master_key"))
  const password = readFileSync(join(server.dataDir, "secrets/postgres_password"), "utf8").trim()
  const [http_port, tenant_port, sandbox_port] = await freePorts(3)
  const endpoints = () =>
    rows(server.dataDir, "SELECT data->>'url' AS url FROM stripe_sandbox.objects WHERE type = 'webhook_endpoint'")
  const before = await endpoints()
  assert.deepEqual(before, [{ url: `${server.url}/webhook/stripe` }])
  const second = await run(["serve"], {
    settings: {
      data_dir: dataDir,
      database_url: `postgresql://onboarding:${password}@/onboarding?host=${server.dataDir}/postgres/socket`,
      http_port,
      tenant_port,
      sandbox_port,
    },
  })
  assert.notEqual(second.code, 0)
  assert.match(second.output, new RegExp(`${server.dataDir}.* holds the tenants of this database`))
  assert.deepEqual(await endpoints(), before)
  const customer = new Customer(server)
  await customer.signUp()
  await customer.pay()
  await customer.untilLive()
  await customer.assertTenantAnswers()
})
