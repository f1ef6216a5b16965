// The independent books over what the sandbox writes, against numbers that were worked out by hand.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { account } from "../year/books/account.mjs"
import { recompute } from "../year/books/recompute.mjs"
import { advance, customerOnClock, monthlyPrice, seconds, startSandbox } from "./support.mjs"

const day = text => seconds(`${text}T00:00:00Z`)
const helper = (path, parameters = {}) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)

/** From 31 January: 30.00, then 60.00; a part credited, a payment late, and the end. */
async function liveInEuros() {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-31T00:00:00Z")
  const [small, large] = [await monthlyPrice(stripe, 3000, "eur"), await monthlyPrice(stripe, 6000, "eur")]
  const { id, items } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: small.id }],
  })
  await advance(stripe, clock, day("2027-02-14"))
  await stripe.subscriptions.update(id, { items: [{ id: items.data[0].id, price: large.id }] })
  await advance(stripe, clock, day("2027-03-10"))
  const second = (await stripe.subscriptions.retrieve(id)).latest_invoice
  await stripe.creditNotes.create({ invoice: second, amount: 1000, refund_amount: 1000 })
  await advance(stripe, clock, day("2027-03-20"))
  const method = (await stripe.customers.retrieve(customer.id)).invoice_settings.default_payment_method
  await helper(`payment_methods/${method}/decline`, { decline_code: "insufficient_funds" })
  await advance(stripe, clock, day("2027-04-02"))
  const fresh = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id })
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: fresh.id } })
  await advance(stripe, clock, day("2027-04-10"))
  await stripe.subscriptions.cancel(id)
  return customer.id
}

/** From 10 January: 121.00 with its tax inside and a fifth off for two months, a pause, and a credit for the rest. */
async function liveInDollars() {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const rate = await stripe.taxRates.create({ display_name: "Tax", percentage: 21, inclusive: true })
  const fifth = await stripe.coupons.create({ percent_off: 20, duration: "repeating", duration_in_months: 2 })
  const price = await monthlyPrice(stripe, 12100, "usd")
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_tax_rates: [rate.id],
    discounts: [{ coupon: fifth.id }],
  })
  await stripe.coupons.del(fifth.id)
  await advance(stripe, clock, day("2027-02-20"))
  await stripe.subscriptions.update(id, { pause_collection: { behavior: "void" } })
  await advance(stripe, clock, day("2027-02-25"))
  await stripe.subscriptions.update(id, { pause_collection: "" })
  await advance(stripe, clock, day("2027-03-20"))
  await stripe.subscriptions.cancel(id, { prorate: true, invoice_now: true })
  return customer.id
}

let sandbox, stripe, euros, dollars, known, books
before(async () => {
  sandbox = await startSandbox()
  stripe = sandbox.stripe
  euros = await liveInEuros()
  dollars = await liveInDollars()
  known = await account(stripe)
  books = recompute({ ...known, until: seconds("2027-04-30T23:59:59Z") })
})
after(() => sandbox.stop())

const of = (customer, movements) =>
  movements.filter(movement => movement.customer === customer).map(({ day, kind, amount }) => [day, kind, amount])

const month = (name, currency) => {
  const { dunning, ...amounts } = books.months[name][currency]
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== 0))
}

test("nothing in it is unknown or out of order", () => {
  assert.deepEqual(books.problems, [])
})

test("the movements are those that were made", () => {
  assert.deepEqual(of(euros, books.mrr.movements), [
    ["2027-01-31", "new", 3000],
    ["2027-02-14", "expansion", 3000],
    ["2027-04-10", "churn", 6000],
  ])
  assert.deepEqual(of(dollars, books.mrr.movements), [
    ["2027-01-10", "new", 8000],
    ["2027-02-20", "churn", 8000],
    ["2027-02-25", "reactivation", 8000],
    ["2027-03-10", "expansion", 2000],
    ["2027-03-20", "churn", 10000],
  ])
})

test("cash, receivables and revenue of each month are those worked out by hand", () => {
  const stays = { mrr_start: 6000, mrr_end: 6000 }
  assert.deepEqual(month("2027-01", "eur"), {
    mrr_end: 3000,
    new: 3000,
    gross: 3000,
    net: 3000,
    invoiced: 3000,
    revenue: 107,
    recognised: 107,
    deferred: 2893,
  })
  // The rest of the first line, the prorations, and a day of 31 of the renewal.
  assert.deepEqual(month("2027-02", "eur"), {
    mrr_start: 3000,
    mrr_end: 6000,
    expansion: 3000,
    gross: 7500,
    net: 7500,
    invoiced: 7500,
    revenue: 2893 + 1500 + 194,
    recognised: 4587,
    deferred: 5806,
  })
  // Credited: 200 less of the proration's credit, 400 of its charge, 800 of the month (258 of it past).
  assert.deepEqual(month("2027-03", "eur"), {
    ...stays,
    refunds: 1000,
    net: -1000,
    receivables: 6000,
    invoiced: 6000,
    revenue: 5806 - 542 + 200,
    contra: 200 - 400 - 258,
    recognised: 5006,
    deferred: 5800,
  })
  assert.deepEqual(books.months["2027-03"].eur.dunning, {
    entered: 1,
    entered_amount: 6000,
    recovered: 1,
    recovered_amount: 6000,
    pending: 0,
  })
  assert.deepEqual(month("2027-04", "eur"), {
    mrr_start: 6000,
    churn: 6000,
    gross: 6000,
    net: 6000,
    revenue: 5800,
    recognised: 5800,
  })
})

test("tax inside and discounts are no revenue, and a credit for the rest of a period takes it", () => {
  const revenue = ["2027-01", "2027-02", "2027-03", "2027-04"].map(name => {
    const { recognised, deferred } = books.months[name].usd
    return [recognised, deferred]
  })
  // 80.00 over 31 and 28 days, 100.00 over 31; of 21 days 67.74 are credited, 12 of them in March.
  assert.deepEqual(revenue, [
    [5677, 2323],
    [2323 + 5429, 2571],
    [2571 + 7097 - 3871, 0],
    [0, 0],
  ])
  assert.deepEqual(
    ["2027-01", "2027-02", "2027-03"].map(name => books.months[name].usd.gross),
    [9680, 9680, 12100],
  )
})

test("each invoice stands as the sandbox says it does", () => {
  for (const invoice of Object.values(known.objects.invoices)) {
    const { status, total, paid, remaining } = books.invoices[invoice.id]
    assert.deepEqual(
      [status, total, paid, remaining],
      [invoice.status, invoice.total, invoice.amount_paid, invoice.amount_remaining],
    )
  }
})

test("delivered backwards, twice and in one heap it makes the same books", () => {
  const events = [...known.events, ...known.events].sort((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(recompute({ events, objects: known.objects, until: seconds("2027-04-30T23:59:59Z") }), books)
})
