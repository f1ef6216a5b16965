// A worker builds tenants where they are containers. Addresses and archives stay with servers that have
// a front door: what needs one waits for it, says so, and goes on by itself.
//
// The database, the sandbox and the pages belong to a node that answers requests only; servers with a
// front door come and go beside it.

import assert from "node:assert/strict"
import { hostname } from "node:os"
import { after, before, describe, test } from "node:test"
import { installBrake, releaseBrake, setBrake, untilHeld } from "../support/brake.mjs"
import { Customer, logIn } from "../support/customer.mjs"
import { rows, value } from "../support/database.mjs"
import { buildImage, Incus, Installation } from "../support/incus.mjs"
import { freePorts, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"
import { directoryWithKey, sharedSettings, Worker } from "../support/worker.mjs"

describe("workers", { timeout: 800_000 }, () => {
  /** @type {Installation} the node that answers requests only */
  let pages
  /** @type {Worker} */
  let worker
  /** @type {Server} */
  let server
  /** @type {Server} */
  let otherServer
  const acme = { id: "", subdomain: "acme" }

  /** A full server on the same database. @param {string} name */
  async function serverBeside(name) {
    const { settings, directory } = pages.server
    const [http_port, tenant_port, sandbox_port] = await freePorts(3)
    return new Server(directory, {
      ...settings, ...sharedSettings(pages.server), data_dir: directoryWithKey(pages.server, name), http_port, tenant_port, sandbox_port,
    })
  }
  /** @param {string} kind @param {string} id */
  const nodesOf = async (kind, id) =>
    (await rows(pages.server.dataDir, `SELECT DISTINCT worker FROM jobs WHERE kind = '${kind}' AND payload->>'tenant_id' = '${id.slice(4)}' AND worker IS NOT NULL`)).map(
      row => row.worker)
  /** @param {string} id @param {string} name */
  const step = async (id, name) => (await pages.tenant(id)).steps.find((/** @type {any} */ one) => one.name === name)
  /** @param {string} id */
  const untilServerIsAwaited = id =>
    until(`${id} says that it waits for a server`, async () => (await step(id, "route"))?.error_code === "server_awaited")
  /** Its address shows the tenant, at this server's front door. @param {Server} door @param {typeof acme} tenant */
  const answersAt = (door, tenant) =>
    until(`${tenant.subdomain} answers`, async () => (await door.tenant(tenant.subdomain, "/healthz")).headers["x-tenant-id"] === tenant.id)
  /** @param {Server} door @param {string} subdomain @param {RegExp} text */
  const shows = (door, subdomain, text) =>
    until(`${subdomain} shows ${text}`, async () => text.test((await door.tenant(subdomain)).text))

  before(async () => {
    const incus = new Incus().up()
    pages = new Installation(await Server.prepare({ provisioner: "incus", incus_url: incus.socket }), incus)
    await buildImage(pages.server.settings)
    await pages.server.start(["--no-jobs"])
    await installBrake(pages.server)
    await pages.logIn()
    server = await serverBeside("first")
    otherServer = await serverBeside("second")
    worker = new Worker(pages.server)
  })
  after(async () => {
    await worker?.kill9()
    for (const one of [server, otherServer]) if (one?.isRunning) await one.stop()
    await pages?.remove()
  })

  test("where only a worker builds and Incus is gone, nothing is sold until it is back", async () => {
    const availability = async () => (await pages.server.get("/api/plans")).body.availability
    await until("it is open", async () => (await availability()) === "open")
    await until("the worker has tried", async () =>
      value(pages.server.dataDir, `SELECT count(*) FROM readiness WHERE building AND node = '${worker.node}'`))
    await pages.incus.kill()
    await until("it is closed", async () => (await availability()) === "paused")
    pages.incus.up()
    await until("it is open again", async () => (await availability()) === "open")
    const others = await rows(pages.server.dataDir, `SELECT node FROM readiness WHERE building AND node <> '${worker.node}'`)
    assert.deepEqual(others, [])
  })

  test("without a server a worker builds what was paid for up to its address, and says what it waits for", async () => {
    const customer = new Customer(pages.server, { subdomain: acme.subdomain })
    await customer.signUp()
    await customer.pay()
    acme.id = await until("it is known", async () => (await pages.ask("GET", "/api/tenants?q=acme")).body.data[0]?.id)
    await untilServerIsAwaited(acme.id)
    assert.equal((await pages.tenant(acme.id)).state, "provisioning")
    const steps = (await customer.status()).steps
    assert.deepEqual(steps.filter((/** @type {any} */ one) => one.state !== "done").map((/** @type {any} */ one) => [one.name, one.state]), [
      ["route", "queued"], ["health_check", "queued"],
    ])
    assert.deepEqual(pages.incus.all(acme.id).map(({ status }) => status), ["Running"])
    assert.deepEqual(await nodesOf("tenants.reconcile", acme.id), [worker.node])

    // However long the server stays away, its time does not run out.
    assert.equal(await value(pages.server.dataDir, `SELECT state_deadline FROM tenants WHERE id = ${acme.id.slice(4)}`), null)
    await server.start()
    await customer.untilLive()
    await answersAt(server, acme)
    assert.equal((await step(acme.id, "route")).error_code, null)
    assert.deepEqual(await nodesOf("provisioning.finish", acme.id), [`${hostname()}:${server.dataDir}`])
    assert.equal(pages.incus.all(acme.id).length, 1)
    assert.equal((await pages.tenant(acme.id)).failure, null)
  })

  test("a worker stops what is suspended; the server shows it when it is back, and opens what runs again", async () => {
    await server.stop()
    await pages.suspend(acme.id)
    assert.equal(pages.incus.of(acme.id).status, "Stopped")
    await server.start()
    await shows(server, acme.subdomain, /suspended/i)
    await pages.resume(acme.id)
    await answersAt(server, acme)
  })

  test("whichever node changes a tenant, every front door leads where its row says", async () => {
    if (!server.isRunning) await server.start()
    await otherServer.start()
    const later = { id: await pages.create("later"), subdomain: "later" }
    for (const one of [server, otherServer]) await answersAt(one, later)
    await pages.suspend(later.id)
    for (const one of [server, otherServer]) await shows(one, "later", /suspended/i)
    await pages.resume(later.id)
    for (const one of [server, otherServer]) await answersAt(one, later)
    await otherServer.stop()
  })

  test("a server killed in the middle of a build is no loss: the worker goes on, and it opens the address", async () => {
    const held = { id: "", subdomain: "held" }
    await setBrake(pages.server, "step container running")
    held.id = await pages.begin(held.subdomain)
    await untilHeld(pages.server, "step container running")
    await server.kill9()
    await releaseBrake(pages.server)
    await untilServerIsAwaited(held.id)
    await server.start()
    await pages.becomes(held.id, "live")
    await answersAt(server, held)
    assert.equal(pages.incus.all(held.id).length, 1)
  })

  test("a worker killed in the middle of a build is no loss: the server finishes it", async () => {
    const lost = { id: "", subdomain: "lost" }
    await server.stop()
    await setBrake(pages.server, "resource instance present")
    lost.id = await pages.begin(lost.subdomain)
    await untilHeld(pages.server, "resource instance present")
    await worker.kill9()
    await releaseBrake(pages.server)
    await server.start()
    await pages.becomes(lost.id, "live")
    await answersAt(server, lost)
    assert.deepEqual(pages.incus.all(lost.id).map(({ status }) => status), ["Running"])
    assert.deepEqual(await nodesOf("tenants.reconcile", lost.id), [`${hostname()}:${server.dataDir}`])
    worker = new Worker(pages.server)
  })

  test("of two workers one is killed in the middle of a build: the other goes on, and there is one container", async () => {
    await server.stop()
    await setBrake(pages.server, "resource instance present")
    const shared = { id: await pages.begin("shared"), subdomain: "shared" }
    await untilHeld(pages.server, "resource instance present")
    const other = new Worker(pages.server, {}, "other_worker")
    await worker.kill9()
    worker = other
    await releaseBrake(pages.server)
    await untilServerIsAwaited(shared.id)
    assert.deepEqual(await nodesOf("tenants.reconcile", shared.id), [other.node])
    assert.deepEqual(pages.incus.all(shared.id).map(({ status }) => status), ["Running"])
    await server.start()
    await pages.becomes(shared.id, "live")
    await answersAt(server, shared)
  })

  test("what a worker cannot build is undone by the server, and nothing dies meanwhile", async () => {
    await server.stop()
    pages.incus.run("image", "alias", "rename", "sample-2", "away")
    const gone = await pages.begin("gone")
    await until("it says why", async () => (await pages.tenant(gone)).failure?.code === "image_missing")
    const deleted = await pages.ask("DELETE", `/api/tenants/${gone}?action=delete&confirm=gone`)
    assert.equal(deleted.status, 200, deleted.text)
    await until("the rest is for a server", async () =>
      value(pages.server.dataDir, `SELECT count(*) FROM jobs WHERE kind = 'provisioning.finish' AND state = 'waiting' AND payload->>'tenant_id' = '${gone.slice(4)}'`))
    pages.incus.run("image", "alias", "rename", "away", "sample-2")
    await server.start()
    await pages.becomes(gone, "rolled_back")
    assert.equal(pages.incus.of(gone), undefined)
  })

  test("backups and the end are the server's, restarts anybody's: deleted and purged there is no trace", async () => {
    await server.stop()
    const restarted = await pages.ask("POST", `/api/tenants/${acme.id}/restart`, {})
    assert.equal(restarted.status, 202, restarted.text)
    assert.equal((await pages.operationEnds(acme.id)).state, "succeeded")
    assert.deepEqual(await nodesOf("tenants.operate", acme.id), [worker.node])
    assert.equal((await pages.ask("POST", `/api/tenants/${acme.id}/backups`, {})).status, 202)
    await until("the backup is the server's", async () =>
      value(pages.server.dataDir, "SELECT count(*) FROM jobs WHERE kind = 'provisioning.finish_operation' AND state = 'waiting'"))
    await server.start()
    assert.equal((await pages.operationEnds(acme.id)).state, "succeeded")

    const deleted = await pages.ask("DELETE", `/api/tenants/${acme.id}?action=delete&confirm=acme`)
    assert.equal(deleted.status, 200, deleted.text)
    await pages.becomes(acme.id, "archived")
    const purged = await pages.ask("POST", `/api/tenants/${acme.id}/purge`, { confirm: "acme" })
    assert.equal(purged.status, 200, purged.text)
    await pages.becomes(acme.id, "purged")
    assert.equal(pages.incus.of(acme.id), undefined)
    assert.equal((await server.tenant("acme")).status, 404)
    assert.equal(await value(pages.server.dataDir, "SELECT count(*) FROM jobs WHERE state = 'dead'"), 0)
    const kinds = await rows(pages.server.dataDir, `SELECT DISTINCT kind FROM jobs WHERE worker = '${worker.node}' AND (kind LIKE 'backups.%' OR kind LIKE 'provisioning.%' OR kind LIKE 'domains.%')`)
    assert.deepEqual(kinds.map(({ kind }) => kind).filter(kind => kind !== "provisioning.refill_pool"), [])
  })

  test("the standby pool is filled by a worker, too", async () => {
    await server.stop()
    await worker.stop()
    worker = new Worker(pages.server, { pool_size: 1 }, "pool_worker")
    await until("a place is ready", async () => value(pages.server.dataDir, "SELECT count(*) FROM tenant_pool WHERE state = 'ready'"))
    await until("the worker tells that it did it", async () =>
      (await value(pages.server.dataDir, "SELECT last_worker FROM job_schedules WHERE name = 'provisioning.refill_pool'")) === worker.node)
    assert.notEqual(pages.incus.instances().find(one => one.config["user.onboarding.pool"]), undefined)
  })
})
