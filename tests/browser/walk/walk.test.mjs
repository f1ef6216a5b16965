// A quarter of a year at the desk and on a phone: everything that the pages of money let people do, in both languages at
// the same time, in the sandbox's time. Afterwards the books, the checks, Stripe's objects and somebody else's
// computation say the same to the cent.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { logIn as logInOverHttp } from "../../support/customer.mjs"
import { SandboxClock } from "../../support/sandbox_clock.mjs"
import { Server } from "../../support/server.mjs"
import { allOf, helper } from "../../support/stripe.mjs"
import { until } from "../../support/until.mjs"
import { recompute } from "../../year/books/recompute.mjs"
import { presentMrr } from "../../year/present.mjs"
import { eventsOf, objectsOf } from "../../year/stripes_books.mjs"
import { Desk } from "./desk.mjs"
import { Phone } from "./phone.mjs"

/** @typedef {import("../support.mjs").Language} Language */
/** @typedef {typeof import("../support.mjs")} Support */

/** What both sides of the desk need of the world. */
export class World {
  /** @param {Server} server @param {SandboxClock} clock @param {Support} support */
  constructor(server, clock, support) {
    this.server = server
    this.clock = clock
    this.support = support
    this.url = server.url
    this.password = server.password
    this.settled = support.settled
    this.picture = support.screenshot
    this.browser = support.openBrowser()
  }

  /** Their clock is the product's. @param {Parameters<Support["openContext"]>[1]} visitor */
  async asVisitor(visitor) {
    const context = await this.support.openContext(await this.browser, visitor)
    const ahead = (await this.clock.productNow()) * 1000 - Date.now()
    await context.addInitScript(by => {
      const Present = Date
      globalThis.Date = /** @type {any} */ (
        class extends Present {
          /** @param {any[]} when */
          constructor(...when) {
            // @ts-expect-error as many as were given
            super(...(when.length > 0 ? when : [Present.now() + by]))
          }
          static now() {
            return Present.now() + by
          }
        }
      )
    }, ahead)
    return context
  }

  /** @param {import("../support.mjs").Page} page */
  logIn(page) {
    return this.support.logIn(page, this.support.STAFF)
  }

  /** @param {string} text */
  sql(text) {
    return this.clock.sql.rows(text)
  }
}

/** One language's people, and what is known of them. */
class Side {
  tenant = ""
  number = ""
  subscription = ""
  customer = ""
  /** Minor units that a page said are due at once, and the invoices that came of it. @type {number[]} */
  quoted = []
  kept = /** @type {Record<string, any>} */ ({})

  /** @param {World} world @param {Language} language @param {(key: string) => string} words */
  constructor(world, language, words) {
    this.world = world
    this.language = language
    this.name = `walk-${language}`
    this.desk = new Desk(world, language, words)
    this.phone = new Phone(world, language, words)
  }

  async know() {
    const [found] = await this.world.sql(
      `SELECT t.id::text AS number, s.stripe_subscription_id AS subscription, c.stripe_customer_id AS customer
         FROM tenants t JOIN subscriptions s ON s.tenant_id = t.id JOIN customers c ON c.id = t.customer_id
        WHERE t.subdomain = '${this.name}' ORDER BY s.id DESC`,
    )
    Object.assign(this, { ...found, tenant: `ten_${found.number}` })
  }

  /** Of this tenant's customer, newest first. @param {string} [status] */
  async invoices(status = "paid") {
    return this.world.sql(
      `SELECT 'inv_' || i.id AS id, i.stripe_invoice_id AS stripe, i.amount::int AS amount, i.amount_paid::int AS paid
         FROM billing_invoices i JOIN customers c ON c.id = i.customer_id
        WHERE c.stripe_customer_id = '${this.customer}' AND i.status = '${status}' ORDER BY i.date DESC, i.id DESC`,
    )
  }

  async state() {
    const [{ state }] = await this.world.sql(`SELECT state::text FROM tenants WHERE id = ${this.number}`)
    return state
  }

  /** The card that is charged is declined, or not any more. @param {string} [code] */
  async decline(code) {
    const { stripe } = this.world.clock
    const subscription = await stripe.subscriptions.retrieve(this.subscription)
    const customer = await stripe.customers.retrieve(this.customer)
    const card = subscription.default_payment_method ?? customer.invoice_settings.default_payment_method
    await helper(stripe, `payment_methods/${card}/decline`, code ? { decline_code: code } : {})
  }
}

/** @type {Server} */
let server
/** @type {SandboxClock} */
let clock
/** @type {World} */
let world
/** @type {Side[]} */
let sides
let isOver = false
let today = 0

/** On a day since the beginning each side does the same, one after the other. @param {number} day @param {string} what @param {(side: Side) => Promise<void>} run */
function on(day, what, run) {
  test(`day ${day}: ${what}`, async t => {
    if (isOver) return t.skip("what came before has failed")
    // What the product does at times of its own has its turn every few days.
    for (let next = Math.min(day, today + 3); today < day; next = Math.min(day, today + 3)) {
      await clock.goToDay(next)
      await clock.untilSchedulesRan()
      today = next
    }
    for (const side of sides) {
      try {
        await run(side)
        await clock.drain()
      } catch (error) {
        isOver = true
        for (const who of [side.desk, side.phone]) await who.picture("failed").catch(() => {})
        throw new Error(`in ${side.language}: ${/** @type {Error} */ (error).message}`, { cause: error })
      }
    }
  })
}

before(async () => {
  server = await Server.prepare({ clock: "sandbox", backup_every_hours: 0, rate_per_address: 0, blueprint: "sample" })
  await server.start()
  clock = await SandboxClock.begin(server)
  await helper(clock.stripe, "switches", { after_retries: "past_due" })
  Object.assign(process.env, {
    ONBOARDING_TEST_URL: server.url,
    ONBOARDING_TEST_EMAIL: server.email,
    ONBOARDING_TEST_PASSWORD: server.password,
  })
  const support = await import("../support.mjs")
  world = new World(server, clock, support)
  sides = []
  for (const language of support.LANGUAGES) sides.push(new Side(world, language, await support.wordsIn(language)))
})
after(async () => {
  await (await world?.browser)?.close()
  clock?.letGo()
  await server?.remove()
})

on(0, "plans, codes, mails and days are set at the desk", async ({ desk, language }) => {
  await desk.logIn()
  await desk.namesOrganisation()
  await desk.editsPlan("Business", language === "es" ? 15900 : 14900)
  await desk.makesCode({ code: `WALK${language.toUpperCase()}`, percent: 20, months: 2 })
  await desk.wordsMail(
    "dunning_first_mail",
    language === "es" ? "{address}: no hemos podido cobrar" : "{address}: not paid",
  )
  await desk.setsDay("third_mail_day", language === "es" ? 6 : 7)
})

on(0.1, "a stranger signs up with a code and a VAT number", async side => {
  await side.phone.signUp({
    subdomain: side.name,
    plan: "Starter",
    code: `WALK${side.language.toUpperCase()}`,
    vat: "ESB00000000",
  })
  await clock.drain()
  await side.know()
  const [first] = await side.invoices()
  assert.equal(first.paid, 1520, "a fifth less than the plan's 19.00")
})

on(1, "the customer reads, and gives one more VAT number; the desk takes copies of the invoice", async side => {
  const { phone, desk } = side
  await phone.open()
  await phone.picture("open")
  await phone.downloadsInvoice()
  await phone.givesVat(side.language === "es" ? "ESB12345678" : "DE123456789")
  await desk.logIn()
  const [first] = await side.invoices()
  side.kept.first = first
  await desk.readsInvoice(first.id)
})

on(2, "what they buy is taxed from the next invoice on", async ({ subscription }) => {
  const rate = await clock.stripe.taxRates.create({
    display_name: "IVA",
    percentage: 21,
    inclusive: false,
    country: "ES",
  })
  await clock.stripe.subscriptions.update(subscription, { default_tax_rates: [rate.id] })
})

on(5, "the customer takes a dearer plan, and thinks better of a cheaper one", async side => {
  const { phone } = side
  await phone.open()
  const due = await phone.changesPlan("team")
  await clock.drain()
  const [paid] = await side.invoices()
  assert.equal(paid.paid, due, "what the page said is what was charged")
  assert.equal(await phone.changesPlan("starter"), 0)
  await phone.takesPlanBack()
  await side.desk.logIn()
  await side.desk.readsInvoice(paid.id, true)
})

on(8, "the desk gives the tenant a dearer plan at once", async side => {
  await side.desk.logIn()
  const due = await side.desk.changesPlan(side.tenant, "business")
  await clock.drain()
  const [paid] = await side.invoices()
  assert.equal(paid.paid, due, "what the page said is what was charged")
})

on(10, "a part of the first payment goes back, and no more than there is", async side => {
  await side.desk.logIn()
  await side.desk.givesBack(side.kept.first.id, 550, 99_999)
})

on(12, "another card comes, the first one goes", async side => {
  const { phone, desk } = side
  await desk.logIn()
  await desk.asksForAnotherCard(side.name, "Visa")
  await phone.opensNewestLink()
  await phone.givesCard()
  await clock.drain()
  await desk.chargesFromNowOn(side.name, "Visa")
  await clock.drain()
  await desk.chargesFromNowOn(side.name, "Mastercard")
  await clock.drain()
  await desk.removesCard(side.name, "Visa")
})

on(15, "a bank takes money back, and the desk answers", async side => {
  const charges = await allOf(clock.stripe.charges.list({ customer: side.customer, limit: 100 }))
  const charge = charges.filter(one => one.paid && one.amount_refunded === 0).sort((a, b) => b.amount - a.amount)[0]
  const { id } = await helper(clock.stripe, `charges/${charge.id}/dispute`, { amount: 500, reason: "general" })
  await clock.drain()
  await side.desk.logIn()
  await side.desk.answersDispute(id)
})

on(20, "the customer cancels and stays within a minute", async side => {
  await side.phone.open()
  await side.phone.cancels("too_expensive")
  await side.phone.resumes()
})

on(30, "the bank is about to decline", side => side.decline("insufficient_funds"))

on(32, "the renewal has failed: the desk tries again, asks for less and pauses what follows", async side => {
  const { desk } = side
  await desk.logIn()
  await desk.triesAgain(side.name, "insufficient_funds")
  const [open] = await side.invoices("open")
  await desk.asksForLess(open.id, 100)
  await desk.agrees(side.tenant, true)
})

on(35, "nothing is written while it is paused; then it goes on", async side => {
  const letters = () =>
    world.sql(
      `SELECT template FROM mails WHERE recipient = '${side.phone.email}' AND template LIKE 'dunning%' ORDER BY id`,
    )
  side.kept.letters = (await letters()).length
  await side.desk.logIn()
  await side.desk.agrees(side.tenant, false)
  await clock.drain()
})

on(
  50,
  "who does not pay stands still, was told so on the way, and pays: with another card, or the invoice alone",
  async side => {
    const templates = (
      await world.sql(
        `SELECT template FROM mails WHERE recipient = '${side.phone.email}' AND template LIKE 'dunning%' ORDER BY id`,
      )
    ).map(({ template }) => template)
    assert.equal(new Set(templates).size, templates.length, `none came twice: ${templates}`)
    assert.ok(templates.includes("dunning_warning") && templates.includes("dunning_hold"), templates.join(" "))
    assert.equal(await side.state(), "suspended")
    const page = await server.tenant(side.name)
    assert.equal(page.status, 503)
    await side.phone.open(`${server.url}/portal?tenant=${side.name}`)
    await side.phone.picture("suspended")
    if (side.language === "es") await side.phone.givesCard("4000 0566 5566 5556")
    else {
      await side.phone.paysNow()
      await side.decline()
    }
    await clock.drain()
    await until("the tenant runs again", async () => (await side.state()) === "live")
    assert.deepEqual(await side.invoices("open"), [])
  },
)

on(64, "the customer goes", async side => {
  await side.phone.open()
  await side.phone.cancels("unused")
})

on(95, "and comes back after the end", async side => {
  assert.equal(await side.state(), "suspended")
  await side.phone.open(`${server.url}/portal?tenant=${side.name}`)
  await side.phone.comesBack()
  await clock.drain()
  await until("the tenant runs again", async () => (await side.state()) === "live")
  await side.know()
})

on(96, "the newest payment goes back to the last cent", async side => {
  const [newest] = await side.invoices()
  await side.desk.logIn()
  await side.desk.givesBack(newest.id, newest.paid, newest.paid + 1)
})

test("nothing has been given up, and no event is missing", async () => {
  await clock.untilSchedulesRan()
  assert.deepEqual(await world.sql("SELECT kind, last_error FROM jobs WHERE state = 'dead'"), [])
  assert.deepEqual(
    await world.sql(`SELECT o.id FROM stripe_sandbox.objects AS o
                      WHERE type = 'event' AND data ->> 'type' NOT LIKE 'test_helpers.%'
                        AND NOT EXISTS (SELECT FROM stripe_events AS e WHERE e.id = o.id)`),
    [],
  )
})

test("Stripe's objects, the books and somebody else's computation agree to the cent", async () => {
  const objects = await objectsOf(clock.stripe)
  const kept = await world.sql(
    "SELECT stripe_invoice_id AS id, status, amount_paid::int AS paid FROM billing_invoices ORDER BY id",
  )
  const theirs = Object.values(objects.invoices).map(({ id, status, amount_paid: paid }) => ({ id, status, paid }))
  const byId = (/** @type {any} */ one, /** @type {any} */ other) => (one.id < other.id ? -1 : 1)
  assert.deepEqual(kept.sort(byId), theirs.sort(byId))

  const { headers } = await logInOverHttp(server)
  const moment = await clock.sql.value(
    "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
  )
  const books = recompute({
    events: await eventsOf(clock.stripe),
    objects,
    zone: "UTC",
    policy: "recurring",
    until: Math.floor(Date.parse(moment) / 1000),
  })
  assert.deepEqual(books.problems, [])
  const month = (/** @type {number} */ seconds) => new Date(seconds * 1000).toISOString().slice(0, 7)
  for (const [door, members] of Object.entries({
    cash: ["gross", "other", "refunds", "disputes", "net", "receivables", "invoiced"],
    dunning: ["entered", "entered_amount", "recovered", "recovered_amount", "pending"],
    recognised: ["revenue", "contra", "deferred"],
  })) {
    const { status, body, text } = await server.get(
      `/api/reports/${door}?from=${month(clock.start)}&to=${moment.slice(0, 7)}&currency=eur&timezone=UTC` +
        `&as_of=${encodeURIComponent(moment)}`,
      { headers },
    )
    assert.equal(status, 200, text)
    for (const period of body.periods) {
      const all = books.months[period.period]?.eur ?? {}
      /** @type {any} */
      const its = door === "dunning" ? all.dunning : all
      for (const member of members)
        assert.equal(period[member], its?.[member] ?? 0, `${door} ${period.period}: ${member}`)
    }
  }
  const mrr = Object.values(objects.subscriptions).reduce(
    (sum, one) => sum + presentMrr(one, objects.customers[one.customer], objects.coupons, clock.now),
    0,
  )
  const [{ ours }] = await world.sql(
    `SELECT coalesce(sum(mrr_after - mrr_before), 0)::int AS ours FROM mrr_movements
      WHERE policy = 'recurring' AND upper_inf(believed) AND day <= (clock_timestamp() AT TIME ZONE 'UTC')::date`,
  )
  assert.equal(ours, mrr)
})

test("every check of the books holds, and nothing differs from Stripe", async () => {
  const [{ desk }] = sides
  await desk.logIn()
  await desk.checksAll()
  const red = await world.sql(
    "SELECT name, offenders, error, sample FROM invariant_results WHERE offenders IS DISTINCT FROM 0",
  )
  assert.deepEqual(red, [])
  assert.deepEqual(
    await world.sql("SELECT kind, stripe_id, members FROM mirror_differences WHERE resolved_at IS NULL"),
    [],
  )
})
