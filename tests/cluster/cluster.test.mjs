// Tenants on a cluster of two machines: where they land, one that moves with its data, and a machine
// that dies under them.

import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdtempSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { rows, value } from "../support/database.mjs"
import { buildImage, Installation } from "../support/incus.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

const SCRIPT = fileURLToPath(new URL("cluster.sh", import.meta.url))

/** Two members; looks like support/incus.mjs' Incus to an installation. */
class Cluster {
  constructor() {
    this.name = `c${process.pid}`.slice(0, 8)
    this.place = mkdtempSync("/tmp/ob-cluster-")
    chmodSync(this.place, 0o711) // the users of containers walk through it
    this.socket = join(this.place, "a/incus/unix.socket")
    this.environment = { ...process.env, POOL_SIZE: "1GiB", INCUS_DIR: join(this.place, "a/incus"), INCUS_CONF: join(this.place, "a/client") }
    spawn(SCRIPT, ["down_after", String(process.pid), this.place, this.name], { detached: true, stdio: "ignore" }).unref()
  }

  /** @param {string} verb @param {string[]} more */
  script(verb, ...more) {
    return execFileSync(SCRIPT, [verb, this.place, this.name, ...more], { encoding: "utf8", env: this.environment }).trim()
  }

  up() {
    assert.equal(this.script("up"), this.socket)
    return this
  }

  down() {
    this.script("down")
  }

  /** @param {string[]} words */
  run(...words) {
    return execFileSync("incus", words, { encoding: "utf8", env: this.environment, stdio: ["ignore", "pipe", "pipe"] }).trim()
  }

  /** @returns {any[]} */
  instances() {
    return JSON.parse(this.run("list", "--format", "json"))
  }

  /** @param {string} member */
  status(member) {
    return JSON.parse(this.run("cluster", "list", "--format", "json")).find((/** @type {any} */ one) => one.server_name === member).status
  }
}

describe("cluster", () => {
  /** @type {Cluster} */
  let cluster
  /** @type {Installation} */
  let installation
  /** Which tenants lie where. @type {Record<string, { id: string, subdomain: string }[]>} */
  const on = { a: [], b: [] }

  before(async () => {
    cluster = new Cluster().up()
    const server = await Server.prepare({ provisioner: "incus", incus_url: cluster.socket })
    installation = new Installation(server, /** @type {any} */ (cluster))
    await buildImage(server.settings)
    await server.start()
    await installation.logIn()
  })
  after(async () => {
    await installation?.server.stop().catch(() => {})
    cluster?.down()
    await installation?.server.remove()
  })

  /** @param {string} id */
  const nameOf = id => value(installation.server.dataDir, `SELECT name FROM tenant_resources WHERE kind = 'instance' AND tenant_id = ${id.replace("ten_", "")} AND state <> 'gone'`)
  /** @param {string} name */
  const instance = name => cluster.instances().find(one => one.name === name)
  /** @param {string} id @param {string} member */
  const move = async (id, member) => {
    const answer = await installation.ask("POST", `/api/tenants/${id}/move`, { member })
    assert.equal(answer.status, 202, answer.text)
    return installation.operationEnds(id)
  }

  test("Incus spreads tenants over both members, and each answers at its address", async () => {
    for (const subdomain of ["one", "two", "three", "four"]) {
      const id = await installation.create(subdomain)
      const { member } = await installation.tenant(id)
      assert.equal(instance(await nameOf(id)).location, member)
      on[member].push({ id, subdomain })
      await installation.assertAnswers(subdomain, id)
    }
    assert.ok(on.a.length > 0 && on.b.length > 0, JSON.stringify(on))
  })

  test("a tenant moves to the other member with its data; its address and route follow", async () => {
    const [moving] = on.a
    const name = await nameOf(moving.id)
    cluster.run("exec", name, "--", "sh", "-c", "echo precious >/srv/data/notes/proof")
    const moved = await move(moving.id, "b")
    assert.equal(moved.state, "succeeded", JSON.stringify(moved))
    assert.equal(instance(name).location, "b")
    assert.equal((await installation.tenant(moving.id)).member, "b")
    assert.equal(cluster.run("exec", name, "--", "cat", "/srv/data/notes/proof"), "precious")
    await installation.assertAnswers(moving.subdomain, moving.id)

    const nowhere = await move(moving.id, "nowhere")
    assert.equal(nowhere.state, "failed")
    assert.match(JSON.stringify(nowhere), /no_such_machine/)
    await installation.assertAnswers(moving.subdomain, moving.id)
    assert.equal((await move(moving.id, "b")).state, "succeeded", "where it is already")
    on.b.push(moving)
    on.a.shift()
  })

  test("a member dies: others go on, new tenants land on the living one, deletion is not held up", async () => {
    const [leaving, staying] = on.b
    assert.equal((await installation.backUp(leaving.id)).state, "succeeded")
    const names = { leaving: await nameOf(leaving.id), staying: await nameOf(staying.id) }
    cluster.script("kill", "b")

    const fresh = await installation.create("fresh")
    assert.equal((await installation.tenant(fresh)).member, "a")
    await installation.assertAnswers("fresh", fresh)
    for (const { id, subdomain } of on.a) await installation.assertAnswers(subdomain, id)

    const refused = await installation.ask("GET", `/api/tenants/${staying.id}/logs`)
    assert.equal(refused.status, 503, refused.text)
    assert.match(refused.text, /machine that is down/)

    const gone = await installation.ask("DELETE", `/api/tenants/${leaving.id}?action=delete&confirm=${leaving.subdomain}`)
    assert.equal(gone.status, 200, gone.text)
    await installation.becomes(leaving.id, "archived")
    const purged = await installation.ask("POST", `/api/tenants/${leaving.id}/purge`, { confirm: leaving.subdomain })
    assert.equal(purged.status, 200, purged.text)
    await installation.becomes(leaving.id, "purged")
    assert.equal((await installation.server.tenant(leaving.subdomain)).status, 404)
    assert.equal(instance(names.leaving).status, "Error")

    // Whoever stays is never taken for lost: no second one is built anywhere.
    await until("the member counts as offline", () => cluster.status("b") === "Offline")
    assert.equal((await installation.tenant(staying.id)).state, "live")
    assert.equal(await nameOf(staying.id), names.staying)
    const inspected = await installation.inspect()
    assert.deepEqual(inspected.filter((/** @type {any} */ one) => one.kind === "ghost"), [])

    cluster.script("start", "b")
    await until("it is back", () => instance(names.staying).status === "Running")
    await installation.assertAnswers(staying.subdomain, staying.id)
    const [left] = (await installation.inspect()).filter((/** @type {any} */ one) => one.name === names.leaving)
    assert.equal(left?.kind, "orphan", "what could not be removed is a finding")
    await installation.resolve(left.id, "destroy")
    await until("it is gone", () => !instance(names.leaving))
    const open = await rows(installation.server.dataDir, `SELECT 1 FROM tenant_resources WHERE name = '${names.leaving}' AND state <> 'gone'`)
    assert.deepEqual(open, [])
  })
})
