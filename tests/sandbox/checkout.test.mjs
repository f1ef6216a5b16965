// The checkout as a customer goes through it, and what the product hears of it.
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { card, monthlyPrice, open, startReceiver, startSandbox, webhookSecret } from "./support.mjs"

let sandbox, stripe, receiver, price
before(async () => {
  receiver = await startReceiver()
  sandbox = await startSandbox({ webhookUrl: receiver.url })
  stripe = sandbox.stripe
  price = await monthlyPrice(stripe)
})
after(async () => {
  await sandbox.stop()
  await receiver.stop()
})

const session = (more = {}) =>
  stripe.checkout.sessions.create({
    mode: "subscription",
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
    cancel_url: "https://shop.example/back",
    client_reference_id: "signup_7",
    customer_email: "ada@example.com",
    subscription_data: { metadata: { tenant: "acme" } },
    ...more,
  })

test("a card pays: redirect, subscription, invoice, and signed webhooks in time", async () => {
  const created = await session()
  assert.equal(created.status, "open")
  assert.equal(created.amount_total, 2000)
  const form = await open(created.url)
  assert.match(form.html, /Sandbox – no real money/)
  const paid = await form.submit(card("4242 4242 4242 4242"))
  const paidAt = Date.now()
  assert.equal(paid.status, 303)
  assert.equal(paid.location, `https://shop.example/done?session=${created.id}`)

  const done = await stripe.checkout.sessions.retrieve(created.id, {
    expand: ["subscription.latest_invoice", "invoice.payments.data.payment.payment_intent", "customer", "line_items"],
  })
  assert.equal(done.status, "complete")
  assert.equal(done.payment_status, "paid")
  assert.equal(done.client_reference_id, "signup_7")
  assert.equal(done.customer.email, "ada@example.com")
  assert.equal(done.line_items.data[0].price.id, price.id)
  const { subscription } = done
  assert.equal(subscription.status, "active")
  assert.equal(subscription.metadata.tenant, "acme")
  assert.ok(subscription.items.data[0].current_period_end > subscription.items.data[0].current_period_start)
  const invoice = subscription.latest_invoice
  assert.equal(invoice.status, "paid")
  assert.equal(invoice.parent.subscription_details.subscription, subscription.id)
  assert.equal(done.invoice.payments.data[0].payment.payment_intent.status, "succeeded")

  const { body, headers, event, at } = await receiver.event("checkout.session.completed", ({ id }) => id === created.id)
  assert.ok(at - paidAt < 500, `the webhook took ${at - paidAt} ms`)
  const verified = stripe.webhooks.constructEvent(body, headers["stripe-signature"], webhookSecret)
  assert.equal(verified.id, event.id)
  assert.equal(verified.api_version, "2026-10-28.endive")
  assert.throws(() => stripe.webhooks.constructEvent(`${body} `, headers["stripe-signature"], webhookSecret))

  const heard = (await stripe.events.list({ limit: 100 })).data.reverse()
  const from = heard.findIndex(({ type, data }) => type === "customer.created" && data.object.id === done.customer.id)
  assert.deepEqual(
    heard.slice(from).map(({ type }) => type),
    [
      "customer.created",
      "payment_method.attached",
      "customer.updated",
      "customer.subscription.created",
      "invoice.created",
      "invoice.updated",
      "invoice.finalized",
      "payment_intent.created",
      "charge.succeeded",
      "payment_intent.succeeded",
      "invoice_payment.paid",
      "invoice.updated",
      "invoice.paid",
      "invoice.payment_succeeded",
      "customer.subscription.updated",
      "checkout.session.completed",
    ],
  )
  const updated = heard.findLast(({ type }) => type === "customer.subscription.updated")
  assert.equal(updated.data.previous_attributes.status, "incomplete")
})

test("a declined card says so, leaves a failed charge, and another card may follow", async () => {
  const created = await session()
  const form = await open(created.url)
  const declined = await form.submit(card("4000 0000 0000 0002"))
  assert.equal(declined.status, 402)
  assert.match(declined.html, /role="alert"[^>]*><p>Your card was declined/)
  assert.equal((await stripe.checkout.sessions.retrieve(created.id)).status, "open")
  await receiver.event("payment_intent.payment_failed")
  const poor = await declined.submit(card("4000000000009995"))
  assert.match(poor.html, /insufficient funds/)
  const paid = await poor.submit(card("4242424242424242"))
  assert.equal(paid.status, 303)
  assert.equal((await open(created.url)).html.match(/already paid/)?.[0], "already paid")
})

test("3-D Secure: failing leads back, approving pays", async () => {
  const created = await session()
  const asked = await (await open(created.url)).submit(card("4000 0025 0000 3155"))
  assert.equal(asked.status, 303)
  const bank = new URL(asked.location, created.url)
  const refused = await (await open(bank)).submit({ decision: "refuse" })
  assert.equal(refused.status, 402)
  const again = await refused.submit(card("4000 0025 0000 3155"))
  const approved = await (await open(new URL(again.location, created.url))).submit({ decision: "approve" })
  assert.equal(approved.status, 303)
  assert.match(approved.location, /^https:\/\/shop\.example\/done/)
  const { subscription } = await stripe.checkout.sessions.retrieve(created.id, { expand: ["subscription"] })
  assert.equal(subscription.status, "active")
})

test("a bank debit completes unpaid and succeeds or fails later", async () => {
  const debit = { method: "bank_debit", cardholder_name: "Ada Lovelace", bank_result: "waits" }
  for (const [outcome, type] of [
    ["succeeded", "async_payment_succeeded"],
    ["failed", "async_payment_failed"],
  ]) {
    const created = await session()
    const paid = await (await open(created.url)).submit(debit)
    assert.equal(paid.status, 303)
    const waiting = await stripe.checkout.sessions.retrieve(created.id, { expand: ["invoice.payments"] })
    assert.equal(waiting.payment_status, "unpaid")
    assert.equal(waiting.status, "complete")
    const intent = waiting.invoice.payments.data[0].payment.payment_intent
    await stripe.rawRequest("POST", `/v1/test_helpers/payment_intents/${intent}/finish_processing`, { outcome })
    const { event } = await receiver.event(`checkout.session.${type}`, ({ id }) => id === created.id)
    assert.equal(event.data.object.payment_status, outcome === "succeeded" ? "paid" : "unpaid")
  }
})

test("wrong entries are named at their fields and nothing happens", async () => {
  const created = await session({ customer_email: undefined })
  const wrong = await (await open(created.url)).submit(
    card("4242 4242 4242 4241", { email: "nobody", card_expiry: "01 / 20", card_cvc: "1", cardholder_name: " " }),
  )
  assert.equal(wrong.status, 422)
  for (const name of ["email", "card_number", "card_expiry", "card_cvc", "cardholder_name"])
    assert.match(wrong.html, new RegExp(`id="${name}"[^>]*aria-invalid="true"[^>]*aria-describedby="${name}-error"`))
  assert.equal((await stripe.checkout.sessions.retrieve(created.id)).status, "open")
})

test("test cards fill in without a script, and in Spanish", async () => {
  const created = await session({ locale: "es" })
  const form = await open(created.url)
  assert.match(form.html, /<html lang="es">/)
  assert.match(form.html, /20,00/)
  const filled = await form.submit({ fill: "4242 4242 4242 4242" })
  assert.equal(filled.fields.card_number, "4242 4242 4242 4242")
  assert.equal((await filled.submit()).status, 303)
})

test("a form from elsewhere is refused; pages forbid inline code and framing", async () => {
  const created = await session()
  const form = await open(created.url)
  assert.equal((await form.submit(card("4242424242424242", { form_token: "guessed" }))).status, 403)
  for (const path of [new URL(created.url).pathname, `/sandbox/checkout_session/${created.id}/expire`]) {
    const from = (/** @type {Record<string, string>} */ headers) =>
      fetch(new URL(path, created.url), { method: "POST", body: new URLSearchParams(form.fields), headers, redirect: "manual" })
    for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, { origin: "http://localhost:1" }, { "sec-fetch-site": "cross-site" }]) {
      const refused = await from(headers)
      assert.equal(refused.status, 403, JSON.stringify(headers))
      assert.match(await refused.text(), /sent by another site/)
    }
    const own = await from({ origin: new URL(created.url).origin, "sec-fetch-site": "same-origin" })
    assert.doesNotMatch(await own.text(), /sent by another site/)
  }
  const policy = form.headers.get("content-security-policy")
  assert.match(policy, /script-src 'self';.*frame-ancestors 'none'; form-action 'self' https:\/\/shop\.example$/)
  assert.doesNotMatch(form.html, /<style|style="|<script>|onclick/)
})

test("an expired session says so and links back", async () => {
  const created = await session()
  await stripe.checkout.sessions.expire(created.id)
  const gone = await open(created.url)
  assert.equal(gone.status, 410)
  assert.match(gone.html, /expired/)
  assert.match(gone.html, /href="https:\/\/shop\.example\/back"/)
  await receiver.event("checkout.session.expired", ({ id }) => id === created.id)
})

test("the page says for how long a discount makes it cheaper", async () => {
  const words = async terms => {
    const coupon = await stripe.coupons.create({ percent_off: 50, ...terms })
    const { code } = await stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: coupon.id } })
    const { url } = await session({ allow_promotion_codes: true })
    await (await open(url)).submit({ promotion_code: code, apply_code: "1" })
    const page = await open(url)
    return (page.html.match(/<p class="amount">.*?<\/p>(\s*<p id="after-discount">.*?<\/p>)?/s) ?? [""])[0]
      .replaceAll(/<[^>]+>/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim()
  }
  assert.match(await words({ duration: "once" }), /today Then \S+ per month$/)
  assert.match(await words({ duration: "repeating", duration_in_months: 3 }), /per month For 3 months, then \S+ per month$/)
  assert.match(await words({ duration: "forever" }), /^\S+ per month$/)
})

test("a trial starts without a payment; mode payment and setup work", async () => {
  const trial = await session({ subscription_data: { trial_period_days: 14 } })
  await (await open(trial.url)).submit(card("4242424242424242"))
  const started = await stripe.checkout.sessions.retrieve(trial.id, { expand: ["subscription", "invoice"] })
  assert.equal(started.payment_status, "no_payment_required")
  assert.equal(started.subscription.status, "trialing")
  assert.equal(started.invoice.amount_due, 0)
  assert.equal(started.invoice.status, "paid")

  const once = await stripe.checkout.sessions.create({
    mode: "payment",
    customer_creation: "always",
    line_items: [{ price_data: { currency: "eur", unit_amount: 990, product_data: { name: "Book" } }, quantity: 2 }],
    success_url: "https://shop.example/done",
  })
  await (await open(once.url)).submit(card("5555 5555 5555 4444", { email: "bo@example.com" }))
  const bought = await stripe.checkout.sessions.retrieve(once.id, { expand: ["payment_intent.latest_charge"] })
  assert.equal(bought.payment_intent.latest_charge.payment_method_details.card.brand, "mastercard")
  assert.equal(bought.payment_intent.amount_received, 1980)

  const setup = await stripe.checkout.sessions.create({ mode: "setup", success_url: "https://shop.example/done" })
  await (await open(setup.url)).submit(card("4242424242424242", { email: "cy@example.com" }))
  const kept = await stripe.checkout.sessions.retrieve(setup.id, { expand: ["setup_intent.payment_method"] })
  assert.equal(kept.setup_intent.payment_method.card.last4, "4242")
})
