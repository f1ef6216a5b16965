// Tenants that take whatever they can get: each stays within its own limits, its neighbour notices
// nothing, and what the platform does for it afterwards still works.

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { execute, rows, value } from "../support/database.mjs"
import { Installation } from "../support/incus.mjs"
import { until } from "../support/until.mjs"

const MIB = 1024 * 1024

describe("greedy tenants", () => {
  /** @type {Installation} */
  let installation
  /** @type {string} */
  let greedy
  /** @type {string} */
  let neighbour

  const container = () => installation.incus.of(greedy).name
  const answers = () => installation.assertAnswers("neighbour", neighbour)
  /** What the kernel counts. */
  const state = () => installation.incus.of(greedy).state

  before(async () => {
    installation = await Installation.start()
    greedy = await installation.create("greedy")
    neighbour = await installation.create("neighbour")
    const limits = { storage_limit: 64, resource_limits: { memory_mib: 64, processes: 60 } }
    await installation.change(greedy, limits)
    await until("the limits are applied", async () => (await installation.tenant(greedy)).limits_applied)
  })
  after(() => installation?.remove())

  test("one that forks without end meets its limit, and a restart brings it back", async () => {
    const { incus } = installation
    incus.begin(container(), "n=0; while [ $n -lt 300 ]; do sleep 600 & n=$((n+1)); done; wait")
    await until("it has all the processes that it may have", () => state().processes >= 58)
    assert.ok(state().processes <= 60)
    await answers()
    const restarted = await installation.ask("POST", `/api/tenants/${greedy}/restart`, {})
    assert.equal(restarted.status, 202, restarted.text)
    assert.equal((await installation.operationEnds(greedy)).state, "succeeded")
    await installation.assertAnswers("greedy", greedy)
    assert.ok(state().processes < 20)
  })

  test("one that takes more memory than it has is stopped by the kernel, inside, and never swaps", async () => {
    const { incus } = installation
    const config = incus.of(greedy).config
    assert.equal(config["limits.memory.swap"], "false")
    const before = incus.of(greedy).state.pid
    assert.throws(
      () => incus.inside(container(), "tail -c 209715200 /dev/zero"),
      (/** @type {any} */ error) => error.status === 137,
    )
    assert.equal(incus.of(greedy).state.pid, before, "the container itself lives on")
    assert.equal(state().memory.swap_usage, 0)
    await answers()
    await installation.assertAnswers("greedy", greedy)
  })

  test("a memory limit below what is used is refused by name, changes nothing, and holds once there is room", async () => {
    const { incus } = installation
    await installation.change(greedy, { resource_limits: { memory_mib: 256 } })
    await until("there is more", () => incus.of(greedy).config["limits.memory"] === "256MiB")
    const hog = incus.begin(container(), "x=$(head -c 90000000 /dev/zero | tr '\\0' x); sleep 600; echo $x | wc -c")
    await until("it uses it", () => state().memory.usage > 90_000_000 && state().memory.usage < 150_000_000)

    await installation.change(greedy, { resource_limits: { memory_mib: 64, processes: 70 } })
    const waiting = await until("the change waits", async () => {
      const seen = await installation.tenant(greedy)
      return seen.limits_problem && seen
    })
    assert.match(waiting.limits_problem.text, /^limit_below_use: .*MiB of memory, more than the new limit of 64 MiB/)
    assert.equal(waiting.limits_applied, false)
    assert.equal(incus.of(greedy).config["limits.memory"], "256MiB")
    assert.equal(incus.of(greedy).config["limits.processes"], "60")
    await installation.assertAnswers("greedy", greedy)

    hog.kill("SIGKILL")
    incus.inside(container(), "killall sleep || true")
    await until("it is applied by itself", async () => (await installation.tenant(greedy)).limits_applied, { every: 200 })
    assert.equal(incus.of(greedy).config["limits.memory"], "64MiB")
    assert.equal(incus.of(greedy).config["limits.processes"], "70")
    assert.equal((await installation.tenant(greedy)).limits_problem, null)
  })

  test("one that fills its storage is warned, and can still be backed up, stopped and started", async () => {
    const { incus, server } = installation
    assert.throws(
      () => incus.inside(container(), "dd if=/dev/urandom of=/srv/data/notes/big bs=1M count=200"),
      /Disk quota exceeded/,
    )
    incus.inside(container(), "sync; for i in $(seq 300); do echo x >/srv/data/notes/n$i || break; done 2>/dev/null; sync")
    const limit = (await installation.tenant(greedy)).storage_limit_mib * MIB
    await until("its use is known", () => state().disk.root.usage > 0.97 * limit)
    assert.ok(state().disk.root.usage <= 1.05 * limit, "the image does not count as the tenant's")
    await answers()

    // Measured now, not within a minute.
    await execute(server.dataDir, `UPDATE tenant_health SET "timestamp" = "timestamp" - interval '5 minutes'`)
    await execute(server.dataDir, "SELECT enqueue_job('provisioning.measure', '{}', NULL, NULL, 1)")
    await until("it is warned", async () => (await installation.tenant(greedy)).quota.warned_at, { every: 100 })
    const mails = await rows(server.dataDir, "SELECT recipient FROM mails WHERE template = 'storage_nearly_full'")
    assert.deepEqual(mails, [{ recipient: "ada@greedy.example" }])

    const saved = await installation.backUp(greedy)
    assert.equal(saved.state, "succeeded", JSON.stringify(saved))
    assert.equal(await value(server.dataDir, `SELECT state FROM tenant_backups WHERE tenant_id = ${greedy.replace("ten_", "")}`), "verified")
    await installation.suspend(greedy)
    await installation.resume(greedy)
    await installation.assertAnswers("greedy", greedy)
    const size = Number(incus.of(greedy).devices.root.size.replace("MiB", ""))
    assert.ok(size < 64 + 6 + 20, `what was lent is taken back: ${size} MiB`)
    await answers()
  })

  test("less storage than is used is refused by name; more makes everything well again", async () => {
    const { incus } = installation
    await installation.change(greedy, { storage_limit: 128 })
    await until("it is applied", async () => (await installation.tenant(greedy)).limits_applied, { every: 100 })
    incus.inside(container(), "dd if=/dev/urandom of=/srv/data/notes/more bs=1M count=20 && sync")
    await until("its use is known", () => state().disk.root.usage > 80 * MIB)
    // What was measured last may be old: then Incus has the last word.
    await execute(installation.server.dataDir, "DELETE FROM tenant_health")
    await installation.change(greedy, { storage_limit: 64 })
    const waiting = await until("the change waits", async () => (await installation.tenant(greedy)).limits_problem)
    assert.match(waiting.text, /^limit_below_use: .*MiB of storage/)
    incus.inside(container(), "echo fine >/srv/data/notes/still && sync")
    incus.inside(container(), "rm /srv/data/notes/more /srv/data/notes/big && sync")
    await until("it is applied by itself", async () => (await installation.tenant(greedy)).limits_applied, { every: 200 })
    await installation.assertAnswers("greedy", greedy)
  })
})
