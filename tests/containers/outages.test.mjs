// Incus that hangs, is gone, is killed or has no space left, and HAProxy and the server killed in
// the middle of a build: nothing is lost, nothing is doubled, and everything goes on by itself.

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { installBrake, releaseBrake, setBrake, untilHeld } from "../support/brake.mjs"
import { rows } from "../support/database.mjs"
import { Installation } from "../support/incus.mjs"
import { roles } from "../support/processes.mjs"
import { until } from "../support/until.mjs"

describe("outages", () => {
  /** @type {Installation} */
  let installation
  /** @type {string} */
  let acme
  before(async () => {
    installation = await Installation.start({ pool: "600MiB" })
    await installBrake(installation.server)
    acme = await installation.create("acme")
  })
  after(() => installation?.remove())

  /** One container, running, and steps that are all done. @param {string} id @param {string} subdomain */
  const assertBuiltOnce = async (id, subdomain) => {
    await installation.becomes(id, "live")
    const own = installation.incus.all(id)
    assert.deepEqual(own.map(({ status }) => status), ["Running"])
    const open = (await installation.tenant(id)).steps.filter((/** @type {any} */ step) => step.state !== "done")
    assert.deepEqual(open, [])
    await installation.assertAnswers(subdomain, id)
  }

  test("Incus hangs: the API and the tenants answer, what was asked for waits, and is done afterwards", async () => {
    const { incus, server } = installation
    incus.signal("SIGSTOP")
    try {
      const begun = await installation.begin("during-hang")
      const logs = installation.ask("GET", `/api/tenants/${acme}/logs`)
      for (let i = 0; i < 20; i += 1) assert.equal((await installation.ask("GET", "/api/tenants")).status, 200)
      assert.equal((await server.get("/healthz")).status, 200)
      await installation.assertAnswers("acme", acme)
      const refused = await logs
      assert.equal(refused.status, 503, refused.text)
      assert.equal(refused.body.code, "world_unreachable")
      assert.match(refused.text, /did not answer in time|has stopped answering/)
      const failed = await until("the build says what it waits for", async () => {
        const seen = await installation.tenant(begun)
        return seen.failure && seen
      })
      assert.equal(failed.failure.code, "incus_timeout")
      assert.equal((await installation.tenant(acme)).state, "live")
    } finally {
      incus.signal("SIGCONT")
    }
    const [{ id }] = (await installation.ask("GET", "/api/tenants?q=during-hang")).body.data
    await assertBuiltOnce(id, "during-hang")
    await installation.assertAnswers("acme", acme)
    assert.equal((await installation.tenant(acme)).health, "healthy")
  })

  test("Incus is gone: tenants answer, a suspension and a build wait for it, nobody is lost", async () => {
    const { incus, server } = installation
    const other = await installation.create("other")
    await incus.kill()
    const begun = await installation.begin("during-outage")
    assert.equal((await installation.ask("DELETE", `/api/tenants/${other}?action=suspend`)).status, 200)
    const refused = await installation.ask("GET", `/api/tenants/${acme}/logs`)
    assert.equal(refused.body.code, "world_unreachable")
    await until("the build says what it waits for", async () => (await installation.tenant(begun)).failure?.code === "incus_unreachable")
    await installation.assertAnswers("acme", acme)
    await until("a suspended tenant shows nothing any more", async () => (await server.tenant("other")).status === 503)
    assert.equal((await installation.tenant(other)).state, "suspending")
    incus.up()
    await assertBuiltOnce(begun, "during-outage")
    await installation.becomes(other, "suspended")
    assert.equal(incus.of(other).status, "Stopped")
    await installation.assertAnswers("acme", acme)
  })

  test("HAProxy, Incus and the server killed at every step of a build: one container, one route", async () => {
    const { incus, server } = installation
    const held = [
      ["application running", () => incus.kill()],
      ["configuration done", () => server.kill9()],
      ["route running", () => process.kill(roles(server.dataDir).haproxies[0].pid, "SIGKILL")],
      ["health_check running", () => Promise.all([incus.kill(), server.kill9()])],
    ]
    for (const [index, [place, kill]] of held.entries()) {
      const subdomain = `step-${index}`
      await setBrake(server, `step ${place}`)
      const id = await installation.begin(subdomain)
      await untilHeld(server, `step ${place}`)
      await /** @type {any} */ (kill)()
      await releaseBrake(server).catch(() => {})
      incus.up()
      if (!server.isRunning) {
        await server.start()
        await releaseBrake(server)
        await installation.logIn()
      }
      await assertBuiltOnce(id, subdomain)
    }
    await installation.assertAnswers("acme", acme)
  })

  test("the pool is full: it is said by name, others go on, and with space it goes on", async () => {
    const { incus } = installation
    const hog = "hog"
    incus.run("init", "sample-2", hog, "-d", "root,size=2GiB")
    incus.run("start", hog)
    assert.throws(() => incus.inside(hog, "dd if=/dev/zero of=/big bs=1M count=2000; sync; dd if=/dev/zero of=/big2 bs=4k count=20000; sync; false"))
    const id = await installation.begin("no-space")
    const failed = await until("it says why", async () => {
      const seen = await installation.tenant(id)
      return seen.failure && seen
    })
    assert.equal(failed.failure.code, "incus_disk_full", JSON.stringify(failed.failure))
    await installation.assertAnswers("acme", acme)
    incus.run("delete", "-f", hog)
    // Btrfs gives the space back in the background.
    await until("there is space", () => {
      const { space } = JSON.parse(incus.run("query", "/1.0/storage-pools/tenants/resources"))
      return space.used < space.total / 2
    })
    assert.equal((await installation.ask("POST", `/api/tenants/${id}/retry`, {})).status, 200)
    await assertBuiltOnce(id, "no-space")
  })

  test("ten suspended at once, and resumed by two admins at the same time: each ends as it was asked", async () => {
    const { incus } = installation
    const { data } = (await installation.ask("GET", "/api/tenants?state=live&limit=100")).body
    const have = data.map((/** @type {any} */ one) => one.id)
    const more = await Promise.all(Array.from({ length: Math.max(0, 10 - have.length) }, (_, i) => installation.begin(`many-${i}`)))
    for (const id of more) await installation.becomes(id, "live")
    const ids = [...have, ...more].slice(0, 10)
    const batch = await installation.ask("POST", "/api/tenants/batch", { action: "suspend", ids, expected_count: 10, arguments: { reason: "Moving house" } })
    assert.equal(batch.status, 202, batch.text)
    for (const id of ids) await installation.becomes(id, "suspended")
    const done = await until("the batch is done", async () => {
      const { body } = await installation.ask("GET", `/api/tenant-batches/${batch.body.id}`)
      return body.state === "done" && body
    }, { every: 200 })
    assert.deepEqual([done.ok, done.failed], [10, 0])
    assert.deepEqual(new Set(ids.map(id => incus.of(id).status)), new Set(["Stopped"]))

    // Two of the staff, each pressing a button for the same tenants at the same moment.
    const answers = await Promise.all(ids.flatMap(id => [
      installation.ask("POST", `/api/tenants/${id}/resume`, {}),
      installation.ask("POST", `/api/tenants/${id}/resume`, {}),
    ]))
    assert.ok(answers.every(({ status }) => status === 200 || status === 409))
    for (const id of ids) await installation.becomes(id, "live")
    const resumed = await rows(
      installation.server.dataDir,
      `SELECT tenant_id FROM activity
         WHERE data->>'to_state' IN ('resuming', 'live') AND data->>'from_state' IN ('suspended', 'resuming')
         GROUP BY tenant_id, data->>'to_state' HAVING count(*) > 1`,
    )
    assert.deepEqual(resumed, [])

    // One changes limits, the other suspends, both from what they saw before.
    const [id] = ids
    const seen = await installation.ask("GET", `/api/tenants/${id}`)
    const change = (/** @type {number} */ processes) =>
      installation.ask("PATCH", `/api/tenants/${id}`, { resource_limits: { processes } }, { "if-match": String(seen.headers.etag) })
    const both = await Promise.all([change(111), change(122)])
    assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412])
    const wanted = both[0].status === 200 ? "111" : "122"
    await installation.suspend(id)
    await installation.resume(id)
    await until("the limits are those of who was first", () => incus.of(id).config["limits.processes"] === wanted)
  })
})
