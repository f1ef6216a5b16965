// Payments that fail: the schedule of the retries, attempts by hand, refusals for good, bank debits.
import assert from "node:assert/strict"
import { test } from "node:test"
import { receiver, sandbox, stripe } from "./started.mjs"
import { advance, customerOnClock, monthlyPrice, seconds } from "./support.mjs"

const day = 86_400
const hour = 3600

const helper = (path, parameters = {}) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)
const renewal = seconds("2027-02-10T00:00:00Z")

/** A subscription of 10 January whose method is refused from its renewal on. */
async function refusedAtRenewal(decline_code) {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const method = (await stripe.customers.retrieve(customer.id)).invoice_settings.default_payment_method
  await helper(`payment_methods/${method}/decline`, { decline_code })
  await advance(stripe, clock, renewal + 2 * hour)
  const look = () => stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  return { clock, customer, method, look }
}

const failures = invoice =>
  receiver.received.filter(({ event }) => event.type === "invoice.payment_failed" && event.data.object.id === invoice)
    .length

test("an attempt by hand leaves the schedule of the retries alone", async () => {
  const { clock, look } = await refusedAtRenewal("insufficient_funds")
  const { latest_invoice: before } = await look()
  assert.deepEqual([before.attempt_count, before.next_payment_attempt], [1, renewal + hour + day])
  for (let i = 0; i < 2; ++i) await assert.rejects(stripe.invoices.pay(before.id), { code: "card_declined" })
  const { latest_invoice: after, status } = await look()
  assert.deepEqual([after.attempt_count, after.next_payment_attempt], [1, renewal + hour + day])
  assert.equal(status, "past_due")
  await advance(stripe, clock, renewal + 2 * day)
  const { latest_invoice: later } = await look()
  assert.deepEqual([later.attempt_count, later.next_payment_attempt], [2, renewal + hour + 3 * day])
  for (let i = 0; i < 100 && failures(before.id) < 4; ++i) await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(failures(before.id), 4)
})

test("a refusal for good waits for a new method while the schedule passes", async () => {
  for (const code of ["lost_card", "stolen_card", "pickup_card", "transaction_not_allowed"]) {
    const { clock, customer, look } = await refusedAtRenewal(code)
    let now = await look()
    assert.deepEqual([now.status, now.latest_invoice.next_payment_attempt], ["past_due", null], code)
    const charges = async () => (await stripe.charges.list({ customer: customer.id })).data.length
    const tried = await charges()
    await advance(stripe, clock, renewal + 4 * day)
    now = await look()
    assert.equal(await charges(), tried, "the card is not charged again")
    assert.deepEqual([now.latest_invoice.attempt_count, now.latest_invoice.next_payment_attempt], [3, null])
    if (code === "lost_card") {
      await advance(stripe, clock, renewal + 9 * day)
      assert.equal((await look()).status, "canceled")
      continue
    }
    const fresh = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id })
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: fresh.id } })
    now = await look()
    assert.deepEqual([now.status, now.latest_invoice.status], ["active", "paid"])
  }
})

test("another method that is refused for now takes up the schedule", async () => {
  const { customer, look } = await refusedAtRenewal("lost_card")
  const soft = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer: customer.id })
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: soft.id } })
  const { latest_invoice } = await look()
  assert.deepEqual([latest_invoice.attempt_count, latest_invoice.next_payment_attempt], [1, renewal + hour + day])
})

test("the schedule can be set, and what comes after it; cases keep their own", async t => {
  t.after(() => helper("switches", { retry_days: [1, 3, 5, 7], after_retries: "canceled" }))
  const early = await refusedAtRenewal("insufficient_funds")
  const set = await helper("switches", { retry_days: [2, 10], after_retries: "unpaid" })
  assert.deepEqual([set.retry_days, set.after_retries], [[2, 10], "unpaid"])
  await assert.rejects(helper("switches", { retry_days: [3, 2] }), { param: "retry_days" })
  assert.deepEqual((await stripe.rawRequest("GET", "/v1/test_helpers/switches")).retry_days, [2, 10])
  const html = await (await fetch(`${sandbox.url}/sandbox`)).text()
  assert.match(html, /days 2, 10/)
  const late = await refusedAtRenewal("insufficient_funds")
  assert.equal((await late.look()).latest_invoice.next_payment_attempt, renewal + hour + 2 * day)
  assert.equal((await early.look()).latest_invoice.next_payment_attempt, renewal + hour + day)
  await advance(stripe, late.clock, renewal + 11 * day)
  const now = await late.look()
  assert.deepEqual([now.status, now.latest_invoice.attempt_count], ["unpaid", 3])
  await advance(stripe, early.clock, renewal + 4 * day)
  assert.equal((await early.look()).latest_invoice.next_payment_attempt, renewal + hour + 5 * day)
  await helper("switches", { retry_days: "" })
  const none = await refusedAtRenewal("insufficient_funds")
  assert.deepEqual([(await none.look()).status, (await none.look()).latest_invoice.attempt_count], ["unpaid", 1])
})

test("a bank debit is tried once", async () => {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, 2000, "eur")
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const debit = await stripe.paymentMethods.create({
    type: "sepa_debit",
    sepa_debit: { iban: "DE62370400440532013001" },
    billing_details: { name: "Timely", email: "timely@example.com" },
  })
  await stripe.paymentMethods.attach(debit.id, { customer: customer.id })
  await stripe.subscriptions.update(id, { default_payment_method: debit.id })
  await advance(stripe, clock, renewal + 2 * hour)
  const look = () => stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  let now = await look()
  assert.deepEqual(
    [now.status, now.latest_invoice.status, now.latest_invoice.attempt_count, now.latest_invoice.next_payment_attempt],
    ["past_due", "open", 1, null],
  )
  await advance(stripe, clock, renewal + 6 * day)
  const debits = (await stripe.charges.list({ customer: customer.id })).data.filter(({ status }) => status === "failed")
  assert.equal(debits.length, 1)
  await advance(stripe, clock, renewal + 9 * day)
  now = await look()
  assert.equal(now.status, "canceled")
})
