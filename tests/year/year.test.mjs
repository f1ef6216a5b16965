// Twelve months of a small business, lived through by the whole product and held against the books
// that the sandbox kept. ONBOARDING_YEAR_FILE names a file that events and objects are written to;
// ONBOARDING_YEAR_DAYS ends it earlier.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { after, before, describe, test } from "node:test"
import { logIn } from "../support/customer.mjs"
import { isAlive, roles, signal } from "../support/processes.mjs"
import { DAY, SandboxClock } from "../support/sandbox_clock.mjs"
import { BINARY, environment, run, Server } from "../support/server.mjs"
import { Sql } from "../support/sql.mjs"
import { until } from "../support/until.mjs"
import { recompute } from "./books/recompute.mjs"
import { Business } from "./business.mjs"
import { deliver, forget, shuffled, thirds } from "./deliver.mjs"
import { presentMrr } from "./present.mjs"
import { eventsOf, objectsOf } from "./stripes_books.mjs"

const ZONE = "UTC"
const DAYS = Number(process.env.ONBOARDING_YEAR_DAYS ?? 366)
const SEED = 20_270_101
/** Days on which somebody asks for the books; nothing else happens just then. */
const BOOKS_ASKED = [1, 2, 3].map(quarter => Math.floor((quarter * DAYS) / 4) + 0.3)

/** @type {Server} */
let server
/** @type {SandboxClock} */
let clock
/** @type {Business} */
let business
/** @type {any} */
let objects
/** @type {any[]} */
let events
/** @type {any[]} */
let lived

const MOVEMENTS = `
  SELECT stripe_customer_id AS customer, currency, day::text, kind::text, amount
    FROM mrr_movements AS m JOIN customers AS c ON c.id = m.customer_id
   WHERE policy = 'recurring' AND believed @> $1::timestamptz
     AND day <= ($1::timestamptz AT TIME ZONE '${ZONE}')::date
   ORDER BY customer, currency, day`
/** As they were known at a moment, or are now. @param {string} [moment] */
const movements = moment => clock.sql.rows(MOVEMENTS.replaceAll("$1", moment ? `'${moment}'` : "now()"))

const plain = (/** @type {any[]} */ list) =>
  list
    .map(({ customer, currency, day, kind, amount }) => `${customer} ${currency.trim()} ${day} ${kind} ${amount}`)
    .sort()

/** The reports, and what of each is held against the recomputation. @type {Record<string, string[]>} */
const REPORTS = {
  cash: ["gross", "other", "refunds", "disputes", "net", "receivables", "invoiced"],
  dunning: ["entered", "entered_amount", "recovered", "recovered_amount", "pending"],
  recognised: ["revenue", "contra", "net", "deferred"],
}
const CURRENCIES = ["eur", "usd", "jpy"]

/** @typedef {{ moment: string, movements: string[], reports: Record<string, Record<string, number>> }} BooksSeen */

const monthOf = (/** @type {number} */ seconds) => new Date(seconds * 1000).toISOString().slice(0, 7)
const secondsOf = (/** @type {BooksSeen} */ { moment }) => Math.floor(Date.parse(moment) / 1000)

/** All figures of all months up to a moment as they were known then. @param {string} moment @returns {Promise<BooksSeen>} */
async function booksAsOf(moment) {
  const { headers } = await logIn(server)
  /** @type {BooksSeen["reports"]} */
  const reports = {}
  for (const [door, members] of Object.entries(REPORTS))
    for (const currency of CURRENCIES) {
      const { status, body, text } = await server.get(
        `/api/reports/${door}?from=${monthOf(clock.start)}&to=${moment.slice(0, 7)}&currency=${currency}` +
          `&timezone=${ZONE}&as_of=${encodeURIComponent(moment)}`,
        { headers },
      )
      assert.equal(status, 200, text)
      for (const one of body.periods)
        reports[`${door} ${currency} ${one.period}`] = Object.fromEntries(members.map(name => [name, one[name]]))
    }
  return { moment, movements: plain(await movements(moment)), reports }
}

/** The product's own present. */
const present = () =>
  clock.sql.value("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
const booksOfNow = async () => booksAsOf(await present())

/** @type {Map<number, any>} */
const known = new Map()

/** The books up to a moment as somebody else computes them. @param {number} until */
function recomputed(until) {
  const books = known.get(until) ?? recompute({ events, objects, zone: ZONE, policy: "recurring", until })
  known.set(until, books)
  assert.deepEqual(books.problems, [])
  return books
}

/** What the recomputation says where the reports said something. @param {BooksSeen} seen */
function recomputedReports(seen) {
  const { months } = recomputed(secondsOf(seen))
  return Object.fromEntries(
    Object.keys(seen.reports).map(name => {
      const [door, currency, month] = name.split(" ")
      const all = months[month]?.[currency] ?? {}
      const its = { cash: all, dunning: all.dunning, recognised: { ...all, net: all.recognised } }[door]
      return [name, Object.fromEntries(REPORTS[door].map(member => [member, its?.[member] ?? 0]))]
    }),
  )
}

const sumBy = (
  /** @type {any[]} */ list,
  /** @type {(one: any) => string} */ key,
  /** @type {(one: any) => number} */ value,
) => {
  /** @type {Record<string, number>} */
  const sums = {}
  for (const one of list) {
    sums[key(one)] = (sums[key(one)] ?? 0) + value(one)
    if (sums[key(one)] === 0) delete sums[key(one)]
  }
  return sums
}

before(async () => {
  server = await Server.prepare({ clock: "sandbox", backup_every_hours: 0, rate_per_address: 0, blueprint: "sample" })
  await server.start()
  clock = await SandboxClock.begin(server)
  business = new Business(server, clock, { days: BOOKS_ASKED, ask: booksOfNow })
})
after(() => {
  clock?.letGo()
  return server?.remove()
})

describe("a year", () => {
  test("is lived", async t => {
    const began = Date.now()
    for (const { day, what, run: happens } of business.story()) {
      if (day > DAYS) break
      await clock.goToDay(day)
      try {
        await happens()
      } catch (error) {
        throw new Error(`day ${day.toFixed(1)}, ${what}: ${/** @type {Error} */ (error).message}`, { cause: error })
      }
      await clock.drain()
    }
    await clock.goToDay(DAYS)
    await clock.untilSchedulesRan()
    t.diagnostic(`${clock.steps} steps in ${Math.round((Date.now() - began) / 1000)} s`)
  })

  test("nothing has been given up, no event is missing, none was stored twice", async t => {
    const dead = await clock.sql.rows("SELECT kind, last_error, payload FROM jobs WHERE state = 'dead'")
    assert.deepEqual(dead, [])
    const [counted] = await clock.sql.rows(`
      SELECT (SELECT count(*) FROM stripe_sandbox.objects WHERE type = 'event') AS there,
             (SELECT count(*) FROM stripe_events) AS here,
             (SELECT count(*) FROM stripe_sandbox.objects AS o WHERE type = 'event'
                AND NOT EXISTS (SELECT FROM stripe_events AS e WHERE e.id = o.id)
                AND data ->> 'type' NOT LIKE 'test_helpers.%') AS missing`)
    assert.equal(counted.missing, 0)
    t.diagnostic(`${counted.here} events`)
    const states = await clock.sql.rows(
      "SELECT type, state, last_error FROM stripe_events WHERE state IN ('received', 'dead', 'foreign')",
    )
    assert.deepEqual(states, [])
  })

  test("both sides have the same invoices", async () => {
    objects = await objectsOf(clock.stripe)
    const kept = Object.fromEntries(
      (
        await clock.sql.rows(
          "SELECT stripe_invoice_id, status, amount, amount_paid, currency, attempt_count FROM billing_invoices",
        )
      ).map(({ stripe_invoice_id, ...rest }) => [stripe_invoice_id, rest]),
    )
    const theirs = Object.fromEntries(
      Object.values(objects.invoices).map(({ id, status, total, amount_paid, currency, attempt_count }) => [
        id,
        { status, amount: total, amount_paid, currency, attempt_count },
      ]),
    )
    assert.deepEqual(kept, theirs)
  })

  test("both sides have the same refunds, and the money of the year adds up", async () => {
    const kept = Object.fromEntries(
      (await clock.sql.rows("SELECT stripe_refund_id, amount, currency, status FROM billing_refunds")).map(
        ({ stripe_refund_id, ...rest }) => [stripe_refund_id, rest],
      ),
    )
    const theirs = Object.fromEntries(
      Object.values(objects.refunds).map(({ id, amount, currency, status }) => [id, { amount, currency, status }]),
    )
    assert.deepEqual(kept, theirs)
    const counted = sumBy(
      await clock.sql.rows(
        "SELECT currency, counted_paid AS amount FROM billing_invoices UNION ALL SELECT currency, -counted FROM billing_refunds UNION ALL SELECT currency, -counted FROM billing_disputes",
      ),
      one => one.currency.trim(),
      one => one.amount,
    )
    const paid = sumBy(
      Object.values(objects.invoices),
      one => one.currency,
      one => one.amount_paid,
    )
    const back = sumBy(
      Object.values(objects.refunds).filter(({ status }) => status !== "failed" && status !== "canceled"),
      one => one.currency,
      one => one.amount,
    )
    const lost = sumBy(
      Object.values(objects.disputes).filter(({ status }) => status === "lost"),
      one => one.currency,
      one => one.amount,
    )
    for (const [currency, amount] of Object.entries(paid))
      assert.equal(counted[currency], amount - (back[currency] ?? 0) - (lost[currency] ?? 0), currency)
  })

  test("each customer brings in what Stripe's own objects say", async () => {
    lived = await movements()
    const customers = objects.customers
    const theirs = sumBy(
      Object.values(objects.subscriptions),
      one => `${one.customer} ${one.currency}`,
      one => presentMrr(one, customers[one.customer], objects.coupons, clock.now),
    )
    const sign = (/** @type {any} */ { kind, amount }) =>
      kind === "churn" || kind === "contraction" ? -amount : amount
    const ours = sumBy(lived, one => `${one.customer} ${one.currency.trim()}`, sign)
    assert.deepEqual(ours, theirs)
    const { headers } = await logIn(server)
    for (const currency of ["eur", "usd", "jpy"]) {
      const { status, body, text } = await server.get(`/api/dashboard/mrr?currency=${currency}`, { headers })
      assert.equal(status, 200, text)
      const column = body.columns.findIndex((/** @type {any} */ { id }) => id === "end")
      const total = Object.entries(theirs)
        .filter(([key]) => key.endsWith(currency))
        .reduce((all, [, value]) => all + value, 0)
      assert.equal(body.rows.at(-1).values[column], total, currency)
    }
  })

  test("the events and objects make the same books when somebody else computes them", async () => {
    events = await eventsOf(clock.stripe)
    if (process.env.ONBOARDING_YEAR_FILE)
      writeFileSync(
        process.env.ONBOARDING_YEAR_FILE,
        JSON.stringify({ events, objects, zone: ZONE, policy: "recurring", until: clock.now, movements: lived }),
      )
    assert.deepEqual(plain(lived), plain(recomputed(clock.now).mrr.movements))
  })

  test("the reports say the same", async () => {
    const seen = await booksOfNow()
    assert.deepEqual(seen.reports, recomputedReports(seen))
  })

  test("what was known on three days of the year can still be asked, and was right then", async () => {
    assert.equal(business.kept.books.length, BOOKS_ASKED.length)
    for (const seen of business.kept.books) {
      const again = await booksAsOf(seen.moment)
      assert.deepEqual(again, seen, `as of ${seen.moment}`)
      assert.deepEqual(seen.reports, recomputedReports(seen), seen.moment)
      assert.deepEqual(seen.movements, plain(recomputed(secondsOf(seen)).mrr.movements), seen.moment)
    }
  })
})

describe("bad luck at the end of the year", () => {
  test("the sandbox is killed while its clock goes on, and goes on itself", async () => {
    const start = clock.now
    await clock.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: start + 45 * DAY })
    // Its work is held at a place between two instants.
    await clock.sql.execute("SELECT pg_advisory_lock(hashtext('stripe_sandbox.work'))")
    const [held] = await clock.sql.rows(
      `SELECT data ->> 'status' AS status FROM stripe_sandbox.objects WHERE id = '${clock.id}'`,
    )
    const { sandbox } = roles(server.dataDir)
    assert.ok(sandbox)
    signal(sandbox.pid, "SIGKILL")
    await until("it has ended", () => !isAlive(sandbox.pid))
    await clock.sql.execute("SELECT pg_advisory_unlock(hashtext('stripe_sandbox.work'))")
    assert.equal(held.status, "advancing")
    clock.now = (await clock.untilReady()).frozen_time
    assert.equal(clock.now, start + 45 * DAY)
    await clock.drain()
    objects = await objectsOf(clock.stripe)
    events = await eventsOf(clock.stripe)
    known.clear()
    lived = await movements()
    const ours = await clock.sql.rows(
      "SELECT stripe_invoice_id AS id, status, amount_paid FROM billing_invoices ORDER BY id",
    )
    const theirs = Object.values(objects.invoices).map(({ id, status, amount_paid }) => ({ id, status, amount_paid }))
    const byId = (/** @type {any} */ one, /** @type {any} */ other) => (one.id < other.id ? -1 : 1)
    assert.deepEqual(ours.sort(byId), theirs.sort(byId))
  })

  test("the server is killed in the middle of a rebuild; another one finds no difference", async () => {
    const holder = new Sql(server.dataDir)
    await holder.execute("BEGIN; SELECT FROM customers WHERE id = (SELECT max(id) FROM customers) FOR UPDATE")
    const rebuild = spawn(BINARY, ["ledger", "rebuild"], {
      env: environment({ data_dir: server.dataDir }),
      stdio: "ignore",
    })
    const rebuilt = new Promise(resolve => rebuild.once("exit", resolve))
    await until("the rebuild is held", () =>
      clock.sql.value(
        "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'onboarding ledger' AND wait_event_type = 'Lock'",
      ),
    )
    const { postmaster } = roles(server.dataDir)
    clock.letGo()
    await server.kill9()
    holder.close()
    assert.notEqual(await rebuilt, 0)
    if (postmaster) await until("its database has ended", () => !isAlive(postmaster.pid))
    await server.start()
    assert.deepEqual(await movements(), lived)
    const { code, output } = await run(["ledger", "rebuild"], { settings: { data_dir: server.dataDir } })
    assert.equal(code, 0, output)
    assert.match(output, /, 0 differences\n$/)
    assert.deepEqual(await movements(), lived)
  })

  /** @type {string[] | undefined} */
  let payloads
  for (const [how, order] of /** @type {[string, (all: string[]) => string[]][]} */ ([
    ["late, all at the end", all => all],
    ["shuffled and twice", all => shuffled([...all, ...all], SEED)],
  ]))
    test(`the same events, ${how}, make the same books`, async t => {
      const began = Date.now()
      // Those of the sandbox's clocks are nobody's.
      payloads ??= (
        await clock.sql.rows(
          "SELECT payload FROM stripe_events WHERE type NOT LIKE 'test_helpers.%' ORDER BY created, received_at",
        )
      ).map(({ payload }) => payload)
      await forget(clock)
      /** @type {BooksSeen[]} */
      const seen = []
      for (const part of thirds(order(payloads))) {
        await deliver(server, clock, part)
        seen.push(await booksOfNow())
      }
      for (const one of seen) assert.deepEqual(await booksAsOf(one.moment), one, `as of ${one.moment}`)
      assert.deepEqual(await movements(), lived)
      const last = /** @type {BooksSeen} */ (seen.at(-1))
      assert.deepEqual(last.reports, recomputedReports(last))
      t.diagnostic(`${payloads.length} events in ${Math.round((Date.now() - began) / 1000)} s`)
    })
})
