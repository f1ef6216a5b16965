// The clock of a server whose setting clock is sandbox: it goes from one due instant to the next, and
// before it goes on, the product has done all that the instant gave it to do.

import { Sql } from "./sql.mjs"
import { helper, stripeOf } from "./stripe.mjs"
import { final, until } from "./until.mjs"

/** @typedef {import("./server.mjs").Server} Server */

export const DAY = 86_400

/** What is still to be done. A delivery that is held back is not. */
const LEFT = `
  SELECT (SELECT count(*) FROM stripe_sandbox.deliveries WHERE next_attempt IS NOT NULL) AS deliveries,
         (SELECT count(*) FROM stripe_events WHERE state = 'received') AS events,
         (SELECT count(*) FROM jobs WHERE state = 'running'
             OR (state = 'waiting' AND run_at <= now() + interval '1 second')) AS jobs`

export class SandboxClock {
  /** Nobody waits for webhooks: they are switched off, or come when they come. */
  isDeaf = false
  steps = 0
  /** @type {Sql | undefined} */
  #sql

  /** @param {Server} server @param {any} stripe @param {string} id @param {number} start */
  constructor(server, stripe, id, start) {
    this.server = server
    this.stripe = stripe
    this.id = id
    this.start = start
    this.now = start
  }

  /** A clock of the present, which the product and all customers to come live by. @param {Server} server */
  static async begin(server) {
    const stripe = stripeOf(server)
    const sql = new Sql(server.dataDir)
    const now = Number(await sql.value("SELECT extract(epoch FROM now())::bigint"))
    sql.close()
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: now })
    await helper(stripe, "switches", { product_clock: clock.id, test_clock: clock.id })
    return new SandboxClock(server, stripe, clock.id, now)
  }

  get sql() {
    this.#sql ??= new Sql(this.server.dataDir)
    return this.#sql
  }

  /** The server is about to end: its database goes with it. */
  letGo() {
    this.#sql?.close()
    this.#sql = undefined
  }

  /** The product's time. */
  async productNow() {
    return Number(await this.sql.value("SELECT extract(epoch FROM clock_timestamp())::bigint"))
  }

  /** Nothing is due any more, neither at the sandbox nor in the product. */
  async drain() {
    /** @type {any} */
    let left
    await until("everything due is done", async () => {
      const [seen] = await this.sql.rows(LEFT)
      left = seen
      return (this.isDeaf || seen.deliveries === 0) && seen.events === 0 && seen.jobs === 0
    }, { every: 4, patience: 300_000 }).catch(async error => {
      const jobs = await this.sql.rows("SELECT kind, state, attempt, run_at, last_error FROM jobs WHERE state IN ('waiting', 'running') LIMIT 5")
      throw new Error(`still to be done: ${JSON.stringify(left)} ${JSON.stringify(jobs)}`, { cause: error })
    })
  }

  async untilReady() {
    return until("the clock has arrived", async () => {
      const clock = await this.stripe.testHelpers.testClocks.retrieve(this.id)
      if (clock.status === "internal_failure") throw final("the test clock failed")
      return clock.status === "ready" && clock
    }, { every: 2, patience: 600_000 })
  }

  /** From due instant to due instant, with all that follows. @param {number} moment */
  async goTo(moment) {
    while (this.now < moment) {
      await helper(this.stripe, `test_clocks/${this.id}/step`, { frozen_time: moment })
      this.now = (await this.untilReady()).frozen_time
      this.steps += 1
      await this.drain()
    }
  }

  /** @param {number} days since the beginning */
  goToDay(days) {
    return this.goTo(this.start + days * DAY)
  }

  /** In one go: webhooks of an instant arrive before the next, the product's own work may be behind. @param {number} moment */
  async rushTo(moment) {
    await this.stripe.testHelpers.testClocks.advance(this.id, { frozen_time: moment })
    this.now = (await this.untilReady()).frozen_time
    await this.drain()
  }

  /** What the product does by itself at times of its own: every schedule has had its turn. */
  async untilSchedulesRan() {
    await until("every schedule has had its turn", async () =>
      (await this.sql.value("SELECT bool_and(next_run_at > now() OR EXISTS (SELECT FROM jobs WHERE schedule = name AND state IN ('waiting', 'running'))) FROM job_schedules")) === true)
    await this.drain()
  }
}
