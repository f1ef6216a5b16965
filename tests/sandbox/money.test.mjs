// What is charged: discounts and their time, prorations under them, taxes in and on a price.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { advance, customerOnClock, monthlyPrice, seconds, startSandbox } from "./support.mjs"

let sandbox, stripe
before(async () => {
  sandbox = await startSandbox()
  stripe = sandbox.stripe
})
after(() => sandbox.stop())

const amounts = ({ lines }) => lines.data.map(({ amount }) => amount)
const latest = { expand: ["latest_invoice"] }

test("prorations respect discounts: 50 % for ever, 50.00 to 99.00 at half of the month takes 12.25", async () => {
  const { clock, customer } = await customerOnClock(stripe, "2027-04-01T00:00:00Z")
  const [small, large] = [await monthlyPrice(stripe, 5000), await monthlyPrice(stripe, 9900)]
  const half = await stripe.coupons.create({ percent_off: 50, duration: "forever" })
  const { id, items, latest_invoice } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: small.id }],
    discounts: [{ coupon: half.id }],
    ...latest,
  })
  assert.equal(latest_invoice.amount_paid, 2500)
  await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
  const change = { items: [{ id: items.data[0].id, price: large.id }], proration_behavior: "always_invoice" }
  const preview = await stripe.invoices.createPreview({ subscription: id, subscription_details: change })
  assert.deepEqual(amounts(preview), [-1250, 2475])
  const changed = await stripe.subscriptions.update(id, { ...change, ...latest })
  assert.deepEqual(amounts(changed.latest_invoice), [-1250, 2475])
  assert.equal(changed.latest_invoice.amount_paid, 1225)
  // Its discount is named there, and has taken its part already.
  const [line] = changed.latest_invoice.lines.data
  assert.deepEqual(line.discounts, changed.discounts)
  assert.deepEqual(line.discount_amounts, [{ amount: 0, discount: changed.discounts[0] }])
  await advance(stripe, clock, seconds("2027-05-01T02:00:00Z"))
  const next = await stripe.subscriptions.retrieve(id, latest)
  assert.equal(next.latest_invoice.amount_paid, 4950)
})

test("what was debited is what is credited, also when the coupon was for the first invoice alone", async () => {
  const { clock, customer } = await customerOnClock(stripe, "2027-04-01T00:00:00Z")
  const price = await monthlyPrice(stripe, 6000)
  const once = await stripe.coupons.create({ percent_off: 50, duration: "once" })
  const { id, items, discounts } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    discounts: [{ coupon: once.id }],
  })
  assert.deepEqual(discounts, [])
  await advance(stripe, clock, seconds("2027-04-16T00:00:00Z"))
  const now = await stripe.subscriptions.update(id, {
    items: [{ id: items.data[0].id, quantity: 2 }],
    proration_behavior: "always_invoice",
    ...latest,
  })
  assert.deepEqual(amounts(now.latest_invoice), [-1500, 6000])
})

test("a repeating coupon lasts by the calendar: three months from 10 January, on a yearly price too", async () => {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const coupon = await stripe.coupons.create({ percent_off: 20, duration: "repeating", duration_in_months: 3 })
  const monthly = await monthlyPrice(stripe, 10000)
  const yearly = await stripe.prices.create({
    product: monthly.product,
    unit_amount: 120000,
    currency: "usd",
    recurring: { interval: "year" },
  })
  const bought = async price =>
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ coupon: coupon.id }],
      expand: ["discounts", "latest_invoice"],
    })
  const year = await bought(yearly)
  assert.equal(year.latest_invoice.amount_paid, 96000)
  assert.equal(year.discounts[0].start, seconds("2027-01-10T00:00:00Z"))
  assert.equal(year.discounts[0].end, seconds("2027-04-10T00:00:00Z"))
  const month = await bought(monthly)
  const item = year.items.data[0].id
  await advance(stripe, clock, seconds("2027-03-15T00:00:00Z"))
  assert.equal((await stripe.subscriptions.retrieve(year.id)).discounts.length, 1)
  const more = { items: [{ id: item, quantity: 2 }], proration_behavior: "always_invoice" }
  const early = await stripe.invoices.createPreview({
    subscription: year.id,
    subscription_details: { ...more, proration_date: seconds("2027-03-15T00:00:00Z") },
  })
  // 301 of 365 days, at four fifths of the price.
  assert.deepEqual(amounts(early), [-79167, 158334])
  await advance(stripe, clock, seconds("2027-05-11T02:00:00Z"))
  const paid = (await stripe.invoices.list({ subscription: month.id })).data.map(({ amount_paid }) => amount_paid)
  assert.deepEqual(paid, [10000, 10000, 8000, 8000, 8000])
  const late = await stripe.invoices.createPreview({
    subscription: year.id,
    subscription_details: { ...more, proration_date: seconds("2027-05-11T02:00:00Z") },
  })
  const left = seconds("2028-01-10T00:00:00Z") - seconds("2027-05-11T02:00:00Z")
  const share = amount => Math.round((amount * left) / (365 * 86_400))
  assert.deepEqual(amounts(late), [-share(96000), share(240000)])
})

test("a coupon of another currency is refused, whatever case its currency is written in", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, 5000, "usd")
  const euros = await stripe.coupons.create({ amount_off: 500, currency: "EUR", duration: "once" })
  assert.equal(euros.currency, "eur")
  const dollars = await stripe.coupons.create({ amount_off: 500, currency: "USD", duration: "once" })
  const buy = coupon =>
    stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], discounts: [{ coupon }], ...latest })
  await assert.rejects(buy(euros.id), { param: "discounts[0][coupon]", statusCode: 400 })
  await assert.rejects(
    stripe.checkout.sessions.create({
      mode: "subscription",
      line_items: [{ price: price.id }],
      success_url: "https://shop.example/",
      discounts: [{ coupon: euros.id }],
    }),
    { param: "discounts[0][coupon]" },
  )
  assert.equal((await buy(dollars.id)).latest_invoice.amount_paid, 4500)
})

test("discounts apply in their order, those of an item before all", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, 9900)
  const half = await stripe.coupons.create({ percent_off: 50, duration: "forever" })
  const ten = await stripe.coupons.create({ amount_off: 1000, currency: "usd", duration: "forever" })
  const buy = async (discounts, item = []) => {
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, discounts: item.map(coupon => ({ coupon })) }],
      discounts: discounts.map(coupon => ({ coupon })),
      ...latest,
    })
    return subscription
  }
  assert.equal((await buy([half.id, ten.id])).latest_invoice.total, 3950)
  assert.equal((await buy([ten.id, half.id])).latest_invoice.total, 4450)
  const both = await buy([ten.id], [half.id])
  assert.equal(both.latest_invoice.total, 3950)
  assert.equal(both.latest_invoice.subtotal, 4950, "an item's discount is in the subtotal")
  assert.deepEqual(
    both.latest_invoice.lines.data[0].discount_amounts.map(({ amount }) => amount),
    [4950, 1000],
  )
  const [discount] = both.items.data[0].discounts
  assert.match(discount, /^di_/)
  const { data } = await stripe.events.list({ type: "customer.subscription.created", limit: 1 })
  assert.deepEqual(data[0].data.object.discounts, both.discounts, "events name discounts by id")
  assert.deepEqual(data[0].data.object.items.data[0].discounts, [discount])
})

test("an amount off is spread over the lines to the cent", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const prices = await Promise.all([3333, 3333, 3334].map(amount => monthlyPrice(stripe, amount)))
  const coupon = await stripe.coupons.create({ amount_off: 1000, currency: "usd", duration: "forever" })
  const { latest_invoice } = await stripe.subscriptions.create({
    customer: customer.id,
    items: prices.map(({ id }) => ({ price: id })),
    discounts: [{ coupon: coupon.id }],
    ...latest,
  })
  const taken = latest_invoice.lines.data.map(line => line.discount_amounts[0].amount)
  assert.equal(
    taken.reduce((sum, amount) => sum + amount),
    1000,
  )
  assert.equal(latest_invoice.total, 9000)
})

test("a customer's own discount counts where the subscription has none, and can be taken away", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, 5000)
  const [ten, half] = [
    await stripe.coupons.create({ percent_off: 10, duration: "forever" }),
    await stripe.coupons.create({ percent_off: 50, duration: "forever" }),
  ]
  const granted = await stripe.rawRequest("POST", `/v1/test_helpers/customers/${customer.id}/discount`, {
    coupon: ten.id,
  })
  assert.equal(granted.discount.source.coupon, ten.id)
  const buy = discounts =>
    stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], discounts, ...latest })
  assert.equal((await buy([])).latest_invoice.total, 4500)
  assert.equal((await buy([{ coupon: half.id }])).latest_invoice.total, 2500)
  const gone = await stripe.customers.deleteDiscount(customer.id)
  assert.equal(gone.deleted, true)
  assert.equal((await stripe.customers.retrieve(customer.id)).discount, null)
  assert.equal((await buy([])).latest_invoice.total, 5000)
})

test("a deleted coupon's discounts go on, and can still be looked at", async () => {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, 5000)
  const coupon = await stripe.coupons.create({ id: "GONE-SOON", percent_off: 50, duration: "forever" })
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    discounts: [{ coupon: coupon.id }],
  })
  await stripe.coupons.del(coupon.id)
  await assert.rejects(stripe.coupons.retrieve(coupon.id), { statusCode: 404 })
  await advance(stripe, clock, seconds("2027-02-11T00:00:00Z"))
  const now = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice", "discounts.source.coupon"] })
  assert.equal(now.latest_invoice.amount_paid, 2500)
  assert.equal(now.discounts[0].source.coupon.percent_off, 50)
  assert.equal((await stripe.subscriptions.deleteDiscount(id)).deleted, true)
  assert.deepEqual((await stripe.subscriptions.retrieve(id)).discounts, [])
  assert.ok((await stripe.coupons.create({ id: "GONE-SOON", percent_off: 5, duration: "once" })).valid)
})

test("taxes come on top or are inside, by line and in total; who is exempt pays none", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const on = await stripe.taxRates.create({ display_name: "IVA", percentage: 21, inclusive: false, country: "ES" })
  const inside = await stripe.taxRates.create({ display_name: "IVA", percentage: 21, inclusive: true })
  const ten = await stripe.coupons.create({ percent_off: 10, duration: "forever" })
  const buy = async (amount, rate, discounts = []) =>
    (
      await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: (await monthlyPrice(stripe, amount, "eur")).id }],
        default_tax_rates: [rate.id],
        discounts,
        ...latest,
      })
    ).latest_invoice
  const above = await buy(10000, on, [{ coupon: ten.id }])
  assert.deepEqual([above.subtotal, above.total_excluding_tax, above.total], [10000, 9000, 10890])
  assert.equal(above.amount_paid, 10890)
  assert.deepEqual(above.total_taxes, [
    {
      amount: 1890,
      tax_behavior: "exclusive",
      tax_rate_details: { tax_rate: on.id },
      taxability_reason: "not_available",
      taxable_amount: 9000,
      type: "tax_rate_details",
    },
  ])
  assert.deepEqual(above.lines.data[0].taxes, above.total_taxes)
  assert.equal(above.default_tax_rates[0].id, on.id)
  const within = await buy(12100, inside)
  assert.deepEqual([within.subtotal, within.subtotal_excluding_tax], [12100, 10000])
  assert.deepEqual([within.total_excluding_tax, within.total], [10000, 12100])
  assert.deepEqual([within.total_taxes[0].amount, within.total_taxes[0].taxable_amount], [2100, 10000])
  await stripe.customers.update(customer.id, { tax_exempt: "reverse" })
  const reversed = await buy(10000, on)
  assert.equal(reversed.total, 10000)
  assert.equal(reversed.total_taxes[0].taxability_reason, "reverse_charge")
})
