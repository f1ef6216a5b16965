// The events of the year once more, to a product that has forgotten what they made: late, in another
// order, twice.

import { createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import https from "node:https"
import { join } from "node:path"
import { final, until } from "../support/until.mjs"

/** @typedef {import("../support/server.mjs").Server} Server */
/** @typedef {import("../support/sandbox_clock.mjs").SandboxClock} SandboxClock */

/** What follows from events. People, tenants and their links to Stripe stay. */
const FOLLOWS = [
  "stripe_events",
  "subscription_snapshots",
  "discount_terms",
  "mrr_steps",
  "mrr_movements",
  "billing_invoices",
  "billing_invoice_lines",
  "billing_attempts",
  "billing_refunds",
  "billing_disputes",
  "billing_credit_notes",
  "billing_balance_transactions",
  "subscription_items",
  "mirror_differences",
  "stripe_objects",
  "rollups",
  "rollup_deltas",
  "rollup_months",
  "rollup_totals",
  "book_entries",
]

const AT_ONCE = 6

/** @param {SandboxClock} clock */
export async function forget(clock) {
  const there = await clock.sql.rows(
    `SELECT name FROM unnest('{${FOLLOWS.join(",")}}'::text[]) AS name WHERE to_regclass(name) IS NOT NULL`,
  )
  await clock.sql.execute(
    `BEGIN; SET LOCAL session_replication_role = replica;
     ${there.map(({ name }) => `DELETE FROM ${name};`).join(" ")} UPDATE subscriptions SET mrr = 0; COMMIT`,
  )
}

/** The same every time: a small generator with a seed. @param {number} seed */
function numbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** @template T @param {T[]} list @param {number} seed */
export function shuffled(list, seed) {
  const next = numbers(seed)
  const mixed = [...list]
  for (let i = mixed.length - 1; i > 0; --i) {
    const j = Math.floor(next() * (i + 1))
    ;[mixed[i], mixed[j]] = [mixed[j], mixed[i]]
  }
  return mixed
}

/** @template T @param {T[]} list */
export function thirds(list) {
  const [one, two] = [1, 2].map(n => Math.floor((n * list.length) / 3))
  return [list.slice(0, one), list.slice(one, two), list.slice(two)]
}

/** Through the door that Stripe uses, signed. @param {Server} server @param {SandboxClock} clock @param {string[]} payloads */
export async function deliver(server, clock, payloads) {
  const secret = readFileSync(join(server.dataDir, "secrets/sandbox_webhook_secret"), "utf8").trim()
  const time = await clock.productNow()
  const agent = new https.Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const waiting = [...payloads].reverse()
  const worker = async () => {
    for (let body = waiting.pop(); body !== undefined; body = waiting.pop()) {
      const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")
      const event = Buffer.from(body)
      await until(
        "an event is taken",
        async () => {
          const { status, text } = await server.post("/webhook/stripe", event, {
            agent,
            headers: { "content-type": "application/json", "stripe-signature": `t=${time},v1=${signature}` },
          })
          // Too many at once, or a node that is busy: they come again, as Stripe's do.
          if (status !== 200 && status !== 429 && status !== 503) throw final(`an event was refused: ${status} ${text}`)
          return status === 200
        },
        { every: 200 },
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  agent.destroy()
  await clock.drain()
}
