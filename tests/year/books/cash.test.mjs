import assert from "node:assert/strict"
import { test } from "node:test"
import { event, invoice, line, note, refund, seconds } from "./made.mjs"
import { recompute } from "./recompute.mjs"

/** @typedef {import("./events.mjs").Json} Json */

/** @param {Json} objects @param {Json} [more] */
function books(objects, { events = [], until = "2026-06-30T23:59:59Z", zone = "UTC" } = {}) {
  return recompute({ events, objects, zone, until: seconds(until) })
}

/** @param {ReturnType<typeof books>} all @param {string} month @param {string[]} names */
const shown = ({ months }, month, names) => {
  const own = /** @type {Json} */ (months[month].eur)
  return names.map(name => own[name])
}

const of = (/** @type {string} */ id, /** @type {string} */ at, /** @type {number} */ amount, more = {}) =>
  invoice(id, at, [line(`il_${id}`, amount, [at, at])], more)

const cash = ["gross", "other", "refunds", "disputes", "net"]

test("payments, refunds and lost disputes each count on their own day; what passed Stripe by stands beside", () => {
  const dispute = { id: "du_1", status: "lost", amount: 700, currency: "eur", payment_intent: "pi_in_1" }
  const objects = {
    invoices: [
      of("in_1", "2026-01-31", 5000, { paid: "2026-02-03" }),
      of("in_2", "2026-02-10", 2000, { paid: "2026-02-20", outOfBand: 2000 }),
    ],
    refunds: [refund("re_1", "2026-03-01", "in_1", 1000)],
    disputes: [dispute],
  }
  const events = [event("charge.dispute.closed", "2026-04-02", dispute)]
  const all = books(objects, { events })
  assert.deepEqual(shown(all, "2026-01", cash), [0, 0, 0, 0, 0])
  assert.deepEqual(shown(all, "2026-02", cash), [5000, 2000, 0, 0, 5000])
  assert.deepEqual(shown(all, "2026-03", cash), [0, 0, 1000, 0, -1000])
  assert.deepEqual(shown(all, "2026-04", cash), [0, 0, 0, 700, -700])
  assert.deepEqual([all.invoices.in_2.paid, all.invoices.in_2.paid_out_of_band], [0, 2000])
})

test("a refund that fails comes back in the month it does", () => {
  const failed = refund("re_1", "2026-02-01", "in_1", 1000, { status: "failed", failure_balance_transaction: "txn_1" })
  const objects = { invoices: [of("in_1", "2026-01-10", 5000, { paid: "2026-01-10" })], refunds: { re_1: failed } }
  const told = books(objects, { events: [event("refund.failed", "2026-03-02", failed)] })
  assert.deepEqual(
    ["2026-02", "2026-03"].map(month => told.months[month].eur.net),
    [-1000, 1000],
  )
  const moved = books({ ...objects, balance_transactions: [{ id: "txn_1", created: seconds("2026-04-02") }] })
  assert.deepEqual(
    ["2026-02", "2026-04"].map(month => moved.months[month].eur.net),
    [-1000, 1000],
  )
})

test("a charge that no invoice knows is cash; one that failed or waits is not", () => {
  const charge = (/** @type {string} */ id, /** @type {string} */ status, captured = true) => ({
    id,
    status,
    captured,
    amount: 900,
    amount_captured: captured ? 900 : 0,
    currency: "eur",
    created: seconds("2026-01-31"),
    payment_intent: `pi_${id}`,
  })
  const charges = [
    charge("ch_1", "succeeded"),
    charge("ch_2", "failed"),
    charge("ch_3", "pending"),
    charge("ch_4", "succeeded", false),
  ]
  const late = event("charge.succeeded", "2026-02-02", charges[0])
  const all = books({ charges, invoices: [of("in_1", "2026-01-10", 5000, { paid: "2026-01-10" })] }, { events: [late] })
  assert.deepEqual(
    ["2026-01", "2026-02"].map(month => all.months[month].eur.gross),
    [5000, 900],
  )
})

test("an invoice's charge is not counted beside its payment", () => {
  const charges = [
    {
      id: "ch_1",
      status: "succeeded",
      amount: 5000,
      currency: "eur",
      created: seconds("2026-01-10"),
      payment_intent: "pi_in_1",
    },
  ]
  const all = books({ charges, invoices: [of("in_1", "2026-01-10", 5000, { paid: "2026-01-10" })] })
  assert.equal(all.months["2026-01"].eur.gross, 5000)
})

test("what is paid from the credit balance is no cash and no receivable", () => {
  const covered = of("in_1", "2026-01-10", 5000, {
    paid: "2026-01-10",
    amount_due: 0,
    amount_paid: 0,
    payments: { data: [] },
  })
  const all = books({ invoices: [covered] })
  assert.deepEqual(shown(all, "2026-01", [...cash, "receivables", "invoiced"]), [0, 0, 0, 0, 0, 0, 5000])
})

test("a receivable lasts until it is paid, void, uncollectible or covered by notes, dated by that", () => {
  const noted = note("cn_1", "2026-02-10", "in_4", 1000, { pre_payment_amount: 1000, post_payment_amount: 0 })
  const taken = note("cn_2", "2026-02-10", "in_5", 400, {
    pre_payment_amount: 400,
    post_payment_amount: 0,
    voided_at: seconds("2026-04-10"),
  })
  const objects = {
    invoices: [
      of("in_1", "2026-01-10", 1, { paid: "2026-03-10" }),
      of("in_2", "2026-01-10", 10, { voided: "2026-02-10" }),
      of("in_3", "2026-01-10", 100, { uncollectible: "2026-03-10", paid: "2026-05-10" }),
      of("in_4", "2026-01-10", 1000, { amount_due: 0, pre_payment_credit_notes_amount: 1000 }),
      of("in_5", "2026-01-10", 10000),
    ],
    credit_notes: { cn_1: noted, cn_2: taken },
  }
  const all = books(objects)
  const receivables = Object.values(all.months).map(({ eur }) => eur.receivables)
  assert.deepEqual(receivables, [11111, 9701, 9600, 10000, 10000, 10000])
  assert.deepEqual(all.months["2026-01"].eur.invoiced, 11111)
  assert.equal(books(objects, { until: "2026-04-30" }).invoices.in_3.status, "uncollectible")
  assert.deepEqual([all.invoices.in_3.status, all.invoices.in_3.receivable_at_until], ["paid", 0])
  const { in_2, in_5 } = all.invoices
  assert.deepEqual([in_2.status, in_2.remaining, in_2.receivable_at_until], ["void", 10, 0])
  assert.deepEqual([in_5.status, in_5.remaining, in_5.receivable_at_until], ["open", 10000, 10000])
})

test("what was due is what the invoice said when it was finalized", () => {
  const object = of("in_1", "2026-01-10", 5000, { amount_due: 0 })
  const events = [event("invoice.finalized", "2026-01-10", { ...object, amount_due: 3500 })]
  assert.equal(books({ invoices: [object] }, { events }).months["2026-01"].eur.receivables, 3500)
})

test("recovery is that of the invoices whose first failure falls in the month", () => {
  const failure = (/** @type {string} */ at, /** @type {Json} */ object) =>
    event("invoice.payment_failed", at, { ...object, amount_remaining: object.amount_due })
  const invoices = [
    of("in_1", "2026-01-30", 1000, { paid: "2026-03-02" }),
    of("in_2", "2026-01-30", 2000),
    of("in_3", "2026-01-30", 4000, { uncollectible: "2026-02-20" }),
    of("in_4", "2026-02-28", 8000, { paid: "2026-03-03" }),
    of("in_5", "2026-01-30", 16000, { paid: "2026-02-01", amount_paid: 0, payments: { data: [] } }),
    of("in_6", "2026-01-30", 32000, { paid: "2026-01-30" }),
  ]
  const events = [
    failure("2026-02-05", invoices[0]),
    failure("2026-01-31", invoices[0]),
    failure("2026-01-31", invoices[1]),
    failure("2026-01-31", invoices[2]),
    failure("2026-02-28", invoices[3]),
    failure("2026-01-31", invoices[4]),
  ]
  const all = books({ invoices }, { events })
  assert.deepEqual(all.months["2026-01"].eur.dunning, {
    entered: 4,
    entered_amount: 23000,
    recovered: 1,
    recovered_amount: 1000,
    pending: 1,
  })
  assert.deepEqual(all.months["2026-02"].eur.dunning, {
    entered: 1,
    entered_amount: 8000,
    recovered: 1,
    recovered_amount: 8000,
    pending: 0,
  })
  const { first_failed_at, recovered_at } = all.invoices.in_1
  assert.deepEqual([first_failed_at, recovered_at], [seconds("2026-01-31"), seconds("2026-03-02")])
  const early = books({ invoices }, { events, until: "2026-02-10" })
  assert.deepEqual(early.months["2026-01"].eur.dunning.pending, 3)
  assert.deepEqual([early.invoices.in_1.status, early.invoices.in_1.recovered_at], ["open", null])
  assert.equal(early.invoices.in_4, undefined, "not made yet")
})

test("what was paid before the failure is not recovered", () => {
  const paid = (/** @type {string} */ at, /** @type {number} */ amount_paid) => ({
    status: "paid",
    amount_paid,
    payment: { type: "payment_intent", payment_intent: "pi_1" },
    status_transitions: { paid_at: seconds(at) },
  })
  const payments = { data: [paid("2026-01-12", 400), paid("2026-01-20", 600)] }
  const object = of("in_1", "2026-01-10", 1000, { paid: "2026-01-20", payments })
  const events = [event("invoice.payment_failed", "2026-01-15", { ...object, amount_remaining: 600 })]
  const { entered_amount, recovered_amount } = books({ invoices: [object] }, { events }).months["2026-01"].eur.dunning
  assert.deepEqual([entered_amount, recovered_amount], [600, 600])
})

test("a payment belongs to the month of the zone", () => {
  const objects = { invoices: [of("in_1", "2026-01-10", 5000, { paid: "2026-01-31T23:30:00Z" })] }
  assert.equal(books(objects, { zone: "Europe/Madrid" }).months["2026-02"].eur.gross, 5000)
  assert.equal(books(objects).months["2026-01"].eur.gross, 5000)
})

test("payments that do not make up what was paid are named", () => {
  const { problems, months } = books({
    invoices: [of("in_1", "2026-01-10", 5000, { paid: "2026-01-10", payments: { data: [] } })],
  })
  assert.deepEqual(problems, ["in_1 was paid more than its payments say"])
  assert.equal(months["2026-01"].eur.gross, 5000)
})
