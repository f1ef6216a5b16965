// Money that staff move, through the whole server: it dies after Stripe has done it, and nobody pays or is paid twice.

import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { installBrake, releaseBrake, setBrake, untilHeld } from "../support/brake.mjs"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, rows, value } from "../support/database.mjs"
import { signal } from "../support/processes.mjs"
import { Server } from "../support/server.mjs"
import { allOf, helper, stripeOf } from "../support/stripe.mjs"
import { until } from "../support/until.mjs"

/** @type {Server} */
let server
/** @type {any} */
let stripe

before(async () => {
  server = await Server.prepare()
  await server.start()
  await installBrake(server)
  stripe = stripeOf(server)
})
after(() => server?.remove())

/** Somebody whose second period could not be charged, and whose card would take it now. */
async function failing() {
  const customer = new Customer(server)
  await customer.goLive()
  const [known] = await rows(
    server.dataDir,
    `SELECT c.stripe_customer_id AS customer, s.stripe_subscription_id AS subscription
       FROM subscriptions AS s JOIN customers AS c ON c.id = s.customer_id WHERE c.email = '${customer.email}'`,
  )
  const method = await stripe.paymentMethods.attach("pm_card_visa", {
    customer: known.customer,
  })
  await stripe.subscriptions.update(known.subscription, {
    default_payment_method: method.id,
  })
  await helper(stripe, `payment_methods/${method.id}/decline`, {
    decline_code: "insufficient_funds",
  })
  const { latest_invoice: stripeId } = await stripe.subscriptions.update(known.subscription, {
    billing_cycle_anchor: "now",
    proration_behavior: "none",
  })
  const invoice = await until("the failure is known", async () => {
    const [row] = await rows(
      server.dataDir,
      `SELECT id FROM billing_invoices WHERE stripe_invoice_id = '${stripeId}' AND counted_failed > 0`,
    )
    return row && `inv_${row.id}`
  })
  await helper(stripe, `payment_methods/${method.id}/decline`)
  return { ...known, method: method.id, invoice, stripeId }
}

/** @param {{ customer: string, method: string }} of */
const charged = async ({ customer, method }) =>
  (await allOf(stripe.charges.list({ customer, limit: 100 }))).filter(
    charge => charge.payment_method === method && charge.status === "succeeded",
  ).length

/** A request that the server does not live to answer. @param {string} path @param {object} body @param {string} place */
async function dieBefore(place, path, body) {
  const { writing: headers } = await logIn(server)
  await setBrake(server, place)
  const asked = server.post(path, body, { headers }).catch(() => null)
  await untilHeld(server, place)
  signal(server.pid, "SIGSTOP") // it does not use the freedom
  await releaseBrake(server)
  await server.kill9()
  await asked
  await server.start()
}

describe("kill -9 of the server", () => {
  test("after a payment was charged: it is found out, and charged once", async () => {
    const failed = await failing()
    await dieBefore("retry paid", "/api/billing/retry-payment", {
      invoice_id: failed.invoice,
    })
    assert.equal(await charged(failed), 1)
    // Whoever asks meanwhile begins nothing new.
    const { writing: headers } = await logIn(server)
    const again = await server.post("/api/billing/retry-payment", { invoice_id: failed.invoice }, { headers })
    assert.ok(["being_checked", "already_paid"].includes(again.body.outcome), again.text)
    await execute(server.dataDir, "UPDATE jobs SET run_at = now() WHERE kind = 'billing.check_retry'")
    await until(
      "it is known",
      async () => (await value(server.dataDir, "SELECT outcome FROM billing_retries")) === "paid",
    )
    assert.equal(await charged(failed), 1)
    const status = `SELECT status FROM billing_invoices WHERE stripe_invoice_id = '${failed.stripeId}'`
    assert.equal(await value(server.dataDir, status), "paid")
  })

  test("after money went back: it is found out, and goes back once", async () => {
    const customer = new Customer(server)
    await customer.goLive()
    const [{ id, stripe: stripeCustomer }] = await rows(
      server.dataDir,
      `SELECT i.id, c.stripe_customer_id AS stripe FROM billing_invoices AS i JOIN customers AS c ON c.id = i.customer_id
        WHERE c.email = '${customer.email}'`,
    )
    await dieBefore("refund given_back", "/api/billing/refunds", {
      invoice_id: `inv_${id}`,
      amount: 500,
    })
    await execute(server.dataDir, "UPDATE jobs SET run_at = now() WHERE kind = 'billing.check_refund'")
    const order = `FROM billing_refund_orders WHERE invoice_id = ${id}`
    await until("it is known", async () => (await value(server.dataDir, `SELECT outcome ${order}`)) === "given_back")
    const charges = await allOf(stripe.charges.list({ customer: stripeCustomer, limit: 100 }))
    assert.deepEqual(
      charges.map(charge => charge.amount_refunded),
      [500],
    )
    const notes = await allOf(stripe.creditNotes.list({ customer: stripeCustomer, limit: 100 }))
    assert.deepEqual(
      notes.map(note => note.amount),
      [500],
    )
  })
})
