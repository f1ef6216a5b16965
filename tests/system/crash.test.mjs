// kill -9 at every place of the pipeline: afterwards there is exactly one running tenant per payment,
// and the world is what the database says.

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { installBrake, releaseBrake, setBrake, untilHeld } from "../support/brake.mjs"
import { Customer } from "../support/customer.mjs"
import { value } from "../support/database.mjs"
import { processesOf, signal } from "../support/processes.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"
import { assertWorld } from "../support/world.mjs"

/** @typedef {"server" | "everything"} Victim the server alone, or all of its processes as in a power cut */

/** Before the change is written; what the sentence says has happened then, but nobody wrote it down. */
const PLACES = [
  ["event checkout.session.completed received", "Stripe's event was sent and not yet accepted"],
  ["payment paid", "the event was accepted and not yet worked off"],
  ["event checkout.session.completed applied", "the payment is being believed"],
  ["tenant provisioning", "building is about to begin"],
  ["step container running", "nothing was built"],
  ["resource directory present", "the directory is there"],
  ["step container done", "directory and port are there"],
  ["resource role planned", "only the directory is there"],
  ["resource role present", "role and database are there"],
  ["step database done", "role and database are in the ledger"],
  ["resource process present", "the process was started"],
  ["step application done", "the application answers"],
  ["resource route present", "the route was opened"],
  ["step health_check done", "the tenant answers on its address"],
  ["tenant live", "everything works"],
  ["mail tenant_ready queued", "the customer is about to be told"],
  ["mail tenant_ready kept", "the mail was delivered"],
]

/** @type {Server} */
let server
/** @type {Customer[]} */
const paid = []

before(async () => {
  server = await Server.prepare()
  await server.start()
  await installBrake(server)
})
after(() => server?.remove())

/** @param {Victim} victim */
async function kill(victim) {
  // All at once: nobody has time to notice that the others are gone.
  if (victim === "everything") for (const { pid } of processesOf(server.dataDir)) signal(pid, "SIGKILL")
  await server.kill9()
}

describe("kill -9 of the server", () => {
  PLACES.forEach(([place, what], number) => {
    const victim = number % 3 === 2 ? "everything" : "server"
    test(`of ${victim} before "${place}": ${what}`, async t => {
      const customer = new Customer(server)
      await customer.signUp()
      await setBrake(server, place)
      await customer.pay()
      await untilHeld(server, place)
      const seen = await customer.status()
      t.diagnostic(`the customer saw ${seen.state}: ${seen.steps.map((/** @type {any} */ step) => `${step.name} ${step.state}`).join(", ")}`)
      assert.notEqual(seen.state, "rolled_back")
      await releaseAndKill(victim)
      paid.push(customer)

      await server.start()
      await customer.untilLive()
      await assertWorld(server, paid)
    })
  })

  /** The brake's table must be empty at the next start, while the one that is held stays where it is. */
  async function releaseAndKill(/** @type {Victim} */ victim) {
    if (process.platform === "linux") process.kill(server.pid, "SIGSTOP") // it does not use the freedom
    await releaseBrake(server)
    await kill(victim)
  }
})

describe("kill -9 with several sign-ups under way", () => {
  for (const [round, steps] of [2, 7, 13].entries())
    test(`when ${steps} steps are done`, async t => {
      const customers = Array.from({ length: 3 }, () => new Customer(server))
      for (const customer of customers) await customer.signUp()
      const late = new Customer(server)
      await late.signUp()
      const count = () => value(server.dataDir, "SELECT count(*) FROM provisioning_steps WHERE state = 'done'")
      const before = await count()
      await Promise.all(customers.map(customer => customer.pay()))
      const reached = await until("so many steps are done", async () => {
        const done = (await count()) - before
        return done >= steps && done
      }, { every: 1 })
      t.diagnostic(`killed after ${reached} steps`)
      await kill(round === 1 ? "everything" : "server")
      paid.push(...customers)

      await server.start()
      await late.pay() // its page at Stripe is as it was
      paid.push(late)
      for (const customer of [...customers, late]) await customer.untilLive()
      await assertWorld(server, paid)
    })
})

test("a start that is killed again and again ends in the same world", async () => {
  const customer = new Customer(server)
  await customer.signUp()
  await customer.pay()
  paid.push(customer)
  for (const moment of ["starting PostgreSQL", "starting the database", "checking the database", "starting tenants"]) {
    await server.kill9()
    server.launch()
    await until(`it says ${moment}`, () => !server.isRunning || server.logsSinceStart().includes(moment), { every: 2 })
    assert.ok(server.isRunning, server.logsSinceStart())
  }
  await server.kill9()
  await server.start()
  await customer.untilLive()
  await assertWorld(server, paid)
  await server.stop()
  await server.nothingLeft()
})
