// Changes of subscriptions: the billing mode, items, updates that wait for their payment, schedules.
import assert from "node:assert/strict"
import { test } from "node:test"
import { receiver, stripe } from "./started.mjs"
import { advance, customerOnClock, monthlyPrice, seconds } from "./support.mjs"

const hour = 3600

const amounts = ({ lines }) => lines.data.map(({ amount }) => amount)
const latest = { expand: ["latest_invoice"] }
const helper = (path, parameters) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)

async function subscribed(amount = 3000, more = {}) {
  const { clock, customer } = await customerOnClock(stripe, "2027-04-01T00:00:00Z")
  const price = await monthlyPrice(stripe, amount)
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], ...more })
  return { clock, customer, price, subscription, id: subscription.id, item: subscription.items.data[0].id }
}

test("a subscription is billed flexibly unless it asks for the classic mode", async () => {
  const { subscription } = await subscribed()
  assert.deepEqual(subscription.billing_mode, { flexible: { proration_discounts: "included" }, type: "flexible" })
  const classic = await subscribed(3000, { billing_mode: { type: "classic" } })
  assert.deepEqual(classic.subscription.billing_mode, { flexible: null, type: "classic" })
  await assert.rejects(
    subscribed(3000, { billing_mode: { type: "flexible", flexible: { proration_discounts: "itemized" } } }),
    { param: "billing_mode[flexible][proration_discounts]" },
  )
})

test("a change without proration is not credited later: flexible gives back what was debited", async () => {
  for (const [type, credited] of [
    ["flexible", -1500],
    ["classic", -4500],
  ]) {
    const { clock, id, item } = await subscribed(3000, { billing_mode: { type } })
    const large = await monthlyPrice(stripe, 9000)
    await stripe.subscriptions.update(id, { items: [{ id: item, price: large.id }], proration_behavior: "none" })
    await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
    const ended = await stripe.subscriptions.cancel(id, { prorate: true })
    const { data } = await stripe.invoiceItems.list({ customer: ended.customer })
    assert.deepEqual(
      data.map(({ amount }) => amount),
      [credited],
      type,
    )
  }
})

test("items are added, changed and removed with prorations", async () => {
  const { clock, id } = await subscribed()
  const seat = await monthlyPrice(stripe, 600)
  await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
  const added = await stripe.subscriptionItems.create({ subscription: id, price: seat.id, quantity: 2 })
  assert.equal(added.quantity, 2)
  const pending = async () =>
    (await stripe.invoiceItems.list({ customer: (await stripe.subscriptions.retrieve(id)).customer, pending: true })).data
  assert.deepEqual(
    (await pending()).map(({ amount }) => amount),
    [600],
  )
  await stripe.subscriptionItems.update(added.id, { quantity: 4, proration_behavior: "always_invoice" })
  const now = await stripe.subscriptions.retrieve(id, latest)
  assert.deepEqual(amounts(now.latest_invoice), [600, -600, 1200])
  assert.equal(now.items.data.length, 2)
  const gone = await stripe.subscriptionItems.del(added.id)
  assert.equal(gone.deleted, true)
  assert.deepEqual(
    (await pending()).map(({ amount }) => amount),
    [-1200],
  )
  assert.equal((await stripe.subscriptions.retrieve(id)).items.data.length, 1)
  const [last] = now.items.data
  await assert.rejects(stripe.subscriptionItems.del(last.id), { statusCode: 400 })
})

test("pending_if_incomplete changes nothing before it is paid for", async () => {
  const { clock, id, item, customer } = await subscribed()
  const large = await monthlyPrice(stripe, 9000)
  const method = (await stripe.customers.retrieve(customer.id)).invoice_settings.default_payment_method
  await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
  await assert.rejects(
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: large.id }],
      payment_behavior: "pending_if_incomplete",
    }),
    { param: "payment_behavior" },
  )
  const change = {
    items: [{ id: item, price: large.id }],
    payment_behavior: "pending_if_incomplete",
    proration_behavior: "always_invoice",
    ...latest,
  }
  await assert.rejects(stripe.subscriptions.update(id, { ...change, metadata: { a: "1" } }), { param: "metadata" })
  await helper(`payment_methods/${method}/decline`, { decline_code: "insufficient_funds" })
  const waiting = await stripe.subscriptions.update(id, change)
  assert.equal(waiting.status, "active")
  assert.equal(waiting.items.data[0].price.unit_amount, 3000)
  assert.equal(waiting.pending_update.subscription_items[0].price.id, large.id)
  assert.equal(waiting.pending_update.expires_at, seconds("2027-04-16T23:00:00Z"))
  assert.equal(waiting.latest_invoice.status, "open")
  const good = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id })
  await stripe.invoices.pay(waiting.latest_invoice.id, { payment_method: good.id })
  const applied = await stripe.subscriptions.retrieve(id)
  assert.deepEqual([applied.pending_update, applied.items.data[0].price.id], [null, large.id])
  await receiver.event("customer.subscription.pending_update_applied", object => object.id === id)

  const back = await stripe.subscriptions.update(id, { ...change, items: [{ id: item, quantity: 2 }] })
  assert.ok(back.pending_update)
  await advance(stripe, clock, seconds("2027-04-17T00:00:00Z"))
  const expired = await stripe.subscriptions.retrieve(id, latest)
  assert.deepEqual(
    [expired.pending_update, expired.items.data[0].quantity, expired.latest_invoice.status],
    [null, 1, "void"],
  )
  await receiver.event("customer.subscription.pending_update_expired", object => object.id === id)
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: good.id } })
  const paid = await stripe.subscriptions.update(id, { ...change, items: [{ id: item, quantity: 2 }] })
  assert.deepEqual([paid.pending_update, paid.items.data[0].quantity], [null, 2])
})

test("a change at the period's end comes by a schedule, before the new period is billed", async () => {
  const { clock, id, price } = await subscribed(9000)
  const small = await monthlyPrice(stripe, 3000)
  await assert.rejects(stripe.subscriptionSchedules.create({ customer: "cus_1" }), { param: "from_subscription" })
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: id })
  assert.equal(schedule.status, "active")
  const [{ start_date, end_date }] = schedule.phases
  assert.deepEqual([start_date, end_date], [seconds("2027-04-01T00:00:00Z"), seconds("2027-05-01T00:00:00Z")])
  assert.equal((await stripe.subscriptions.retrieve(id)).schedule, schedule.id)
  await assert.rejects(stripe.subscriptionSchedules.create({ from_subscription: id }), { statusCode: 400 })
  const planned = await stripe.subscriptionSchedules.update(schedule.id, {
    phases: [
      { items: [{ price: price.id, quantity: 1 }], start_date, end_date },
      { items: [{ price: small.id, quantity: 2 }], duration: { interval: "month", interval_count: 1 } },
    ],
  })
  assert.equal(planned.phases[1].start_date, end_date)
  await advance(stripe, clock, end_date - hour)
  assert.equal((await stripe.subscriptions.retrieve(id)).items.data[0].price.id, price.id)
  await advance(stripe, clock, end_date + 2 * hour)
  const now = await stripe.subscriptions.retrieve(id, latest)
  assert.deepEqual([now.items.data[0].price.id, now.items.data[0].quantity], [small.id, 2])
  assert.deepEqual([now.latest_invoice.amount_paid, now.latest_invoice.lines.data.length], [6000, 1])
  assert.equal(now.schedule, schedule.id)
  await advance(stripe, clock, seconds("2027-06-01T02:00:00Z"))
  const released = await stripe.subscriptionSchedules.retrieve(schedule.id)
  assert.deepEqual([released.status, released.subscription, released.released_subscription], ["released", null, id])
  const later = await stripe.subscriptions.retrieve(id, latest)
  assert.deepEqual([later.status, later.schedule, later.latest_invoice.amount_paid], ["active", null, 6000])
})

test("a schedule is released, canceled, ends its subscription, or goes with it", async () => {
  const scheduled = async () => {
    const made = await subscribed()
    return { ...made, schedule: await stripe.subscriptionSchedules.create({ from_subscription: made.id }) }
  }
  const free = await scheduled()
  assert.equal((await stripe.subscriptionSchedules.release(free.schedule.id)).status, "released")
  assert.equal((await stripe.subscriptions.retrieve(free.id)).schedule, null)
  const canceled = await scheduled()
  assert.equal((await stripe.subscriptionSchedules.cancel(canceled.schedule.id)).status, "canceled")
  assert.equal((await stripe.subscriptions.retrieve(canceled.id)).status, "canceled")
  const ending = await scheduled()
  await stripe.subscriptionSchedules.update(ending.schedule.id, { end_behavior: "cancel" })
  await advance(stripe, ending.clock, seconds("2027-05-01T01:00:00Z"))
  assert.equal((await stripe.subscriptionSchedules.retrieve(ending.schedule.id)).status, "completed")
  assert.equal((await stripe.subscriptions.retrieve(ending.id)).status, "canceled")
  assert.equal((await stripe.invoices.list({ subscription: ending.id })).data.length, 1)
  const gone = await scheduled()
  await stripe.subscriptions.cancel(gone.id)
  assert.equal((await stripe.subscriptionSchedules.retrieve(gone.schedule.id)).status, "canceled")
})
