// Tenants as containers of a real, private Incus: from payment to purge, with the daemon killed in
// between, and one tenant that must not reach another.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { Customer, logIn } from "../support/customer.mjs"
import { run, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

const SCRIPT = fileURLToPath(new URL("../../scripts/incus.sh", import.meta.url))

describe("containers", () => {
  /** @type {Server} */
  let server
  /** @type {string} */
  let place
  /** @type {{ accessToken: string }} */
  let owner
  const name = `t${process.pid}`
  const acme = { id: "", subdomain: "acme" }

  /** @param {string[]} words */
  const incus = words =>
    execFileSync("incus", words, {
      encoding: "utf8",
      env: { ...process.env, INCUS_DIR: join(place, "incus"), INCUS_CONF: join(place, "client") },
    })
  /** @param {string} verb */
  const script = verb => execFileSync(SCRIPT, [verb, place, name], { encoding: "utf8", env: { ...process.env, POOL_SIZE: "4GiB" } }).trim()
  /** @param {string} method @param {string} path @param {any} [body] @param {Record<string, string>} [headers] */
  const ask = (method, path, body, headers = {}) =>
    server.get(path, { method, body, headers: { authorization: `Bearer ${owner.accessToken}`, ...headers } })
  const tenant = async (id = acme.id) => (await ask("GET", `/api/tenants/${id}`)).body
  /** @param {string} state */
  const becomes = state => until(`the tenant is ${state}`, async () => (await tenant()).state === state)
  const operationEnds = () =>
    until("the operation ends", async () => {
      const [newest] = (await ask("GET", `/api/tenants/${acme.id}/operations`)).body.data
      return ["succeeded", "failed"].includes(newest.state) && newest
    })
  const instances = () => JSON.parse(incus(["list", "--format", "json"]))
  const instanceOf = (/** @type {string} */ id) =>
    instances().find((/** @type {any} */ one) => one.config["user.onboarding.tenant"] === id.replace("ten_", ""))

  before(async () => {
    server = await Server.prepare()
    place = join(server.directory, "i")
    server.settings.provisioner = "incus"
    server.settings.incus_url = script("up")
    const built = await run(["image", "build", "sample"], { settings: server.settings })
    assert.equal(built.code, 0, built.output)
    await server.start()
    owner = await logIn(server)
  })
  after(async () => {
    await server?.stop().catch(() => {})
    if (place) script("down")
    await server?.remove()
  })

  test("a payment becomes a container that answers at its own address, with the plan's limits", async () => {
    const customer = new Customer(server, { subdomain: acme.subdomain, company: "Acme <Ltd>" })
    await customer.goLive()
    acme.id = (await ask("GET", "/api/tenants?q=acme")).body.data[0].id
    const page = await server.tenant("acme")
    assert.equal(page.status, 200)
    assert.match(page.text, /Acme &lt;Ltd&gt;/)
    assert.equal((await server.tenant("acme", "/healthz")).headers["x-tenant-id"], acme.id)

    const container = instanceOf(acme.id)
    const row = await tenant()
    assert.equal(container.config["limits.memory"], `${row.memory_limit_mib}MiB`)
    assert.equal(container.config["limits.processes"], String(row.process_limit))
    assert.equal(row.limits_applied, true)
    assert.equal(container.config["boot.autostart"], "false")
    assert.equal(incus(["exec", container.name, "--", "cat", "/proc/1/comm"]).trim(), "init")
  })

  test("limits that are changed are those of the container, without a restart", async () => {
    const before = instanceOf(acme.id).state.started_at
    const seen = await ask("GET", `/api/tenants/${acme.id}`)
    const answer = await ask("PATCH", `/api/tenants/${acme.id}`, { resource_limits: { memory_mib: 256, processes: 120 } }, {
      "if-match": String(seen.headers.etag),
    })
    assert.equal(answer.status, 200, answer.text)
    await until("they are applied", async () => (await tenant()).limits_applied)
    const container = instanceOf(acme.id)
    assert.equal(container.config["limits.memory"], "256MiB")
    assert.equal(container.config["limits.processes"], "120")
    assert.equal(container.state.started_at, before)
  })

  test("one tenant cannot reach another, the front door reaches both", async () => {
    const other = new Customer(server, { subdomain: "globex" })
    await other.goLive()
    const id = (await ask("GET", "/api/tenants?q=globex")).body.data[0].id
    const address = instanceOf(id).state.network.eth0.addresses.find((/** @type {any} */ one) => one.family === "inet").address
    assert.equal((await server.tenant("globex")).status, 200)
    assert.throws(() =>
      incus(["exec", instanceOf(acme.id).name, "--", "/bin/busybox", "wget", "-q", "-T", "3", "-O", "-", `http://${address}:8069/healthz`]),
    )
  })

  test("what was backed up comes back, and a damaged backup changes nothing", async () => {
    const container = instanceOf(acme.id).name
    const write = (/** @type {string} */ text) => incus(["exec", container, "--", "sh", "-c", `echo ${text} > /srv/data/notes/proof`])
    const read = () => incus(["exec", container, "--", "cat", "/srv/data/notes/proof"]).trim()
    write("old")
    assert.equal((await ask("POST", `/api/tenants/${acme.id}/backups`, {})).status, 202)
    assert.equal((await operationEnds()).state, "succeeded")
    const [backup] = (await ask("GET", `/api/tenants/${acme.id}/backups`)).body.data
    assert.equal(backup.state, "verified")
    write("new")
    const restored = await ask("POST", `/api/tenants/${acme.id}/backups/${backup.id}/restore`, { confirm: "acme" })
    assert.equal(restored.status, 202, restored.text)
    const ended = await operationEnds()
    assert.equal(ended.state, "succeeded", JSON.stringify(ended))
    assert.equal(read(), "old")
    await until("it answers again", async () => (await server.tenant("acme", "/healthz")).status === 200)
  })

  test("suspended it does not run, resumed it answers", async () => {
    assert.equal((await ask("DELETE", `/api/tenants/${acme.id}?action=suspend`)).status, 200)
    await becomes("suspended")
    assert.equal(instanceOf(acme.id).status, "Stopped")
    assert.equal((await server.tenant("acme")).status, 503)
    assert.equal((await ask("POST", `/api/tenants/${acme.id}/resume`, {})).status, 200)
    await becomes("live")
    assert.equal((await server.tenant("acme", "/healthz")).status, 200)
  })

  test("a container that is lost while it stands still comes back with its newest backup, not empty", async () => {
    assert.equal((await ask("POST", `/api/tenants/${acme.id}/backups`, {})).status, 202)
    assert.equal((await operationEnds()).state, "succeeded")
    await ask("DELETE", `/api/tenants/${acme.id}?action=suspend`)
    await becomes("suspended")
    incus(["delete", "-f", instanceOf(acme.id).name])
    assert.equal((await ask("POST", `/api/tenants/${acme.id}/resume`, {})).status, 200)
    await becomes("live")
    const container = instanceOf(acme.id).name
    assert.equal(incus(["exec", container, "--", "cat", "/srv/data/notes/proof"]).trim(), "old")
    assert.equal((await server.tenant("acme", "/healthz")).headers["x-tenant-id"], acme.id)
  })

  test("Incus killed while one is built, and the server too: exactly one container, running", async () => {
    const customer = new Customer(server, { subdomain: "initech" })
    await customer.signUp()
    await customer.pay()
    await until("it is begun", async () => (await customer.status()).steps.some((/** @type {any} */ step) => step.state === "running" || step.name === "container" && step.state === "done"))
    process.kill(Number(readFileSync(join(place, "incusd.pid"), "utf8")), "SIGKILL")
    await server.kill9()
    await until("nothing answers for acme", async () => (await server.tenant("acme").catch(() => ({ status: 0 }))).status !== 200)
    script("up")
    await server.start()
    owner = await logIn(server)
    await customer.untilLive()
    const id = (await ask("GET", "/api/tenants?q=initech")).body.data[0].id
    const own = instances().filter((/** @type {any} */ one) => one.config["user.onboarding.tenant"] === id.replace("ten_", ""))
    assert.equal(own.length, 1)
    assert.equal(own[0].status, "Running")
    assert.equal((await server.tenant("acme", "/healthz")).status, 200)
  })

  test("deleted: archived with a last backup, brought back, and purged without a trace in Incus", async () => {
    const gone = await ask("DELETE", `/api/tenants/${acme.id}?action=delete&confirm=acme`)
    assert.equal(gone.status, 200, gone.text)
    await becomes("archived")
    const back = await ask("POST", `/api/tenants/${acme.id}/restore`, {})
    assert.equal(back.status, 200, back.text)
    await becomes("live")
    assert.equal((await server.tenant("acme", "/healthz")).status, 200)

    await ask("DELETE", `/api/tenants/${acme.id}?action=delete&confirm=acme`)
    await becomes("archived")
    const purged = await ask("POST", `/api/tenants/${acme.id}/purge`, { confirm: "acme" })
    assert.equal(purged.status, 200, purged.text)
    await becomes("purged")
    assert.equal(instanceOf(acme.id), undefined)
    assert.equal((await server.tenant("acme")).status, 404)
  })
})
