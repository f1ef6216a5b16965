// Everything that the sandbox has, through its API and the official client.

import { allOf } from "../support/stripe.mjs"

const PAGE = { limit: 100 }

/** Lists inside of objects are cut after ten. @param {any} stripe @param {any} invoice */
async function withAllLines(stripe, invoice) {
  if (!invoice.lines.has_more) return invoice
  return {
    ...invoice,
    lines: { ...invoice.lines, data: await allOf(stripe.invoices.listLineItems(invoice.id, PAGE)), has_more: false },
  }
}

/** @param {any[]} objects */
const byId = objects => Object.fromEntries(objects.map(one => [one.id, one]))

/** @param {any} stripe */
export async function objectsOf(stripe) {
  const invoices = []
  for (const invoice of await allOf(stripe.invoices.list({ ...PAGE, expand: ["data.payments"] })))
    invoices.push(await withAllLines(stripe, invoice))
  const customers = await allOf(stripe.customers.list(PAGE))
  const subscriptions = await allOf(stripe.subscriptions.list({ ...PAGE, status: "all", expand: ["data.discounts"] }))
  const lists = {
    customers,
    subscriptions,
    invoices,
    invoiceitems: await allOf(stripe.invoiceItems.list(PAGE)),
    credit_notes: await allOf(stripe.creditNotes.list(PAGE)),
    refunds: await allOf(stripe.refunds.list(PAGE)),
    charges: await allOf(stripe.charges.list(PAGE)),
    disputes: await allOf(stripe.disputes.list(PAGE)),
    coupons: await allOf(stripe.coupons.list(PAGE)),
    prices: await allOf(stripe.prices.list(PAGE)),
    balance_transactions: await allOf(stripe.balanceTransactions.list(PAGE)),
  }
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, byId(list)]))
}

/** In the order in which they happened. @param {any} stripe @returns {Promise<any[]>} */
export async function eventsOf(stripe) {
  return (await allOf(stripe.events.list(PAGE))).reverse()
}
