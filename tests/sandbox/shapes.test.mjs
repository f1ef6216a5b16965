// Every object the sandbox answers has the fields that the SDK's own declarations demand, and no
// others: the declarations of the pinned version are the truth.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { after, before, test } from "node:test"
import { fileURLToPath } from "node:url"
import { card, monthlyPrice, open, startSandbox } from "./support.mjs"

const resources = new URL("resources/", import.meta.resolve("stripe"))

/** The lines of a declaration file, without comments. */
const linesOf = file =>
  readFileSync(fileURLToPath(new URL(file, resources)), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .map(line => line.trim())
    .filter(Boolean)

/** The lines inside `interface` or `namespace` `path` ("Invoice/Parent"); none when it is declared elsewhere. */
function block(lines, path) {
  let [from, to] = [0, lines.length]
  const names = path.split("/")
  for (const [depth, name] of names.entries()) {
    const kind = depth === names.length - 1 ? "interface" : "namespace"
    const start = lines.findIndex(
      (line, i) => i >= from && i < to && new RegExp(`^(export )?(declare )?${kind} ${name}\\b.*\\{`).test(line),
    )
    if (start < 0) return undefined
    let [open_, end] = [0, start]
    do open_ += (lines[end].match(/\{/g) ?? []).length - (lines[end].match(/\}/g) ?? []).length
    while (open_ > 0 && ++end < to)
    ;[from, to] = [start + 1, end]
  }
  return lines.slice(from, to)
}

function fieldsOf(lines, path) {
  const found = block(lines, path)
  if (!found) return undefined
  const fields = new Map()
  let depth = 0
  for (const line of found) {
    const field = depth === 0 && line.match(/^(\w+)(\?)?: (.*)$/)
    if (field) fields.set(field[1], { required: !field[2], type: field[3].replace(/;$/, "") })
    depth += (line.match(/\{/g) ?? []).length - (line.match(/\}/g) ?? []).length
  }
  return fields
}

const problems = []
function check(lines, path, object, where) {
  const fields = fieldsOf(lines, path)
  if (!fields || typeof object !== "object" || object === null) return
  for (const [name, { required }] of fields)
    if (required && !(name in object)) problems.push(`${where}.${name} is missing`)
  for (const [name, value] of Object.entries(object)) {
    const field = fields.get(name)
    if (!field) {
      if (!["lastResponse", "total_count"].includes(name)) problems.push(`${where}.${name} is unknown`)
      continue
    }
    if (value === null && !/\bnull\b/.test(field.type)) problems.push(`${where}.${name} must not be null`)
    const nested = field.type.match(/(?:^|[<| ])(\w+)\.(\w+)(?:>|\b)/)
    if (!nested || nested[2][0] !== nested[2][0].toUpperCase()) continue
    const parent = path.split("/")
    const inner = parent.at(-1) === nested[1] ? [...parent, nested[2]].join("/") : undefined
    if (!inner) continue
    for (const item of Array.isArray(value) ? value : [value]) check(lines, inner, item, `${where}.${name}`)
  }
}

let sandbox, stripe
before(async () => {
  sandbox = await startSandbox()
  stripe = sandbox.stripe
})
after(() => sandbox.stop())

test("the answers have the declared shape", async () => {
  const price = await monthlyPrice(stripe)
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: "forever" })
  const promotion = await stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: coupon.id } })
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    line_items: [{ price: price.id }],
    success_url: "https://shop.example/",
    customer_email: "a@example.com",
    discounts: [{ coupon: coupon.id }],
  })
  await (await open(session.url)).submit(card("4242424242424242"))
  const done = await stripe.checkout.sessions.retrieve(session.id, {
    expand: ["line_items", "subscription.discounts", "invoice.payments", "customer"],
  })
  const { subscription, invoice, customer } = done
  const [payment] = invoice.payments.data
  const intent = await stripe.paymentIntents.retrieve(payment.payment.payment_intent, {
    expand: ["latest_charge.refunds", "payment_method"],
  })
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 100 })
  const setup = await stripe.setupIntents.create({
    customer: customer.id,
    payment_method: "pm_card_visa",
    confirm: true,
  })
  const item = await stripe.invoiceItems.create({ customer: customer.id, amount: 100, currency: "usd" })
  const endpoint = await stripe.webhookEndpoints.create({
    url: "http://127.0.0.1:9/never",
    enabled_events: ["plan.created"],
  })
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 })
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id })
  await stripe.webhookEndpoints.del(endpoint.id)
  const rate = await stripe.taxRates.create({ display_name: "IVA", percentage: 21, inclusive: false })
  const taxId = await stripe.customers.createTaxId(customer.id, { type: "eu_vat", value: "ES000000000" })
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id })
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 200, credit_amount: 100, refund_amount: 100 })
  const taxed = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] }],
    default_payment_method: intent.payment_method.id,
    expand: ["latest_invoice", "items.data.discounts"],
  })
  const dispute = await stripe.rawRequest("POST", `/v1/test_helpers/charges/${intent.latest_charge.id}/dispute`, {
    amount: 100,
  })
  const { data: moves } = await stripe.customers.listBalanceTransactions(customer.id)

  const shapes = [
    ["Customers", "Customer", customer],
    ["Products", "Product", await stripe.products.retrieve(price.product)],
    ["Prices", "Price", price],
    ["Coupons", "Coupon", coupon],
    ["PromotionCodes", "PromotionCode", promotion],
    ["Discounts", "Discount", subscription.discounts[0]],
    ["Checkout/Sessions", "Session", session],
    ["Checkout/Sessions", "Session", done],
    ["LineItems", "LineItem", done.line_items.data[0]],
    ["Subscriptions", "Subscription", subscription],
    ["SubscriptionItems", "SubscriptionItem", subscription.items.data[0]],
    ["Plans", "Plan", subscription.items.data[0].plan],
    ["Invoices", "Invoice", invoice],
    ["Invoices", "Invoice", preview],
    ["InvoiceLineItems", "InvoiceLineItem", invoice.lines.data[0]],
    ["InvoicePayments", "InvoicePayment", payment],
    ["InvoiceItems", "InvoiceItem", item],
    ["PaymentIntents", "PaymentIntent", intent],
    ["PaymentMethods", "PaymentMethod", intent.payment_method],
    ["Charges", "Charge", intent.latest_charge],
    ["Refunds", "Refund", refund],
    ["SetupIntents", "SetupIntent", setup],
    ["WebhookEndpoints", "WebhookEndpoint", endpoint],
    ["TestHelpers/TestClocks", "TestClock", clock],
    ["TaxRates", "TaxRate", rate],
    ["TaxIds", "TaxId", taxId],
    ["SubscriptionSchedules", "SubscriptionSchedule", schedule],
    ["CreditNotes", "CreditNote", note],
    ["CreditNoteLineItems", "CreditNoteLineItem", note.lines.data[0]],
    ["Invoices", "Invoice", taxed.latest_invoice],
    ["InvoiceLineItems", "InvoiceLineItem", taxed.latest_invoice.lines.data[0]],
    ["SubscriptionItems", "SubscriptionItem", taxed.items.data[0]],
    ["Discounts", "Discount", taxed.items.data[0].discounts[0]],
    ["Disputes", "Dispute", dispute],
    ["BalanceTransactions", "BalanceTransaction", await stripe.balanceTransactions.retrieve(refund.balance_transaction)],
    ["CustomerBalanceTransactions", "CustomerBalanceTransaction", moves[0]],
    ["Balance", "Balance", await stripe.balance.retrieve()],
    ["Accounts", "Account", await stripe.accounts.retrieveCurrent()],
  ]
  for (const [file, name, object] of shapes) {
    assert.ok(object?.object, name)
    check(linesOf(`${file}.d.ts`), name, object, name)
  }
  assert.deepEqual(problems, [])
})
