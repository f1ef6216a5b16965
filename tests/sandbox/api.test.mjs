// The wire: errors, unknown parameters, idempotency, lists, expansion, refunds, simulated trouble.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { client, monthlyPrice, secretKey, startSandbox } from "./support.mjs"

let sandbox, stripe
before(async () => {
  sandbox = await startSandbox()
  stripe = sandbox.stripe
})
after(() => sandbox.stop())

const refusal = async promise => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new assert.AssertionError({ message: "it was accepted" })
}

test("the key is checked, as Bearer and as Basic", async () => {
  const { hostname, port } = new URL(sandbox.url)
  const wrong = new (await import("stripe")).default("sk_test_wrong_key_of_somebody", {
    host: hostname,
    port,
    protocol: "http",
    maxNetworkRetries: 0,
  })
  const error = await refusal(wrong.customers.list())
  assert.equal(error.type, "StripeAuthenticationError")
  assert.match(error.requestId, /^req_/)
  const basic = await fetch(`${sandbox.url}/v1/balance`, {
    headers: { authorization: `Basic ${btoa(`${secretKey}:`)}` },
  })
  assert.equal(basic.status, 200)
  assert.equal((await fetch(`${sandbox.url}/v1/balance`)).status, 401)
})

test("unknown, missing, malformed and mistaken parameters are named", async () => {
  const unknown = await refusal(stripe.customers.create({ email: "a@example.com", favourite: "blue" }))
  assert.equal(unknown.code, "parameter_unknown")
  assert.equal(unknown.param, "favourite")
  const nested = await refusal(stripe.subscriptions.create({ customer: "cus_1", items: [{ prize: "x" }] }))
  assert.equal(nested.param, "items[0][prize]")
  const missing = await refusal(stripe.products.create({}))
  assert.equal(missing.code, "parameter_missing")
  assert.equal(missing.param, "name")
  const number = await refusal(
    stripe.prices.create({ currency: "usd", product_data: { name: "x" }, unit_amount: "ten" }),
  )
  assert.equal(number.code, "parameter_invalid_integer")
  const choice = await refusal(stripe.checkout.sessions.create({ mode: "gift" }))
  assert.match(choice.message, /must be one of payment, setup, subscription/)
  const absent = await refusal(stripe.customers.retrieve("cus_nobody"))
  assert.equal(absent.statusCode, 404)
  assert.equal(absent.code, "resource_missing")
  assert.equal((await refusal(stripe.rawRequest("GET", "/v1/unheard_of"))).statusCode, 404)
  for (const body of ["metadata=plain", "a[b", "items[999][price]=x", "metadata[a][b]=1", "expand=x", "email[]=x"])
    assert.equal(
      (
        await fetch(`${sandbox.url}/v1/customers`, {
          method: "POST",
          body,
          headers: { authorization: `Bearer ${secretKey}`, "content-type": "application/x-www-form-urlencoded" },
        })
      ).status,
      400,
      body,
    )
})

test("metadata merges; an empty value removes a key, an empty hash all of them", async () => {
  const { id } = await stripe.customers.create({ metadata: { a: "1", b: "2", _own: "kept" } })
  const merged = await stripe.customers.update(id, { metadata: { b: "", c: "3" } })
  assert.deepEqual(merged.metadata, { a: "1", _own: "kept", c: "3" })
  const { data } = await stripe.events.list({ type: "customer.updated", limit: 1 })
  assert.deepEqual(data[0].data.previous_attributes, { metadata: { b: "2", c: null } })
  assert.deepEqual((await stripe.customers.update(id, { metadata: "" })).metadata, {})
})

test("an idempotency key replays, refuses other parameters, and is busy while in flight", async () => {
  const idempotencyKey = `key-${Date.now()}`
  const first = await stripe.customers.create({ name: "Once" }, { idempotencyKey })
  const second = await stripe.customers.create({ name: "Once" }, { idempotencyKey })
  assert.equal(second.id, first.id)
  assert.equal(second.lastResponse.headers["idempotent-replayed"], "true")
  const other = await refusal(stripe.customers.create({ name: "Twice" }, { idempotencyKey }))
  assert.equal(other.type, "StripeIdempotencyError")

  const busy = `busy-${Date.now()}`
  const answers = await Promise.all(
    Array.from({ length: 12 }, () =>
      fetch(`${sandbox.url}/v1/customers`, {
        method: "POST",
        body: "name=Crowd",
        headers: {
          authorization: `Bearer ${secretKey}`,
          "idempotency-key": busy,
          "content-type": "application/x-www-form-urlencoded",
        },
      }).then(async response => [response.status, (await response.json()).id]),
    ),
  )
  const made = new Set(answers.filter(([status]) => status === 200).map(([, id]) => id))
  assert.equal(made.size, 1)
  assert.ok(answers.every(([status]) => status === 200 || status === 409))
  const failed = `declined-${Date.now()}`
  const pay = () =>
    stripe.paymentIntents.create(
      { amount: 100, currency: "usd", payment_method: "pm_card_chargeDeclined", confirm: true },
      { idempotencyKey: failed },
    )
  const [declined, replayed] = [await refusal(pay()), await refusal(pay())]
  assert.equal(declined.code, "card_declined")
  assert.equal(replayed.payment_intent.id, declined.payment_intent.id)
})

test("lists page in both directions, filter, and paginate by themselves", async () => {
  const email = `page-${Date.now()}@example.com`
  const ids = []
  for (let i = 0; i < 7; ++i) ids.unshift((await stripe.customers.create({ email })).id)
  const all = []
  for await (const customer of stripe.customers.list({ email, limit: 3 })) all.push(customer.id)
  assert.deepEqual(all, ids)
  const middle = await stripe.customers.list({ email, ending_before: ids[5], limit: 2 })
  assert.deepEqual(
    middle.data.map(({ id }) => id),
    [ids[3], ids[4]],
  )
  assert.equal(middle.has_more, true)
  const now = Math.floor(Date.now() / 1000)
  assert.equal((await stripe.customers.list({ email, created: { gt: now + 5 } })).data.length, 0)
  assert.equal(
    (await stripe.customers.list({ email, created: { gte: now - 60, lte: now + 5 }, limit: 100 })).data.length,
    7,
  )
  assert.equal((await refusal(stripe.customers.list({ limit: 101 }))).param, "limit")
  const deleted = await stripe.customers.del(ids[0])
  assert.equal(deleted.deleted, true)
  assert.equal((await stripe.customers.retrieve(ids[0])).deleted, true)
  assert.equal((await stripe.customers.list({ email, limit: 100 })).data.length, 6)
})

test("expansion goes where it may and says where it may not", async () => {
  const price = await monthlyPrice(stripe)
  const list = await stripe.prices.list({ limit: 1, expand: ["data.product"] })
  assert.equal(list.data[0].product.object, "product")
  assert.equal(
    (await stripe.prices.retrieve(price.id, { expand: ["product.default_price"] })).product.default_price,
    null,
  )
  assert.match((await refusal(stripe.prices.retrieve(price.id, { expand: ["product.a.b.c.d"] }))).message, /4 levels/)
  assert.match(
    (await refusal(stripe.prices.retrieve(price.id, { expand: ["currency"] }))).message,
    /cannot be expanded \(currency\)/,
  )
})

test("refunds: parts, too much, all of it, and one that fails", async () => {
  const intent = await stripe.paymentIntents.create({
    amount: 1000,
    currency: "usd",
    payment_method: "pm_card_visa",
    confirm: true,
  })
  assert.equal(intent.status, "succeeded")
  const part = await stripe.refunds.create({ payment_intent: intent.id, amount: 300, reason: "requested_by_customer" })
  assert.equal(part.status, "succeeded")
  assert.match(
    (await refusal(stripe.refunds.create({ charge: intent.latest_charge, amount: 701 }))).message,
    /greater than unrefunded amount/,
  )
  const rest = await stripe.refunds.create({ charge: intent.latest_charge })
  assert.equal(rest.amount, 700)
  assert.equal((await refusal(stripe.refunds.create({ charge: intent.latest_charge }))).code, "charge_already_refunded")
  let charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ["refunds"] })
  assert.equal(charge.refunded, true)
  assert.equal(charge.refunds.data.length, 2)
  const failed = await stripe.rawRequest("POST", `/v1/test_helpers/refunds/${rest.id}/fail`, {})
  assert.equal(failed.status, "failed")
  charge = await stripe.charges.retrieve(intent.latest_charge)
  assert.equal(charge.amount_refunded, 300)
  const types = (await stripe.events.list({ limit: 8 })).data.map(({ type }) => type)
  for (const type of ["refund.created", "charge.refunded", "refund.failed", "refund.updated"])
    assert.ok(types.includes(type), type)
})

test("payment methods attach, list, refuse a second owner, and detach", async () => {
  const [ada, bo] = [await stripe.customers.create({ name: "Ada" }), await stripe.customers.create({ name: "Bo" })]
  const method = await stripe.paymentMethods.attach("pm_card_mastercard", { customer: ada.id })
  assert.match(method.id, /^pm_1/)
  assert.equal(method.card.brand, "mastercard")
  assert.equal((await stripe.customers.listPaymentMethods(ada.id)).data[0].id, method.id)
  assert.equal((await refusal(stripe.paymentMethods.attach(method.id, { customer: bo.id }))).statusCode, 400)
  assert.equal(
    (await refusal(stripe.paymentMethods.attach("pm_card_chargeDeclined", { customer: bo.id }))).code,
    "card_declined",
  )
  await stripe.customers.update(ada.id, { invoice_settings: { default_payment_method: method.id } })
  await stripe.paymentMethods.detach(method.id)
  assert.equal((await stripe.customers.retrieve(ada.id)).invoice_settings.default_payment_method, null)
  assert.equal(
    (await refusal(stripe.paymentMethods.attach(method.id, { customer: ada.id }))).code,
    "payment_method_unexpected_state",
  )
})

test("coupons reduce the checkout and the invoices", async () => {
  const coupon = await stripe.coupons.create({ percent_off: 25, duration: "once" })
  const customer = await stripe.customers.create({
    payment_method: "pm_card_visa",
    invoice_settings: { default_payment_method: "pm_card_visa" },
  })
  const price = await monthlyPrice(stripe)
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    discounts: [{ coupon: coupon.id }],
    expand: ["latest_invoice"],
  })
  assert.equal(subscription.latest_invoice.total, 1500)
  assert.equal(subscription.latest_invoice.total_discount_amounts[0].amount, 500)
  assert.deepEqual(subscription.discounts, [])
  const discount = await stripe.invoices.retrieve(subscription.latest_invoice.id, { expand: ["discounts"] })
  assert.equal(discount.discounts[0].source.coupon, coupon.id)

  // Looked at, it is not used.
  const preview = discounts => stripe.invoices.createPreview({ subscription: subscription.id, discounts })
  assert.equal((await preview([{ coupon: coupon.id }])).total, 1500)
  assert.equal((await preview("")).total, 2000)
  assert.equal((await stripe.coupons.retrieve(coupon.id)).times_redeemed, 1)
})

test("simulated trouble: 429, 500, slowness, and an answer that is lost after the work", async () => {
  const trouble = parameters => stripe.rawRequest("POST", "/v1/test_helpers/faults", parameters)
  await trouble({ count: 1, status: 429 })
  assert.equal((await refusal(stripe.customers.list())).type, "StripeRateLimitError")
  await trouble({ count: 2, status: 500, path_prefix: "/v1/customers" })
  assert.equal((await stripe.products.list({ limit: 1 })).object, "list")
  const retrying = client(sandbox.url, { maxNetworkRetries: 3 })
  assert.equal((await retrying.customers.list({ limit: 1 })).object, "list")
  await trouble({ count: 1, delay_milliseconds: 300 })
  const begun = Date.now()
  await stripe.customers.list({ limit: 1 })
  assert.ok(Date.now() - begun >= 300)
  const email = `lost-${Date.now()}@example.com`
  await trouble({ count: 1, status: 502, when: "after" })
  await retrying.customers.create({ email })
  assert.equal(
    (await stripe.customers.list({ email })).data.length,
    1,
    "the retry with the same key must not make a second one",
  )
  await trouble({ count: 5, status: 503 })
  await stripe.rawRequest("DELETE", "/v1/test_helpers/faults")
  await stripe.customers.list({ limit: 1 })
})

test("a dispute is opened by its test card and closed", async () => {
  const { latest_charge } = await stripe.paymentIntents.create({
    amount: 500,
    currency: "usd",
    payment_method: "pm_card_createDispute",
    confirm: true,
  })
  const [dispute] = (await stripe.disputes.list({ charge: latest_charge })).data
  assert.equal(dispute.status, "needs_response")
  assert.equal((await stripe.disputes.close(dispute.id)).status, "lost")
})

test("whatever is sent, nothing is a server error", async () => {
  const customer = await stripe.customers.create({ email: "fuzz@example.com" })
  const price = await monthlyPrice(stripe)
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    trial_period_days: 3,
  })
  const paths = [
    "customers",
    `customers/${customer.id}`,
    "products",
    "prices",
    "coupons",
    "checkout/sessions",
    "subscriptions",
    `subscriptions/${subscription.id}`,
    "invoices",
    "invoices/create_preview",
    "payment_intents",
    "payment_methods",
    "refunds",
    "webhook_endpoints",
    "test_helpers/test_clocks",
    "invoiceitems",
    "setup_intents",
  ]
  const names = [
    "id",
    "name",
    "email",
    "metadata",
    "metadata[a]",
    "items",
    "items[0]",
    "items[0][price]",
    "items[0][quantity]",
    "items[0][price_data][currency]",
    "line_items[0][price]",
    "line_items[0][price_data][product_data][name]",
    "amount",
    "currency",
    "unit_amount",
    "unit_amount_decimal",
    "recurring[interval]",
    "customer",
    "mode",
    "expires_at",
    "trial_end",
    "cancel_at",
    "frozen_time",
    "discounts",
    "discounts[0]",
    "discounts[0][coupon]",
    "enabled_events[]",
    "url",
    "type",
    "card[number]",
    "card[exp_month]",
    "payment_method",
    "payment_method_types[]",
    "expand[]",
    "expand[0][x]",
    "invoice_settings[default_payment_method]",
    "pause_collection[behavior]",
    "pause_collection",
    "preferred_locales",
    "address",
    "address[city]",
    "success_url",
    "percent_off",
    "duration",
    "subscription",
    "subscription_details[items][0][price]",
    "limit",
    "created[gt]",
    "starting_after",
    "billing_mode[type]",
    "shipping[address]",
    "items[0][id]",
    "proration_date",
  ]
  const values = [
    "",
    "x",
    "0",
    "-1",
    "1",
    "1.5",
    "99999999999",
    "999999999999999999999",
    "true",
    "now",
    "usd",
    "subscription",
    "payment",
    "month",
    "http://x.example",
    customer.id,
    price.id,
    subscription.id,
    "pm_card_visa",
    "\u0000",
    "\ud800",
    "{}",
    "%",
    "é".repeat(3000),
    "*",
    "card",
  ]
  let seed = 7
  const pick = list => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return list[seed % list.length]
  }
  const headers = { authorization: `Bearer ${secretKey}`, "content-type": "application/x-www-form-urlencoded" }
  for (let round = 0; round < 1500; ++round) {
    const body = Array.from(
      { length: 1 + (round % 5) },
      () => `${pick(names)}=${encodeURIComponent(pick(values).toWellFormed?.() ?? "x")}`,
    ).join("&")
    const path = pick(paths)
    const reads = round % 4 === 0
    const response = await fetch(
      `${sandbox.url}/v1/${path}${reads ? `?${body}` : ""}`,
      reads ? { headers } : { method: "POST", headers, body },
    )
    assert.ok(response.status < 500, `${path} ${body}: ${response.status} ${await response.text()}`)
    await response.arrayBuffer().catch(() => {})
  }
})
