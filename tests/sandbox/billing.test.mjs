// Subscriptions over simulated time: renewals, dunning, trials, changes, cancellations.
import assert from "node:assert/strict"
import { test } from "node:test"
import { receiver, sandbox, stripe } from "./started.mjs"
import { advance, card, customerOnClock, monthlyPrice, open, seconds } from "./support.mjs"

const day = 86_400

const onClock = (start, method) => customerOnClock(stripe, start, method)

const period = ({ items }) => [items.data[0].current_period_start, items.data[0].current_period_end]
const typesOf = id =>
  receiver.received
    .filter(({ event }) =>
      [event.data.object.id, event.data.object.parent?.subscription_details?.subscription].includes(id),
    )
    .map(({ event }) => event.type)

test("an anchor on the 31st renews on the last day of short months and returns", async () => {
  const { clock, customer } = await onClock("2027-01-31T10:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id, items } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 2 }],
  })
  assert.equal(items.data[0].current_period_end, seconds("2027-02-28T10:00:00Z"))
  await advance(stripe, clock, seconds("2027-04-01T00:00:00Z"))
  const now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  assert.deepEqual(period(now), [seconds("2027-03-31T10:00:00Z"), seconds("2027-04-30T10:00:00Z")])
  assert.equal(now.latest_invoice.status, "paid")
  const invoices = (await stripe.invoices.list({ subscription: id })).data
  assert.deepEqual(
    invoices.map(({ billing_reason }) => billing_reason),
    ["subscription_cycle", "subscription_cycle", "subscription_create"],
  )
  assert.deepEqual(
    invoices.map(({ total }) => total),
    [4000, 4000, 4000],
  )
  assert.equal(invoices[0].created, seconds("2027-03-31T10:00:00Z"))
  assert.equal(invoices[0].status_transitions.paid_at, seconds("2027-03-31T11:00:00Z"))
  assert.equal(new Set(invoices.map(({ number }) => number)).size, 3)
})

test("dunning: four retries on the days 1, 3, 5, 7, then the subscription ends; a new card saves it", async () => {
  const price = await monthlyPrice(stripe)
  for (const saved of [false, true]) {
    const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
    const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
    const failing = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer: customer.id })
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: failing.id } })
    const renewal = seconds("2027-02-10T00:00:00Z")
    await advance(stripe, clock, renewal + 2 * 3600)
    let now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
    assert.equal(now.status, "past_due")
    assert.equal(now.latest_invoice.attempt_count, 1)
    assert.equal(now.latest_invoice.next_payment_attempt, renewal + 3600 + day)
    await advance(stripe, clock, renewal + 4 * day)
    now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
    assert.equal(now.latest_invoice.attempt_count, 3)
    if (saved) {
      const good = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id })
      await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: good.id } })
      now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
      assert.equal(now.status, "active")
      assert.equal(now.latest_invoice.status, "paid")
    } else {
      await advance(stripe, clock, renewal + 9 * day)
      now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
      assert.equal(now.status, "canceled")
      assert.equal(now.cancellation_details.reason, "payment_failed")
      assert.equal(now.latest_invoice.attempt_count, 5)
      await receiver.event("customer.subscription.deleted", object => object.id === id)
      assert.equal(typesOf(id).filter(type => type === "invoice.payment_failed").length, 5)
    }
  }
})

test("after the retries a subscription may also become unpaid", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    metadata: { sandbox_after_retries: "unpaid" },
  })
  const failing = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer: customer.id })
  await stripe.subscriptions.update(id, { default_payment_method: failing.id })
  await advance(stripe, clock, seconds("2027-02-20T00:00:00Z"))
  const now = await stripe.subscriptions.retrieve(id)
  assert.equal(now.status, "unpaid")
  const good = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id })
  await stripe.invoices.pay(now.latest_invoice, { payment_method: good.id })
  assert.equal((await stripe.subscriptions.retrieve(id)).status, "active")
})

test("the first payment fails: incomplete, then expired after 23 hours", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z", "pm_card_chargeCustomerFail")
  const price = await monthlyPrice(stripe)
  const { id, status, latest_invoice } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    expand: ["latest_invoice"],
  })
  assert.equal(status, "incomplete")
  assert.equal(latest_invoice.status, "open")
  await assert.rejects(
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      payment_behavior: "error_if_incomplete",
    }),
    { code: "card_declined" },
  )
  await advance(stripe, clock, seconds("2027-01-11T00:00:00Z"))
  const now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  assert.equal(now.status, "incomplete_expired")
  assert.equal(now.latest_invoice.status, "void")
})

test("trials warn three days before, then bill; without a card they pause and resume", async () => {
  const { clock, customer } = await onClock("2027-03-01T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_period_days: 14,
  })
  await advance(stripe, clock, seconds("2027-03-12T12:00:00Z"))
  await receiver.event("customer.subscription.trial_will_end", object => object.id === id)
  await advance(stripe, clock, seconds("2027-03-15T02:00:00Z"))
  const now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  assert.equal(now.status, "active")
  assert.equal(now.latest_invoice.amount_paid, 2000)
  assert.deepEqual(period(now), [seconds("2027-03-15T00:00:00Z"), seconds("2027-04-15T00:00:00Z")])

  const poor = await stripe.customers.create({ test_clock: clock.id })
  const trial = await stripe.subscriptions.create({
    customer: poor.id,
    items: [{ price: price.id }],
    trial_period_days: 5,
    trial_settings: { end_behavior: { missing_payment_method: "pause" } },
  })
  await advance(stripe, clock, seconds("2027-03-21T00:00:00Z"))
  assert.equal((await stripe.subscriptions.retrieve(trial.id)).status, "paused")
  const method = await stripe.paymentMethods.attach("pm_card_visa", { customer: poor.id })
  await stripe.customers.update(poor.id, { invoice_settings: { default_payment_method: method.id } })
  assert.equal((await stripe.subscriptions.resume(trial.id)).status, "active")
  await receiver.event("customer.subscription.resumed", object => object.id === trial.id)
})

test("cancelling at the period's end, taking it back, and cancelling at once", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const marked = await stripe.subscriptions.update(id, { cancel_at_period_end: true })
  assert.equal(marked.cancel_at, seconds("2027-02-10T00:00:00Z"))
  assert.equal((await stripe.subscriptions.update(id, { cancel_at_period_end: false })).cancel_at, null)
  await stripe.subscriptions.update(id, {
    cancel_at_period_end: true,
    cancellation_details: { feedback: "too_expensive" },
  })
  await advance(stripe, clock, seconds("2027-02-11T00:00:00Z"))
  const ended = await stripe.subscriptions.retrieve(id)
  assert.equal(ended.status, "canceled")
  assert.equal(ended.ended_at, seconds("2027-02-10T00:00:00Z"))
  assert.equal(ended.cancellation_details.feedback, "too_expensive")
  assert.equal((await stripe.invoices.list({ subscription: id })).data.length, 1)
  const second = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  assert.equal((await stripe.subscriptions.cancel(second.id)).status, "canceled")
  await assert.rejects(stripe.subscriptions.cancel(second.id), { statusCode: 404 })
  assert.deepEqual((await stripe.subscriptions.list({ customer: customer.id })).data, [])
  assert.equal((await stripe.subscriptions.list({ customer: customer.id, status: "all" })).data.length, 2)
})

test("an upgrade is prorated by the second, previewed alike, and charged on the next invoice or at once", async () => {
  const { clock, customer } = await onClock("2027-04-01T00:00:00Z")
  const [small, large] = [await monthlyPrice(stripe, 3000), await monthlyPrice(stripe, 6000)]
  const { id, items } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: small.id }] })
  await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
  const change = { items: [{ id: items.data[0].id, price: large.id }] }
  const preview = await stripe.invoices.createPreview({ subscription: id, subscription_details: change })
  assert.deepEqual(
    preview.lines.data.map(({ amount }) => amount),
    [-1500, 3000, 6000],
  )
  assert.equal(preview.lines.data[0].parent.subscription_item_details.proration, true)
  const updated = await stripe.subscriptions.update(id, change)
  assert.equal(updated.items.data[0].price.id, large.id)
  const { event } = await receiver.event(
    "customer.subscription.updated",
    object => object.id === id && object.items.data[0].price.id === large.id,
  )
  assert.equal(event.data.previous_attributes.items.data[0].price.id, small.id)
  await advance(stripe, clock, seconds("2027-05-01T02:00:00Z"))
  const { latest_invoice } = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  assert.equal(latest_invoice.amount_paid, 7500)

  const more = await stripe.subscriptions.update(id, {
    items: [{ id: items.data[0].id, quantity: 3 }],
    proration_behavior: "always_invoice",
    expand: ["latest_invoice"],
  })
  assert.equal(more.latest_invoice.billing_reason, "subscription_update")
  assert.equal(more.latest_invoice.status, "paid")
  const fewer = await stripe.subscriptions.update(id, {
    items: [{ id: items.data[0].id, quantity: 1 }],
    proration_behavior: "none",
  })
  assert.equal(fewer.items.data[0].quantity, 1)
})

test("a change from monthly to yearly starts a new period and bills it at once", async () => {
  const { clock, customer } = await onClock("2027-04-01T00:00:00Z")
  const monthly = await monthlyPrice(stripe, 3000)
  const yearly = await stripe.prices.create({
    product: monthly.product,
    unit_amount: 30000,
    currency: "usd",
    recurring: { interval: "year" },
  })
  const { id, items } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: monthly.id }] })
  await advance(stripe, clock, seconds("2027-04-11T00:00:00Z"))
  const now = await stripe.subscriptions.update(id, {
    items: [{ id: items.data[0].id, price: yearly.id }],
    expand: ["latest_invoice"],
  })
  assert.deepEqual(period(now), [seconds("2027-04-11T00:00:00Z"), seconds("2028-04-11T00:00:00Z")])
  assert.equal(now.latest_invoice.amount_paid, 30000 - 2000)
})

test("collection pauses: invoices stay drafts, are voided or given up", async () => {
  for (const [behavior, status] of [
    ["keep_as_draft", "draft"],
    ["void", "void"],
    ["mark_uncollectible", "uncollectible"],
  ]) {
    const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
    const price = await monthlyPrice(stripe)
    const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
    await stripe.subscriptions.update(id, {
      pause_collection: { behavior, resumes_at: seconds("2027-03-01T00:00:00Z") },
    })
    await advance(stripe, clock, seconds("2027-02-12T00:00:00Z"))
    const now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
    assert.equal(now.status, "active")
    assert.equal(now.latest_invoice.status, status)
    await advance(stripe, clock, seconds("2027-03-11T00:00:00Z"))
    const resumed = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
    assert.equal(resumed.pause_collection, null)
    assert.equal(resumed.latest_invoice.status, "paid")
  }
})

test("the hosted invoice page pays what is open, also with 3-D Secure", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const failing = await stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer: customer.id })
  await stripe.subscriptions.update(id, { default_payment_method: failing.id })
  await advance(stripe, clock, seconds("2027-02-10T02:00:00Z"))
  const { latest_invoice } = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] })
  const hosted = await open(latest_invoice.hosted_invoice_url)
  assert.match(hosted.html, /\$20\.00/)
  assert.match((await hosted.submit(card("4000000000000002"))).html, /declined/)
  const asked = await hosted.submit(card("4000002760003184"))
  const approved = await (await open(new URL(asked.location, sandbox.url))).submit({ decision: "approve" })
  assert.equal(approved.location, `/i/${latest_invoice.id}`)
  const paid = await open(latest_invoice.hosted_invoice_url)
  assert.match(paid.html, /Thank you/)
  assert.equal((await stripe.subscriptions.retrieve(id)).status, "active")
  const pdf = await fetch(latest_invoice.invoice_pdf)
  assert.equal(pdf.headers.get("content-type"), "application/pdf")
})

test("a renewal that needs authentication asks for it instead of failing quietly", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe)
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] })
  const asking = await stripe.paymentMethods.attach("pm_card_authenticationRequired", { customer: customer.id })
  await stripe.subscriptions.update(id, { default_payment_method: asking.id })
  await advance(stripe, clock, seconds("2027-02-10T02:00:00Z"))
  const { event } = await receiver.event(
    "invoice.payment_action_required",
    object => object.parent.subscription_details.subscription === id,
  )
  assert.match(event.data.object.hosted_invoice_url, /^http/)
  assert.equal((await stripe.subscriptions.retrieve(id)).status, "past_due")
})

test("a test clock goes with its customers", async () => {
  const { clock, customer } = await onClock("2027-01-10T00:00:00Z")
  await assert.rejects(
    stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: seconds("2027-01-01T00:00:00Z") }),
    { param: "frozen_time" },
  )
  await stripe.testHelpers.testClocks.del(clock.id)
  await assert.rejects(stripe.customers.retrieve(customer.id), { statusCode: 404 })
})
