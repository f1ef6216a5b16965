import assert from "node:assert/strict"
import { test } from "node:test"
import { event, invoice, line, note, refund, seconds, tax } from "./made.mjs"
import { recompute } from "./recompute.mjs"
import { spread } from "./revenue.mjs"

/** @typedef {import("./events.mjs").Json} Json */

/** By month [revenue, contra, deferred]. @param {Json} objects @param {Json} [more] */
function earned(objects, { events = [], until = "2026-12-31T23:59:59Z", zone = "UTC", currency = "eur" } = {}) {
  const { months, problems } = recompute({ events, objects, zone, until: seconds(until) })
  assert.deepEqual(problems, [])
  /** @type {Record<string, any[]>} */
  const shown = {}
  for (const [month, { [currency]: books }] of Object.entries(months)) {
    assert.equal(books.recognised, Number(books.revenue) + Number(books.contra))
    shown[month] = [books.revenue, books.contra, books.deferred]
  }
  return shown
}

/** @param {Record<string, any[]>} months */
const total = months => Object.values(months).reduce((all, [revenue, contra]) => all + revenue + contra, 0)

const june = /** @type {[string, string]} */ (["2026-06-01", "2026-07-01"])
const juneOf = (/** @type {number} */ amount, more = {}) =>
  invoice("in_1", "2026-06-01", [line("il_1", amount, june)], { paid: "2026-06-01", ...more })

const planAndSetUp = () =>
  invoice(
    "in_1",
    "2026-01-16",
    [
      line("il_1", 10000, ["2026-01-16", "2026-04-16"], { taxes: [tax(2100)] }),
      line("il_2", 5000, ["2026-01-16", "2026-01-16"], { taxes: [tax(1050)] }),
    ],
    { paid: "2026-01-16" },
  )

test("the example: a plan of 90 days and a set-up, a third of it refunded on 1 March", () => {
  const objects = { invoices: [planAndSetUp()], refunds: [refund("re_1", "2026-03-01", "in_1", 6050)] }
  const months = earned(objects, { until: "2026-04-30" })
  assert.deepEqual(months, {
    "2026-01": [6778, 0, 8222],
    "2026-02": [3111, 0, 5111],
    "2026-03": [2295, -3296, 1112],
    "2026-04": [1112, 0, 0],
  })
  assert.equal(total(months), 10000)
})

test("a second refund ends every cell at its own amount; all at once leaves nothing either", () => {
  const two = [refund("re_1", "2026-03-01", "in_1", 6050), refund("re_2", "2026-03-20", "in_1", 12100)]
  assert.equal(total(earned({ invoices: [planAndSetUp()], refunds: two })), 0)
  const once = earned({ invoices: [planAndSetUp()], refunds: [refund("re_1", "2026-03-01", "in_1", 18150)] })
  assert.deepEqual(once["2026-03"], [0, -9889, 0])
  assert.deepEqual(once["2026-04"], [0, 0, 0])
})

test("spreading is cumulative, the largest cell takes the rest, of equal ones the lowest line", () => {
  const cell = (/** @type {string} */ name, /** @type {bigint} */ amount) => ({
    line: name,
    tax: false,
    amount,
    given: 0n,
    start: 0,
    end: 0,
  })
  const cells = [cell("il_2", 3333n), cell("il_1", 3333n), cell("il_3", 3333n), cell("il_4", 2001n)]
  assert.deepEqual(spread(cells, 4000n), [1111n, 1111n, 1111n, 667n])
  assert.deepEqual(spread(cells, 4000n), [1111n, 1111n, 1111n, 667n])
  assert.deepEqual(spread(cells, 9999n), [1111n, 1111n, 1111n, 667n], "never more than there is")
  assert.deepEqual(spread([cell("il_1", 33n), cell("il_2", 34n), cell("il_3", 33n)], 50n), [17n, 16n, 17n])
  const two = [cell("il_2", 1n), cell("il_1", 1n)]
  assert.deepEqual(spread(two, 1n), [1n, 0n])
})

test("30 to 60 on 16 September: the prorations count from their date, before any invoice has them", () => {
  const rest = /** @type {[string, string]} */ (["2026-09-16", "2026-10-01"])
  const month = invoice("in_1", "2026-09-01", [line("il_1", 3000, ["2026-09-01", "2026-10-01"])], {
    paid: "2026-09-01",
  })
  const item = (/** @type {string} */ id, /** @type {number} */ amount) => ({
    id,
    amount,
    currency: "eur",
    proration: true,
    date: seconds("2026-09-16"),
    period: { start: seconds(rest[0]), end: seconds(rest[1]) },
  })
  const invoiceitems = [item("ii_1", -1500), item("ii_2", 3000)]
  const waiting = earned({ invoices: [month], invoiceitems }, { until: "2026-10-31" })
  assert.deepEqual(waiting, { "2026-09": [4500, 0, 0], "2026-10": [0, 0, 0] })
  const next = invoice("in_2", "2026-10-01", [
    line("il_2", -1500, rest, { proration: true, invoiceItem: "ii_1" }),
    line("il_3", 3000, rest, { proration: true, invoiceItem: "ii_2" }),
    line("il_4", 6000, ["2026-10-01", "2026-11-01"]),
  ])
  const billed = earned({ invoices: [month, next], invoiceitems }, { until: "2026-10-31T23:59:59Z" })
  assert.deepEqual(billed["2026-09"], [4500, 0, 0])
  assert.deepEqual(earned({ invoices: [month, next], invoiceitems }, { until: "2026-11-01" })["2026-10"], [6000, 0, 0])
  // Taken away before it was invoiced: what was earned is taken back then.
  const deleted = event("invoiceitem.deleted", "2026-09-26", invoiceitems[1])
  const gone = earned(
    { invoices: [month], invoiceitems: invoiceitems.slice(0, 1) },
    { events: [deleted], until: "2026-10-01" },
  )
  assert.deepEqual(gone["2026-09"], [3000 - 1500 + 3000 - 1000, -2000, 0])
})

test("a proration in a draft counts, what else is in it does not", () => {
  const lines = [line("il_1", 600, june, { proration: true, invoiceItem: "ii_1" }), line("il_2", 900, june)]
  const draft = invoice("in_1", "2026-06-01", lines, {
    status: "draft",
    status_transitions: { finalized_at: null, paid_at: null, voided_at: null, marked_uncollectible_at: null },
  })
  const invoiceitems = [{ id: "ii_1", date: seconds("2026-06-01"), proration: true, amount: 600, invoice: "in_1" }]
  assert.deepEqual(earned({ invoices: [draft], invoiceitems }, { until: "2026-07-01" })["2026-06"], [600, 0, 0])
})

test("discounts and the tax inside are no revenue; paid or not does not matter", () => {
  const lines = [line("il_1", 12100, june, { cuts: [1210], taxes: [tax(1890, "inclusive")] })]
  for (const paid of ["2026-06-01", undefined])
    assert.equal(total(earned({ invoices: [invoice("in_1", "2026-06-01", lines, { paid })] })), 9000)
})

test("finalized late, the part that has passed is caught up; metered in arrears is whole at once", () => {
  const late = invoice("in_1", "2026-06-16", [line("il_1", 3000, ["2026-05-17", "2026-06-16"])])
  assert.deepEqual(earned({ invoices: [late] }, { until: "2026-06-30" }), { "2026-06": [3000, 0, 0] })
  const half = invoice("in_1", "2026-07-01", [line("il_1", 3000, ["2026-06-16", "2026-07-16"])])
  assert.deepEqual(earned({ invoices: [half] }, { until: "2026-07-01" }), { "2026-07": [1500, 0, 1500] })
})

test("what is booked as a month begins is that month's", () => {
  const once = invoice("in_1", "2026-06-01", [line("il_1", 700, ["2026-06-01", "2026-06-01"])])
  const before = invoice("in_0", "2026-05-20", [line("il_0", 1, ["2026-05-20", "2026-05-20"])])
  assert.deepEqual(earned({ invoices: [before, once] }, { until: "2026-06-02" }), {
    "2026-05": [1, 0, 0],
    "2026-06": [700, 0, 0],
  })
})

test("months are those of the zone, and the hour that the clocks leave out is missing", () => {
  const one = invoice("in_1", "2026-03-27T23:00:00Z", [
    line("il_1", 1000, ["2026-03-27T23:00:00Z", "2026-04-06T22:00:00Z"]),
  ])
  const months = earned({ invoices: [one] }, { zone: "Europe/Madrid", until: "2026-04-30" })
  const marchSeconds = 4 * 86_400 - 3_600
  assert.deepEqual(months["2026-03"][0], Math.round((1000 * marchSeconds) / (10 * 86_400 - 3_600)))
  assert.equal(total(months), 1000)
})

test("a year from 29 February is whole at its end, without decimal places as with three", () => {
  for (const currency of ["jpy", "kwd"]) {
    const year = invoice("in_1", "2028-02-29", [line("il_1", 100_001, ["2028-02-29", "2029-02-28"])], { currency })
    const months = earned({ invoices: [year] }, { until: "2029-03-31", currency })
    assert.equal(total(months), 100_001)
    assert.deepEqual(months["2029-02"][2], 0)
  }
})

test("3000 for June, voided on the 11th: nothing in the end, a thousand of it taken back", () => {
  const voided = juneOf(3000, { paid: undefined, voided: "2026-06-11" })
  assert.deepEqual(earned({ invoices: [voided] })["2026-06"], [1000, -1000, 0])
})

test("a credit note takes back from its lines, the same before and after payment", () => {
  for (const more of [{ pre_payment_amount: 1500, post_payment_amount: 0 }, {}, { out_of_band_amount: 1500 }]) {
    const lines = { data: [{ invoice_line_item: "il_1", amount: 1500, discount_amount: 0, taxes: [] }] }
    const credit_notes = [note("cn_1", "2026-06-16", "in_1", 1500, { lines, ...more })]
    const months = earned({ invoices: [juneOf(3000)], credit_notes })
    assert.deepEqual(months["2026-06"], [3000 - 750, -750, 0])
  }
})

test("a note that names a line leaves the others alone, one without lines is spread", () => {
  const both = () =>
    invoice("in_1", "2026-06-01", [line("il_1", 3000, june), line("il_2", 1000, june)], { paid: "2026-06-01" })
  const lines = { data: [{ invoice_line_item: "il_2", amount: 1000, discount_amount: 0, taxes: [] }] }
  const named = [note("cn_1", "2026-07-01", "in_1", 1000, { lines })]
  assert.deepEqual(earned({ invoices: [both()], credit_notes: named })["2026-07"], [0, -1000, 0])
  const after = [...named, note("cn_2", "2026-08-01", "in_1", 3000)]
  const months = earned({ invoices: [both()], credit_notes: after })
  assert.deepEqual([months["2026-08"], total(months)], [[0, -3000, 0], 0])
})

test("what a named line has given already is taken from the others", () => {
  const both = invoice("in_1", "2026-06-01", [line("il_1", 3000, june), line("il_2", 1000, june)], {
    paid: "2026-06-01",
  })
  const lines = { data: [{ invoice_line_item: "il_2", amount: 1000, discount_amount: 0, taxes: [] }] }
  const objects = {
    invoices: [both],
    refunds: [refund("re_1", "2026-07-01", "in_1", 2000)],
    credit_notes: [note("cn_1", "2026-07-02", "in_1", 1000, { lines })],
  }
  assert.equal(total(earned(objects)), 1000)
})

test("a note's discount and tax are not taken back from the revenue", () => {
  const whole = invoice("in_1", "2026-06-01", [line("il_1", 10000, june, { cuts: [1000], taxes: [tax(1890)] })])
  const part = { invoice_line_item: "il_1", amount: 5000, discount_amount: 500, taxes: [tax(945)] }
  const credit_notes = [note("cn_1", "2026-07-01", "in_1", 5445, { lines: { data: [part] } })]
  assert.equal(total(earned({ invoices: [whole], credit_notes })), 4500)
})

test("a note that is voided is as if it had not been, from then on", () => {
  const credit_notes = [note("cn_1", "2026-06-11", "in_1", 3000, { voided_at: seconds("2026-06-21"), status: "void" })]
  const months = earned({ invoices: [juneOf(3000, { paid: undefined })], credit_notes })
  assert.equal(months["2026-06"][0] + months["2026-06"][1], 3000)
  assert.equal(months["2026-06"][1], -1000 + 2000)
})

test("a refund that a note names is cash alone", () => {
  const credit_notes = [
    note("cn_1", "2026-07-02", "in_1", 1000, { refunds: [{ refund: "re_1", amount_refunded: 1000 }] }),
  ]
  const refunds = [refund("re_1", "2026-07-01", "in_1", 1000)]
  assert.equal(total(earned({ invoices: [juneOf(3000)], credit_notes, refunds })), 2000)
})

test("a refund that failed is mirrored again then", () => {
  const failed = refund("re_1", "2026-07-05", "in_1", 1000, { status: "failed" })
  const events = [event("refund.failed", "2026-08-02", failed)]
  const months = earned({ invoices: [juneOf(3000)], refunds: [failed] }, { events })
  assert.deepEqual(
    [months["2026-07"], months["2026-08"]],
    [
      [0, -1000, 0],
      [0, 1000, 0],
    ],
  )
})

test("uncollectible writes off what is unpaid; paid after all it comes back", () => {
  const givenUp = { paid: undefined, uncollectible: "2026-07-10" }
  assert.deepEqual(earned({ invoices: [juneOf(3000, givenUp)] })["2026-07"], [0, -3000, 0])
  const later = earned({ invoices: [juneOf(3000, { ...givenUp, paid: "2026-09-03" })] })
  assert.deepEqual([later["2026-07"][1], later["2026-09"][1], total(later)], [-3000, 3000, 3000])
  const credit_notes = [note("cn_1", "2026-07-01", "in_1", 1000, { pre_payment_amount: 1000, post_payment_amount: 0 })]
  const rest = earned({
    invoices: [juneOf(3000, { ...givenUp, amount_due: 2000, pre_payment_credit_notes_amount: 1000 })],
    credit_notes,
  })
  assert.deepEqual([rest["2026-07"][1], total(rest)], [-3000, 0])
})

test("of an invoice that was paid in part only the rest is written off", () => {
  const part = {
    status: "paid",
    amount_paid: 1200,
    payment: { type: "payment_intent", payment_intent: "pi_in_1" },
    status_transitions: { paid_at: seconds("2026-06-05") },
  }
  const more = { paid: undefined, uncollectible: "2026-07-10", amount_paid: 1200, payments: { data: [part] } }
  assert.deepEqual(earned({ invoices: [juneOf(3000, more)] })["2026-07"], [0, -1800, 0])
})

test("given up and then voided, nothing is taken back twice", () => {
  const both = juneOf(3000, { paid: undefined, uncollectible: "2026-07-10", voided: "2026-08-10" })
  assert.equal(total(earned({ invoices: [both] })), 0)
})

test("a dispute counts when it is lost, and not while it is open or when it is won", () => {
  const dispute = (/** @type {string} */ status) => ({
    id: "du_1",
    status,
    amount: 2000,
    currency: "eur",
    payment_intent: "pi_in_1",
  })
  const closed = (/** @type {string} */ status) => [
    event("charge.dispute.created", "2026-07-01", dispute("needs_response")),
    event("charge.dispute.closed", "2026-08-20", dispute(status)),
  ]
  const after = (/** @type {string} */ status) =>
    earned({ invoices: [juneOf(3000)], disputes: [dispute(status)] }, { events: closed(status) })
  assert.deepEqual(
    [after("lost")["2026-07"], after("lost")["2026-08"]],
    [
      [0, 0, 0],
      [0, -2000, 0],
    ],
  )
  assert.equal(total(after("won")), 3000)
  assert.equal(total(earned({ invoices: [juneOf(3000)], disputes: [dispute("needs_response")] })), 3000)
})

test("three notes over three lines with tax end at nothing, to the cent", () => {
  const lines = ["il_1", "il_2", "il_3"].map(id => line(id, 3333, june, { taxes: [tax(667)] }))
  const credit_notes = ["cn_1", "cn_2", "cn_3"].map((id, i) => note(id, `2026-07-0${i + 1}`, "in_1", 4000))
  const months = earned({ invoices: [invoice("in_1", "2026-06-01", lines)], credit_notes })
  assert.deepEqual(
    [months["2026-06"], months["2026-07"]],
    [
      [9999, 0, 0],
      [0, -9999, 0],
    ],
  )
})

test("a line's periods add up exactly, however they are cut", () => {
  const objects = {
    invoices: [invoice("in_1", "2026-01-31", [line("il_1", 99_999_999_999_999, ["2026-01-31", "2027-01-31"])])],
  }
  assert.equal(total(earned(objects, { until: "2027-01-31" })), 99_999_999_999_999)
})
