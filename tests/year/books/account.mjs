// Everything that an account at Stripe knows, as the books want it.

/** @typedef {Record<string, any>} Json */

/** @param {AsyncIterable<Json>} pages @returns {Promise<Json[]>} */
async function all(pages) {
  const found = []
  for await (const object of pages) found.push(object)
  return found
}

/** @param {Json[]} objects */
const byId = objects => Object.fromEntries(objects.map(object => [object.id, object]))

/** An invoice with all of its lines. @param {any} stripe @param {Json} invoice */
async function withLines(stripe, invoice) {
  if (!invoice.lines.has_more) return invoice
  const data = await all(stripe.invoices.listLineItems(invoice.id, { limit: 100 }))
  return { ...invoice, lines: { ...invoice.lines, data, has_more: false } }
}

/** @param {any} stripe a client of the official SDK @returns {Promise<{ events: Json[], objects: Json }>} */
export async function account(stripe) {
  const limit = 100
  const invoices = await all(stripe.invoices.list({ limit, expand: ["data.payments"] }))
  const objects = {
    customers: await all(stripe.customers.list({ limit })),
    subscriptions: await all(stripe.subscriptions.list({ limit, status: "all" })),
    invoices: await Promise.all(invoices.map(invoice => withLines(stripe, invoice))),
    invoiceitems: await all(stripe.invoiceItems.list({ limit })),
    credit_notes: await all(stripe.creditNotes.list({ limit })),
    refunds: await all(stripe.refunds.list({ limit })),
    charges: await all(stripe.charges.list({ limit })),
    disputes: await all(stripe.disputes.list({ limit })),
    coupons: await all(stripe.coupons.list({ limit })),
    prices: await all(stripe.prices.list({ limit })),
    balance_transactions: await all(stripe.balanceTransactions.list({ limit })),
  }
  return {
    events: await all(stripe.events.list({ limit })),
    objects: Object.fromEntries(Object.entries(objects).map(([kind, found]) => [kind, byId(found)])),
  }
}
