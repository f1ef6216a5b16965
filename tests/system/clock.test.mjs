// The setting clock = sandbox: a test clock moves the time of everything that belongs to an installation.

import assert from "node:assert/strict"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { isAlive, roles, signal } from "../support/processes.mjs"
import { DAY, SandboxClock } from "../support/sandbox_clock.mjs"
import { run, Server } from "../support/server.mjs"
import { helper } from "../support/stripe.mjs"
import { until } from "../support/until.mjs"

const machineNow = () => Math.floor(Date.now() / 1000)

describe("an installation that lives by the sandbox's clock", () => {
  /** @type {Server} */
  let server
  /** @type {SandboxClock} */
  let clock
  before(async () => {
    server = await Server.prepare({ clock: "sandbox" })
    await server.start()
    clock = await SandboxClock.begin(server)
  })
  after(() => {
    clock?.letGo()
    return server?.remove()
  })

  test("says so: in the box, in the log and in /readyz", async () => {
    assert.match(server.logs(), /\| {2}Time +moved by a test clock of the sandbox/)
    assert.match(server.logs(), /time is not the machine's/)
    assert.equal((await server.get("/readyz")).body.clock, "sandbox")
    const { sandbox, postmaster, haproxies, server: serve } = roles(server.dataDir)
    for (const one of [serve, sandbox, postmaster, haproxies[0]])
      assert.match(readFileSync(`/proc/${one?.pid}/environ`, "latin1"), /LD_PRELOAD=[^\0]*shown_time/)
  })

  test("a step moves everybody's time forward; sessions end, schedules go on, a restart keeps it", async () => {
    assert.ok(Math.abs((await clock.productNow()) - machineNow()) < 60)
    const early = await logIn(server)
    await clock.goToDay(10)
    assert.ok((await clock.productNow()) >= clock.now)
    assert.equal((await server.get("/api/admin/me", { headers: early.headers })).status, 401)
    const late = await logIn(server)
    // Answers are dated once a second.
    await until("answers have the new date", async () => {
      const { status, headers } = await server.get("/api/admin/me", { headers: late.headers })
      return status === 200 && Date.parse(headers.date ?? "") / 1000 >= clock.now - 1
    })
    await clock.untilSchedulesRan()
    clock.letGo()
    await server.restart()
    assert.ok((await clock.productNow()) >= clock.now)
    await clock.goToDay(11)
  })

  test("a name that nobody paid for is free again when its time is over", async () => {
    const customer = await new Customer(server).signUp()
    await clock.goTo(clock.now + DAY)
    await until("the sign-up is over", async () => (await customer.status()).state === "expired")
  })

  test("a customer's renewals arrive when they happen; a sandbox killed on the way goes on", async () => {
    const customer = new Customer(server)
    await customer.goLive()
    await clock.drain()
    const start = clock.now
    await clock.goTo(start + 40 * DAY)
    const advancing = clock.rushTo(start + 130 * DAY)
    const { sandbox } = roles(server.dataDir)
    if (sandbox) {
      signal(sandbox.pid, "SIGKILL")
      await until("it has ended", () => !isAlive(sandbox.pid))
    }
    await advancing.catch(() => clock.untilReady())
    clock.now = (await clock.untilReady()).frozen_time
    await clock.goTo(start + 131 * DAY)
    const late = await clock.sql.rows(
      `SELECT type, created, received_at FROM stripe_events
        WHERE type LIKE 'invoice.%' AND source = 'webhook' AND received_at - created > interval '1 day'`,
    )
    assert.deepEqual(late, [])
    const paid = await clock.sql.value("SELECT count(*)::int FROM billing_invoices WHERE status = 'paid'")
    assert.equal(paid, 5, "the first one and four renewals")
  })

  test("a declined renewal walks the ladder to the hold; paid, its tenant runs within the same drain", async () => {
    await helper(clock.stripe, "switches", { after_retries: "past_due" })
    const customer = new Customer(server)
    await customer.goLive()
    await clock.drain()
    const [{ id, stripe }] = await clock.sql.rows(
      "SELECT t.id, c.stripe_customer_id AS stripe FROM tenants t JOIN customers c ON c.id = t.customer_id ORDER BY t.id DESC LIMIT 1",
    )
    const [card] = (await clock.stripe.paymentMethods.list({ customer: stripe, type: "card" })).data
    const {
      data: [subscription],
    } = await clock.stripe.subscriptions.list({ customer: stripe })
    await helper(clock.stripe, `payment_methods/${card.id}/decline`, { decline_code: "insufficient_funds" })
    const due = subscription.items.data[0].current_period_end
    await clock.goTo(due + 2 * 3600)
    /** @param {number} day */
    const until = async day => {
      await clock.goTo(due + 2 * 3600 + day * DAY + 3600)
      await clock.untilSchedulesRan()
    }
    const state = () => clock.sql.value(`SELECT state FROM tenants WHERE id = ${id}`)
    for (let day = 0; day <= 14; day += 1) {
      assert.equal(await state(), "live", `day ${day}`)
      await until(day)
    }
    await until(15)
    await clock.drain()
    assert.equal(await state(), "suspended")
    const told = await clock.sql.rows(
      `SELECT template FROM mails WHERE tenant_id = ${id} AND template LIKE 'dunning%' ORDER BY id`,
    )
    assert.deepEqual(
      told.map(({ template }) => template),
      ["dunning_first_mail", "dunning_second_mail", "dunning_third_mail", "dunning_warning", "dunning_hold"],
    )
    // No step on the day of an attempt, and none before one.
    const close = await clock.sql.value(`
      SELECT count(*)::int FROM dunning_steps s JOIN dunning_cases c ON c.id = s.case_id
        JOIN billing_invoices i ON i.id = c.invoice_id JOIN billing_attempts a ON a.stripe_invoice_id = i.stripe_invoice_id
       WHERE c.tenant_id = ${id} AND a.at > i.first_failed_at AND a.at <= s.acted_at AND a.at > s.acted_at - interval '23 hours'`)
    assert.equal(close, 0)
    const {
      data: [invoice],
    } = await clock.stripe.invoices.list({ customer: stripe, status: "open" })
    await helper(clock.stripe, `payment_methods/${card.id}/decline`)
    await clock.stripe.invoices.pay(invoice.id)
    await clock.drain()
    assert.equal(await state(), "live")
    await customer.assertTenantAnswers()
    assert.equal(await clock.sql.value(`SELECT outcome FROM dunning_cases WHERE tenant_id = ${id}`), "paid")
  })

  test("a clock that stands in the past is refused", async () => {
    const past = await clock.stripe.testHelpers.testClocks.create({ frozen_time: machineNow() - DAY })
    await assert.rejects(helper(clock.stripe, "switches", { product_clock: past.id }), /cannot go back/)
  })

  test("the program's other commands live by it, a server without the setting is refused", async () => {
    const { code: rebuilt, output: told } = await run(["ledger", "rebuild"], { settings: { data_dir: server.dataDir } })
    assert.equal(rebuilt, 0, told)
    const believed = await clock.sql.value("SELECT extract(epoch FROM max(believed_at))::bigint FROM ledger_runs")
    assert.ok(Number(believed) >= clock.now)
    clock.letGo()
    await server.stop()
    const { code, output } = await run(["serve"], { settings: { ...server.settings, clock: "machine" } })
    assert.equal(code, 2)
    assert.match(output, /has lived by the sandbox's clock/)
  })
})

test("real Stripe and a database of one's own are refused together with it", async () => {
  const server = await Server.prepare()
  const stripe = { stripe_secret_key: "sk_test_x", stripe_webhook_secret: "whsec_x" }
  try {
    for (const wrong of [
      { ...stripe, stripe_api_base: "https://api.stripe.com" },
      { database_url: "host=127.0.0.1 dbname=x" },
    ]) {
      const { code, output } = await run(["serve"], { settings: { ...server.settings, ...wrong, clock: "sandbox" } })
      assert.equal(code, 2, output)
      assert.match(output, new RegExp(`clock.* is sandbox, but ${Object.keys(wrong).at(-1)} is set`, "i"))
    }
    assert.ok(!existsSync(join(server.dataDir, "clock")))
  } finally {
    await server.remove()
  }
})
