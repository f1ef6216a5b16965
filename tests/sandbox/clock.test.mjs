// Time and delivery at will: customers put on a clock, steps from due to due, a crash on the way,
// webhooks that are held back, shuffled and doubled.
import assert from "node:assert/strict"
import { after, test } from "node:test"
import { advance, card, client, monthlyPrice, open, seconds, sleep, startReceiver, startSandbox } from "./support.mjs"

const running = []
after(async () => {
  for (const one of running) await one.stop()
})
const keep = one => {
  running.push(one)
  return one
}
const helper = (stripe, path, parameters = {}) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)

test("whoever signs up lives by the clock that is switched on, through the checkout too", async () => {
  const { stripe, url } = keep(await startSandbox())
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds("2030-01-31T00:00:00Z") })
  await assert.rejects(helper(stripe, "switches", { test_clock: "clock_none" }), { param: "test_clock" })
  await helper(stripe, "switches", { test_clock: clock.id })
  assert.match(await (await fetch(`${url}/sandbox`)).text(), new RegExp(`New customers live by <code>${clock.id}`))
  const price = await monthlyPrice(stripe)
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    line_items: [{ price: price.id }],
    success_url: "https://shop.example/",
    customer_email: "a@example.com",
  })
  await (await open(session.url)).submit(card("4242424242424242"))
  const { subscription, customer } = await stripe.checkout.sessions.retrieve(session.id, {
    expand: ["subscription", "customer"],
  })
  assert.deepEqual([customer.test_clock, subscription.test_clock], [clock.id, clock.id])
  assert.equal(subscription.start_date, seconds("2030-01-31T00:00:00Z"))
  await advance(stripe, clock, seconds("2030-03-31T02:00:00Z"))
  assert.equal((await stripe.invoices.list({ subscription: subscription.id })).data.length, 3)

  await helper(stripe, "switches", { test_clock: "" })
  const free = await stripe.customers.create({ name: "Free", payment_method: "pm_card_visa" })
  assert.equal(free.test_clock, null)
  const kept = (await stripe.customers.listPaymentMethods(free.id)).data[0].id
  const own = await stripe.subscriptions.create({
    customer: free.id,
    items: [{ price: price.id }],
    default_payment_method: kept,
  })
  const soon = await stripe.testHelpers.testClocks.create({ frozen_time: Math.floor(Date.now() / 1000) + 60 })
  const past = await stripe.testHelpers.testClocks.create({ frozen_time: seconds("2020-01-01T00:00:00Z") })
  await assert.rejects(helper(stripe, `customers/${free.id}/test_clock`, { test_clock: past.id }), {
    param: "test_clock",
  })
  const chosen = await helper(stripe, `customers/${free.id}/test_clock`, { test_clock: soon.id })
  assert.equal(chosen.test_clock, soon.id)
  const end = own.items.data[0].current_period_end
  await advance(stripe, soon, end + 2 * 3600)
  const bound = await stripe.subscriptions.retrieve(own.id, { expand: ["latest_invoice"] })
  assert.deepEqual([bound.test_clock, bound.items.data[0].current_period_start], [soon.id, end])
  assert.equal(bound.latest_invoice.status, "paid")
  await stripe.testHelpers.testClocks.del(clock.id)
})

test("a clock steps to the next instant at which something is due", async () => {
  const { stripe } = keep(await startSandbox())
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds("2027-01-10T00:00:00Z") })
  const customer = await stripe.customers.create({ test_clock: clock.id, payment_method: "pm_card_visa" })
  const price = await monthlyPrice(stripe)
  await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: (await stripe.customers.listPaymentMethods(customer.id)).data[0].id,
  })
  const instants = []
  const end = seconds("2027-02-11T00:00:00Z")
  for (let now = clock; now.frozen_time < end; ) {
    await helper(stripe, `test_clocks/${clock.id}/step`, { frozen_time: end })
    do now = await stripe.testHelpers.testClocks.retrieve(clock.id)
    while (now.status === "advancing")
    instants.push(new Date(now.frozen_time * 1000).toISOString().slice(0, 16))
  }
  assert.deepEqual(instants, ["2027-02-03T00:00", "2027-02-10T00:00", "2027-02-10T01:00", "2027-02-11T00:00"])
})

test("killed in the middle of an advance, it goes on where it was", async () => {
  const first = await startSandbox()
  const clock = await first.stripe.testHelpers.testClocks.create({ frozen_time: seconds("2027-01-31T00:00:00Z") })
  const price = await monthlyPrice(first.stripe)
  const made = []
  for (let i = 0; i < 5; ++i) {
    const customer = await first.stripe.customers.create({ test_clock: clock.id, payment_method: "pm_card_visa" })
    const [method] = (await first.stripe.customers.listPaymentMethods(customer.id)).data
    const { id } = await first.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: method.id,
    })
    made.push(id)
  }
  const target = seconds("2028-02-01T00:00:00Z")
  await first.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: target })
  const onTheWay = async stripe => (await stripe.testHelpers.testClocks.retrieve(clock.id)).frozen_time
  while ((await onTheWay(first.stripe)) < seconds("2027-04-01T00:00:00Z")) await sleep(5)
  await first.kill()
  const second = keep(await startSandbox({ database: first.database }))
  assert.ok((await onTheWay(second.stripe)) < target, "the year was over before it was killed")
  for (let i = 0; i < 1200 && (await onTheWay(second.stripe)) < target; ++i) await sleep(25)
  assert.equal((await second.stripe.testHelpers.testClocks.retrieve(clock.id)).status, "ready")
  for (const subscription of made) {
    const { data } = await second.stripe.invoices.list({ subscription, limit: 100 })
    assert.equal(data.length, 13)
    assert.equal(new Set(data.map(({ period_end }) => period_end)).size, 13)
    assert.ok(data.every(({ status }) => status === "paid"))
  }
  const { data } = await second.stripe.charges.list({ limit: 100 })
  assert.equal(data.length, 65)
})

test("webhooks are held back, shuffled and doubled", async () => {
  const receiver = keep(await startReceiver())
  const { stripe, url } = keep(await startSandbox({ webhookUrl: receiver.url }))
  const came = () => receiver.received.filter(({ event }) => event.type === "product.created").map(({ event }) => event.id)
  const now = () => Math.floor(Date.now() / 1000)
  await helper(stripe, "switches", { webhooks: { off_until: now() + 600, shuffled: true, doubled: true } })
  assert.match(await (await fetch(`${url}/sandbox`)).text(), /Webhooks are off until .*, shuffled, doubled/)
  for (let i = 0; i < 20; ++i) await stripe.products.create({ name: `Held ${i}` })
  const order = (await stripe.events.list({ type: "product.created", limit: 20 })).data.map(({ id }) => id).reverse()
  await sleep(300)
  assert.equal(came().length, 0)
  await helper(stripe, "switches", { webhooks: { off_until: "" } })
  for (let i = 0; i < 200 && came().length < 40; ++i) await sleep(25)
  assert.equal(came().length, 40)
  assert.deepEqual([...new Set(came())].sort(), [...order].sort())
  assert.notDeepEqual([...new Set(came())], order)
  await helper(stripe, "switches", { webhooks: { shuffled: false, doubled: false } })
  const last = await stripe.products.create({ name: "Plain" })
  await receiver.event("product.created", ({ id }) => id === last.id)
  await sleep(300)
  assert.equal(came().length, 41)
})

test("the switches are on the overview page", async () => {
  const { url } = keep(await startSandbox())
  const stripe = client(url)
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds("2030-01-31T00:00:00Z") })
  const page = await (await fetch(`${url}/sandbox`)).text()
  const [, form_token] = page.match(/name="form_token" value="([^"]+)"/)
  const set = (path, fields) =>
    fetch(`${url}/sandbox/${path}`, {
      method: "POST",
      body: new URLSearchParams({ form_token, ...fields }),
      redirect: "manual",
    })
  await set("switches/all/retries", { retry_days: "2 4", after_retries: "unpaid" })
  await set("switches/all/clock", { test_clock: clock.id })
  await set("switches/all/webhooks", { minutes: "5", shuffled: "on" })
  const switches = await stripe.rawRequest("GET", "/v1/test_helpers/switches")
  assert.deepEqual([switches.retry_days, switches.after_retries, switches.test_clock], [[2, 4], "unpaid", clock.id])
  assert.deepEqual([switches.webhooks.shuffled, switches.webhooks.doubled], [true, false])
  assert.ok(switches.webhooks.off_until > Date.now() / 1000)
  await set("switches/all/retries", { retry_days: "9 4", after_retries: "unpaid" })
  assert.deepEqual((await stripe.rawRequest("GET", "/v1/test_helpers/switches")).retry_days, [2, 4])
})

test("a product that lives by the machine's time follows no clock", async () => {
  const { stripe } = keep(await startSandbox())
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds("2030-01-31T00:00:00Z") })
  await assert.rejects(helper(stripe, "switches", { product_clock: clock.id }), {
    param: "product_clock",
    message: /machine's time/,
  })
  await assert.rejects(helper(stripe, "switches", { product_clock: "clock_none" }), { param: "product_clock" })
})
