// What Incus has, and has not: an image that was never built, an instance of somebody else under
// the very name, and another installation on the same Incus.

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { Installation } from "../support/incus.mjs"
import { until } from "../support/until.mjs"

describe("images and strangers", () => {
  /** @type {Installation} */
  let installation
  before(async () => {
    installation = await Installation.start({ withImage: false })
  })
  after(() => installation?.remove())

  /** @param {string} id @param {string} code */
  const failedWith = (id, code) =>
    until(`${id} has failed with ${code}`, async () => {
      const seen = await installation.tenant(id)
      return seen.state === "provision_failed" && seen.failure?.code === code && seen
    }, { every: 100 })

  /** @param {string} id */
  const retry = async id => {
    const answer = await installation.ask("POST", `/api/tenants/${id}/retry`, {})
    assert.equal(answer.status, 200, answer.text)
  }

  test("without its image a tenant waits and says which command is missing; with it, it goes live", async () => {
    const id = await installation.begin("first")
    const failed = await failedWith(id, "image_missing")
    assert.match(JSON.stringify(failed.failure), /onboarding image build sample/)
    assert.deepEqual(installation.incus.instances(), [])
    await installation.buildImage()
    await retry(id)
    await installation.becomes(id, "live")
    await installation.assertAnswers("first", id)
  })

  test("a stranger's instance under our name is never touched, and making way for us helps", async () => {
    const { incus } = installation
    const [ours] = incus.instances()
    const number = Number(ours.name.split("-").at(-1))
    const taken = ours.name.replace(/\d+$/, String(number + 1))
    incus.run("init", "sample-2", taken)
    const before = incus.run("config", "show", taken)

    const id = await installation.begin("second")
    assert.equal(id, `ten_${number + 1}`)
    const failed = await failedWith(id, "name_taken")
    assert.match(JSON.stringify(failed.failure), /not ours/)
    assert.equal(incus.run("config", "show", taken), before)

    // Given up: our tenant is undone, the stranger's instance stays.
    const third = ours.name.replace(/\d+$/, String(number + 2))
    incus.run("init", "sample-2", third)
    const doomed = await installation.begin("third")
    await failedWith(doomed, "name_taken")
    for (let attempt = 2; (await installation.tenant(doomed)).state !== "rolled_back"; attempt += 1) {
      assert.ok(attempt <= 10)
      await retry(doomed)
      await until("it has failed again", async () => ["provision_failed", "rolled_back"].includes((await installation.tenant(doomed)).state))
    }
    assert.ok(incus.instances().some(({ name }) => name === third))

    incus.run("rename", taken, "somebody-elses")
    await retry(id)
    await installation.becomes(id, "live")
    assert.equal(incus.of(id).name, taken)
    assert.ok(incus.instances().some(({ name }) => name === "somebody-elses"))
    await installation.assertAnswers("second", id)
  })

  test("an instance that changed hands under our name outlives the end of our tenant", async () => {
    const { incus } = installation
    const id = await installation.create("fourth")
    assert.equal((await installation.backUp(id)).state, "succeeded")
    const { name } = incus.of(id)
    await installation.suspend(id)
    incus.run("delete", "-f", name)
    incus.run("launch", "sample-2", name)
    const answer = await installation.ask("DELETE", `/api/tenants/${id}?action=delete&confirm=fourth`)
    assert.equal(answer.status, 200, answer.text)
    await installation.becomes(id, "archived")
    assert.equal((await installation.ask("POST", `/api/tenants/${id}/purge`, { confirm: "fourth" })).status, 200)
    await installation.becomes(id, "purged")
    const stranger = incus.instances().find(one => one.name === name)
    assert.equal(stranger?.status, "Running", "nobody stopped or removed it")
  })

  test("limits that somebody set by hand are found, and put right or taken over, as staff say", async () => {
    const { incus } = installation
    const id = await installation.create("fifth")
    const { name } = incus.of(id)
    const planned = (await installation.tenant(id)).memory_limit_mib
    const memory = () => incus.of(id).config["limits.memory"]
    const finding = async () => {
      const [found] = (await installation.inspect()).filter((/** @type {any} */ one) => one.tenant_id === id)
      assert.deepEqual([found?.kind, found?.subject, found?.actions], ["drift", "limits", ["heal", "adopt", "ignore"]])
      return found.id
    }
    incus.run("config", "set", name, `limits.memory=${planned + 64}MiB`)
    await installation.resolve(await finding(), "heal")
    await until("the plan's limit is back", () => memory() === `${planned}MiB`)

    incus.run("config", "set", name, `limits.memory=${planned + 64}MiB`)
    await installation.resolve(await finding(), "adopt")
    await until("the row has it", async () => (await installation.tenant(id)).memory_limit_mib === planned + 64)
    assert.equal(memory(), `${planned + 64}MiB`)
    await until("nothing is left to find", async () =>
      !(await installation.inspect()).some((/** @type {any} */ one) => one.tenant_id === id))
  })
})
