// Nodes beside the first one: a server without jobs, and a worker without HTTP, sharing nothing but
// the database and the key.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { Customer } from "../support/customer.mjs"
import { rows, value } from "../support/database.mjs"
import { freePorts, run, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"
import { directoryWithKey, sharedSettings, Worker } from "../support/worker.mjs"

/** @type {Server} */
let server
/** @type {Worker | undefined} */
let worker
before(async () => {
  server = await Server.prepare()
  await server.start(["--no-jobs"])
})
after(async () => {
  await worker?.kill9()
  await server?.remove()
})

const waiting = () => value(server.dataDir, "SELECT count(*) FROM jobs WHERE state = 'waiting' AND run_at <= now()")

test("a worker does what a server without jobs leaves, but for tenants, which are the server's", async () => {
  const customer = new Customer(server)
  await customer.signUp()
  await customer.pay()
  await until("the payment's events are stored", waiting)
  assert.equal(await value(server.dataDir, "SELECT count(*) FROM jobs WHERE state <> 'waiting'"), 0)

  worker = new Worker(server)
  await until("the customer is told", () =>
    value(server.dataDir, "SELECT count(*) FROM mails WHERE template = 'payment_received' AND state = 'kept'"))
  await until("only the tenant is left", async () => {
    const left = await rows(server.dataDir, "SELECT DISTINCT kind FROM jobs WHERE state IN ('waiting', 'running') AND run_at <= now()")
    return left.length === 1 && left[0].kind === "tenants.reconcile"
  })
  assert.equal(await value(server.dataDir, "SELECT state FROM tenants"), "queued")
  assert.equal(await value(server.dataDir, "SELECT attempt FROM jobs WHERE kind = 'tenants.reconcile'"), 0)
  const names = await rows(server.dataDir, "SELECT DISTINCT worker FROM jobs WHERE worker IS NOT NULL")
  assert.deepEqual(names, [{ worker: worker.node }])

  // The server comes back with jobs, and the worker outlives its database's pause.
  await server.restart()
  await customer.untilLive()
  await customer.assertTenantAnswers()

  assert.equal(await worker.stop(), 0)
})

test("a second full server on the same database is refused before it touches anything", async () => {
  const [http_port, tenant_port, sandbox_port] = await freePorts(3)
  const endpoints = () =>
    rows(server.dataDir, "SELECT data->>'url' AS url FROM stripe_sandbox.objects WHERE type = 'webhook_endpoint'")
  const before = await endpoints()
  assert.deepEqual(before, [{ url: `${server.url}/webhook/stripe` }])
  const second = await run(["serve"], {
    settings: {
      data_dir: directoryWithKey(server, "second"),
      database_url: sharedSettings(server).database_url,
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
