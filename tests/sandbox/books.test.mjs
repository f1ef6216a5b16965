// The books: credit notes, balances, tax numbers, disputes, and the invoice that is to come.
import assert from "node:assert/strict"
import { test } from "node:test"
import { receiver, stripe } from "./started.mjs"
import { advance, customerOnClock, monthlyPrice, seconds } from "./support.mjs"

const latest = { expand: ["latest_invoice"] }
const helper = (path, parameters) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)

async function subscribed(more = {}, amount = 5000) {
  const { clock, customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const price = await monthlyPrice(stripe, amount, "eur")
  const { id, latest_invoice: invoice } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
    ...latest,
  })
  return { clock, customer, id, invoice, price }
}

const chargeOf = async invoice => {
  const { data } = await stripe.invoicePayments.list({ invoice, limit: 1 })
  const intent = await stripe.paymentIntents.retrieve(data[0].payment.payment_intent)
  return intent.latest_charge
}

test("before payment a credit note lowers what remains, and can be voided", async () => {
  const { invoice } = await subscribed({ payment_behavior: "default_incomplete" })
  const note = await stripe.creditNotes.create({ invoice: invoice.id, amount: 2000, reason: "order_change" })
  assert.deepEqual(
    [note.type, note.pre_payment_amount, note.post_payment_amount, note.status],
    ["pre_payment", 2000, 0, "issued"],
  )
  assert.match(note.number, /-CN-01$/)
  let now = await stripe.invoices.retrieve(invoice.id)
  assert.deepEqual([now.amount_due, now.amount_remaining, now.pre_payment_credit_notes_amount], [3000, 3000, 2000])
  const voided = await stripe.creditNotes.voidCreditNote(note.id)
  assert.equal(voided.status, "void")
  now = await stripe.invoices.retrieve(invoice.id)
  assert.deepEqual([now.amount_remaining, now.pre_payment_credit_notes_amount], [5000, 0])
  await stripe.creditNotes.create({ invoice: invoice.id, amount: 2000 })
  const paid = await stripe.invoices.pay(invoice.id)
  assert.deepEqual([paid.amount_paid, paid.total, paid.status], [3000, 5000, "paid"])
  await assert.rejects(stripe.creditNotes.voidCreditNote((await stripe.creditNotes.list({ invoice: invoice.id })).data[0].id), {
    statusCode: 400,
  })
  for (const type of ["credit_note.created", "credit_note.voided"])
    await receiver.event(type, object => object.invoice === invoice.id)
})

test("a credit note of all that is open settles the invoice", async () => {
  const { id, invoice } = await subscribed({ payment_behavior: "default_incomplete" })
  await stripe.creditNotes.create({ invoice: invoice.id, amount: 5000 })
  const now = await stripe.invoices.retrieve(invoice.id)
  assert.deepEqual([now.status, now.amount_paid, now.amount_remaining], ["paid", 0, 0])
  assert.equal((await stripe.subscriptions.retrieve(id)).status, "active")
})

test("after payment it goes back by card, onto the balance, or outside of Stripe", async () => {
  const { clock, customer, id, invoice } = await subscribed()
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 1000 }), /must equal/)
  const note = await stripe.creditNotes.create({
    invoice: invoice.id,
    amount: 3000,
    refund_amount: 1000,
    credit_amount: 1500,
    out_of_band_amount: 500,
  })
  assert.deepEqual([note.type, note.post_payment_amount, note.out_of_band_amount], ["post_payment", 3000, 500])
  const refund = await stripe.refunds.retrieve(note.refunds[0].refund)
  assert.equal(refund.amount, 1000)
  const entry = await stripe.customers.retrieveBalanceTransaction(customer.id, note.customer_balance_transaction)
  assert.deepEqual([entry.type, entry.amount, entry.credit_note], ["credit_note", -1500, note.id])
  const credited = await stripe.invoices.retrieve(invoice.id)
  assert.deepEqual([credited.post_payment_credit_notes_amount, credited.amount_paid], [3000, 5000])
  await assert.rejects(stripe.creditNotes.create({ invoice: invoice.id, amount: 2001, refund_amount: 2001 }), {
    param: "amount",
  })
  const own = await stripe.refunds.create({ charge: await chargeOf(invoice.id), amount: 500 })
  const linked = await stripe.creditNotes.create({
    invoice: invoice.id,
    amount: 500,
    refunds: [{ refund: own.id, amount_refunded: 500 }],
  })
  assert.equal(linked.refunds[0].refund, own.id)
  await advance(stripe, clock, seconds("2027-02-10T02:00:00Z"))
  const next = await stripe.subscriptions.retrieve(id, latest)
  assert.deepEqual(
    [next.latest_invoice.starting_balance, next.latest_invoice.amount_due, next.latest_invoice.ending_balance],
    [-1500, 3500, 0],
  )
  const moves = (await stripe.customers.listBalanceTransactions(customer.id)).data
  assert.deepEqual(
    moves.map(({ type, amount }) => [type, amount]),
    [
      ["applied_to_invoice", 1500],
      ["credit_note", -1500],
    ],
  )
})

test("the taxes of three notes over three lines are those of the invoice, to the cent", async () => {
  const rate = await stripe.taxRates.create({ display_name: "IVA", percentage: 20, inclusive: false })
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const prices = await Promise.all([1, 2, 3].map(() => monthlyPrice(stripe, 3333, "eur")))
  const { latest_invoice: invoice } = await stripe.subscriptions.create({
    customer: customer.id,
    items: prices.map(({ id }) => ({ price: id })),
    default_tax_rates: [rate.id],
    ...latest,
  })
  assert.deepEqual([invoice.total, invoice.total_taxes[0].amount], [12000, 2001])
  const thirds = []
  for (let i = 0; i < 3; ++i)
    thirds.push(await stripe.creditNotes.create({ invoice: invoice.id, amount: 4000, refund_amount: 4000 }))
  const sum = pick => thirds.reduce((all, note) => all + pick(note), 0)
  assert.equal(
    sum(note => note.total),
    12000,
  )
  assert.equal(
    sum(note => note.total_taxes[0].amount),
    2001,
  )
  assert.equal(
    sum(note => note.total_excluding_tax),
    9999,
  )
  const other = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: prices[0].id }],
    default_tax_rates: [rate.id],
    ...latest,
  })
  const [line] = other.latest_invoice.lines.data
  const part = await stripe.creditNotes.create({
    invoice: other.latest_invoice.id,
    lines: [{ type: "invoice_line_item", invoice_line_item: line.id, amount: 1111 }],
    refund_amount: 1333,
  })
  assert.deepEqual([part.subtotal, part.total, part.total_taxes[0].amount], [1111, 1333, 222])
  assert.equal(part.lines.data[0].invoice_line_item, line.id)
  const { data } = await stripe.creditNotes.listLineItems(part.id)
  assert.equal(data.length, 1)
})

test("an item that names a draft stands on it at once", async () => {
  const { customer } = await customerOnClock(stripe, "2027-01-10T00:00:00Z")
  const draft = await stripe.invoices.create({ customer: customer.id, currency: "eur" })
  const item = await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900, currency: "eur" })
  assert.equal((await stripe.invoiceItems.retrieve(item.id)).invoice, draft.id)
  const { total, lines } = await stripe.invoices.finalizeInvoice(draft.id)
  assert.deepEqual([total, lines.data.length], [900, 1])
  const late = { customer: customer.id, invoice: draft.id, amount: 100, currency: "eur" }
  await assert.rejects(stripe.invoiceItems.create(late), { param: "invoice", code: "invoice_not_editable" })
})

test("tax numbers are verified a moment later", async () => {
  const customer = await stripe.customers.create({ name: "Acme", tax_id_data: [{ type: "es_cif", value: "A12345674" }] })
  const made = await stripe.customers.createTaxId(customer.id, { type: "eu_vat", value: "ES000000000" })
  assert.deepEqual([made.country, made.verification.status], ["ES", "pending"])
  const wrong = await stripe.customers.createTaxId(customer.id, { type: "eu_vat", value: "ES111111111" })
  const slow = await stripe.customers.createTaxId(customer.id, { type: "eu_vat", value: "ES222222222" })
  await receiver.event("customer.tax_id.updated", object => object.id === made.id)
  await receiver.event("customer.tax_id.updated", object => object.id === wrong.id)
  const status = async id => (await stripe.customers.retrieveTaxId(customer.id, id)).verification.status
  assert.deepEqual([await status(made.id), await status(wrong.id), await status(slow.id)], ["verified", "unverified", "pending"])
  await stripe.customers.deleteTaxId(customer.id, slow.id)
  const { data } = await stripe.customers.listTaxIds(customer.id)
  assert.equal(data.length, 3)
  assert.deepEqual(data.map(({ verification }) => verification.status).sort(), ["unavailable", "unverified", "verified"])
  const invoice = await stripe.invoices.create({ customer: customer.id, currency: "eur" })
  assert.equal(invoice.customer_tax_ids.length, 3)
})

test("the invoice to come is announced a week before, with what it will be", async () => {
  const { clock, id } = await subscribed()
  await advance(stripe, clock, seconds("2027-02-03T01:00:00Z"))
  const { event } = await receiver.event(
    "invoice.upcoming",
    object => object.parent.subscription_details.subscription === id,
  )
  assert.equal(event.created, seconds("2027-02-03T00:00:00Z"))
  assert.deepEqual([event.data.object.id, event.data.object.total], [undefined, 5000])
  await advance(stripe, clock, seconds("2027-03-09T00:00:00Z"))
  await receiver.event(
    "invoice.upcoming",
    object =>
      object.parent.subscription_details.subscription === id &&
      object.lines.data[0].period.start === seconds("2027-03-10T00:00:00Z"),
  )
  const told = receiver.received.filter(
    ({ event }) =>
      event.type === "invoice.upcoming" && event.data.object.parent.subscription_details.subscription === id,
  )
  assert.equal(told.length, 2)
})

test("a part is disputed: what is won comes back, what is lost does not; the rest can be refunded", async () => {
  for (const evidence of ["winning_evidence", "losing_evidence"]) {
    const { invoice } = await subscribed()
    const charge = await chargeOf(invoice.id)
    const dispute = await helper(`charges/${charge}/dispute`, { amount: 2000, reason: "product_not_received" })
    assert.deepEqual([dispute.amount, dispute.reason, dispute.status], [2000, "product_not_received", "needs_response"])
    const [withdrawn] = dispute.balance_transactions
    assert.deepEqual([withdrawn.amount, withdrawn.type, withdrawn.reporting_category], [-2000, "adjustment", "dispute"])
    assert.ok(withdrawn.fee > 0)
    await assert.rejects(stripe.refunds.create({ charge, amount: 3001 }), { param: "amount" })
    const closed = await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: evidence }, submit: true })
    const won = evidence === "winning_evidence"
    assert.equal(closed.status, won ? "won" : "lost")
    assert.equal(closed.balance_transactions.length, won ? 2 : 1)
    const { event: told } = await receiver.event("charge.dispute.closed", object => object.id === dispute.id)
    assert.equal(told.created, seconds("2027-01-10T00:00:00Z"), "in the customer's time, which stands still")
    if (won) await receiver.event("charge.dispute.funds_reinstated", object => object.id === dispute.id)
    const refund = await stripe.refunds.create({ charge, amount: won ? 5000 : 3000 })
    const move = await stripe.balanceTransactions.retrieve(refund.balance_transaction)
    assert.deepEqual([move.amount, move.type, move.source], [-refund.amount, "refund", refund.id])
    assert.equal(refund.created, seconds("2027-01-10T00:00:00Z"))
    await assert.rejects(stripe.disputes.close(dispute.id), { statusCode: 400 })
  }
})

test("evidence is a draft until it is submitted, and that only once and in time", async () => {
  const { clock, invoice } = await subscribed()
  const { id } = await helper(`charges/${await chargeOf(invoice.id)}/dispute`, { amount: 2000 })
  const draft = await stripe.disputes.update(id, { evidence: { customer_name: "Ada" }, submit: false })
  assert.deepEqual([draft.status, draft.evidence.customer_name], ["needs_response", "Ada"])
  assert.deepEqual([draft.evidence_details.has_evidence, draft.evidence_details.submission_count], [true, 0])
  const emptied = await stripe.disputes.update(id, { evidence: { customer_name: "" }, submit: false })
  assert.deepEqual([emptied.evidence.customer_name, emptied.evidence_details.has_evidence], [null, false])
  await assert.rejects(stripe.disputes.update(id, /** @type {any} */ ({ evidence: { opinion: "no" } })), {
    code: "parameter_unknown",
  })
  await assert.rejects(stripe.disputes.update(id, { evidence: { uncategorized_text: "x".repeat(150_001) } }), {
    param: "evidence",
  })
  const told = await stripe.disputes.update(id, { evidence: { customer_name: "Ada" } })
  assert.deepEqual([told.status, told.evidence_details.submission_count], ["under_review", 1])
  await assert.rejects(stripe.disputes.update(id, { evidence: { customer_name: "Eve" } }), { statusCode: 400 })
  assert.equal((await stripe.disputes.update(id, { metadata: { a: "1" } })).metadata.a, "1")

  const late = await helper(`charges/${await chargeOf(invoice.id)}/dispute`, { amount: 1000 })
  await advance(stripe, clock, seconds("2027-01-25T00:00:00Z"))
  await assert.rejects(stripe.disputes.update(late.id, { evidence: { customer_name: "Ada" } }), { statusCode: 400 })
})

test("Stripe's customer portal is refused in words", async () => {
  await assert.rejects(stripe.billingPortal.sessions.create({ customer: "cus_1", return_url: "https://shop.example/" }), {
    message: /no customer portal/,
    statusCode: 400,
  })
})
