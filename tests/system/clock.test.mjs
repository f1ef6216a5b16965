// The setting clock = sandbox: a test clock moves the time of everything that belongs to an installation.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { rows, value } from "../support/database.mjs"
import { roles } from "../support/processes.mjs"
import { run, Server } from "../support/server.mjs"
import { Stripe } from "../support/stripe.mjs"
import { final, until } from "../support/until.mjs"

const DAY = 86_400
const now = () => Math.floor(Date.now() / 1000)

describe("an installation that lives by the sandbox's clock", () => {
  /** @type {Server} */
  let server
  /** @type {Stripe} */
  let stripe
  before(async () => {
    // The browser-like client sees the machine's time, so it could not judge a certificate of the future.
    server = await Server.prepare({ clock: "sandbox", retention_days: undefined })
    delete server.settings.retention_days
    await server.start()
    stripe = new Stripe(server)
  })
  after(() => server?.remove())

  const databaseTime = async () => Number(await value(server.dataDir, "SELECT extract(epoch FROM now())::bigint AS now"))

  test("says so: in the box, in the log and in /readyz", async () => {
    assert.match(server.logs(), /\|  Time {9}moved by a test clock of the sandbox/)
    assert.match(server.logs(), /time is not the machine's/)
    assert.equal((await server.get("/readyz")).body.clock, "sandbox")
    const { sandbox, postmaster, haproxies, server: serve } = roles(server.dataDir)
    for (const one of [serve, sandbox, postmaster, haproxies[0]])
      assert.match(readFileSync(`/proc/${one?.pid}/environ`, "latin1"), /LD_PRELOAD=[^\0]*libfaketime/)
  })

  test("a step moves everybody's time forward, and a restart keeps it", async () => {
    assert.ok(Math.abs((await databaseTime()) - now()) < 60)
    const start = await databaseTime()
    const clock = await stripe.newClock(start)
    const before = await logIn(server)
    await stripe.advance(clock, start + 10 * DAY)
    assert.ok((await databaseTime()) >= start + 10 * DAY)
    const { headers } = await server.get("/healthz")
    assert.ok(Date.parse(headers.date ?? "") / 1000 >= start + 10 * DAY - 1)
    assert.equal((await server.get("/api/admin/me", { headers: before.headers })).status, 401, "sessions have ended")
    const signedIn = await logIn(server)
    assert.equal((await server.get("/api/admin/me", { headers: signedIn.headers })).status, 200)
    await until("schedules go on", async () =>
      (await value(server.dataDir, "SELECT bool_and(next_run_at > now()) AS all FROM job_schedules")) === true)
    await server.restart()
    assert.ok((await databaseTime()) >= start + 10 * DAY)
    assert.equal((await stripe.clock(clock)).frozen_time, start + 10 * DAY)
  })

  test("what was to happen in between happens: a name that nobody paid for is free again", async () => {
    const customer = await new Customer(server).signUp()
    const start = await databaseTime()
    const clock = await stripe.newClock(start)
    await stripe.advance(clock, start + DAY)
    await until("the sign-up has ended", async () => {
      const { state } = await customer.status()
      return state === "expired" || state === "released" || (state !== "waiting" && state !== "reserved" && state)
    })
  })

  test("webhooks of an instant arrive before the next instant begins", async () => {
    const start = await databaseTime()
    const clock = await stripe.newClock(start)
    const price = (await stripe.get("prices", { limit: 1 })).data[0]
    const customer = await stripe.post("customers", { name: "Timely", test_clock: clock, payment_method: "pm_card_visa" })
    const methods = await stripe.get(`customers/${customer.id}/payment_methods`)
    await stripe.post("subscriptions", {
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: methods.data[0].id,
    })
    await stripe.advance(clock, start + 100 * DAY)
    await stripe.delivered()
    const late = await rows(
      server.dataDir,
      `SELECT type, created_at, received_at FROM stripe_events
        WHERE payload::text LIKE '%${customer.id}%' AND received_at - created_at > interval '2 days'`,
    )
    assert.deepEqual(late, [])
  })

  test("another clock that stands in the past is refused, and so is a server without the setting", async () => {
    const past = await stripe.post("test_helpers/test_clocks", { frozen_time: now() - DAY })
    await assert.rejects(stripe.post("test_helpers/switches", { product_clock: past.id }), /cannot go back/)
    await server.stop()
    const { code, output } = await run(["serve"], { settings: { ...server.settings, clock: "machine" } })
    assert.equal(code, 2)
    assert.match(output, /has lived by the sandbox's clock/)
    const told = await run(["admin", "list"], { settings: { data_dir: server.dataDir } })
    if (told.code === null) throw final(told.output)
  })
})

test("real Stripe and a database of one's own are refused together with it", async () => {
  const server = await Server.prepare()
  try {
    for (const [name, text] of [["stripe_api_base", "https://api.stripe.com"], ["database_url", "host=127.0.0.1 dbname=x"]]) {
      const { code, output } = await run(["serve"], {
        settings: { ...server.settings, clock: "sandbox", stripe_secret_key: "sk_test_x", stripe_webhook_secret: "whsec_x", [name]: text },
      })
      assert.equal(code, 2, output)
      assert.match(output, new RegExp(`clock.* is sandbox, but ${name} is set`, "i"))
    }
    await assert.rejects(async () => readFileSync(join(server.dataDir, "clock/ahead")), { code: "ENOENT" })
  } finally {
    await server.remove()
  }
})
