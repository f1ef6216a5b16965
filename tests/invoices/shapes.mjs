// Invoices and credit notes as Stripe computes and reports them, and the rows of the mirror that they leave.

/**
 * @typedef {{ id: string, percentage: number, inclusive?: boolean, type?: string }} Rate
 * @typedef {{ amount: number, discount?: number, quantity?: number | null, rate?: Rate, reason?: string, description?: string | null,
 *   from?: string, to?: string }} LineSpec amounts in minor units; with an inclusive rate they hold the tax
 * @typedef {{ number: string, currency?: string, lines: LineSpec[], country?: string, name?: string, address?: Record<string, string>,
 *   tax_exempt?: string, tax_ids?: { type: string, value: string }[], state?: "paid" | "open" | "uncollectible", method?: string,
 *   due_date?: string, balance?: number, credited?: LineSpec[], once?: boolean }} Spec
 */

/** @type {Rate} */
export const SPANISH = { id: "txr_es21", percentage: 21, type: "vat" }
/** @type {Rate} */
export const REDUCED = { id: "txr_es10", percentage: 10, type: "vat" }
/** @type {Rate} */
export const SPANISH_INSIDE = { id: "txr_es21in", percentage: 21, inclusive: true, type: "vat" }
/** @type {Rate} */
export const SURCHARGED = { id: "txr_es5_2", percentage: 5.2 }
/** @type {Rate} */
export const ZERO = { id: "txr_zero", percentage: 0 }
/** @type {Rate} */
export const JAPANESE = { id: "txr_jp10", percentage: 10, type: "jct" }
/** @type {Rate} */
export const JAPANESE_INSIDE = { id: "txr_jp10in", percentage: 10, inclusive: true, type: "jct" }
/** @type {Rate} */
export const KUWAITI = { id: "txr_kw5", percentage: 5, type: "vat" }
export const RATES = [SPANISH, REDUCED, SPANISH_INSIDE, SURCHARGED, ZERO, JAPANESE, JAPANESE_INSIDE, KUWAITI]

const MARCH = { from: "2026-03-01T00:00:00Z", to: "2026-04-01T00:00:00Z" }
const FREE = [
  "reverse_charge",
  "customer_exempt",
  "product_exempt",
  "zero_rated",
  "not_subject_to_tax",
  "not_collecting",
]
/** @param {string} text */
const seconds = text => Date.parse(text) / 1000
/** Half up, away from zero. @param {number} amount */
const rounded = amount => Math.sign(amount) * Math.round(Math.abs(amount))

/** A line as Stripe reports it. @param {LineSpec} spec @param {string} id @param {string} tax_exempt */
function lineOf(
  { amount, discount = 0, quantity = 1, rate, reason, description = "Team plan", from, to },
  id,
  tax_exempt,
) {
  const said = reason ?? { reverse: "reverse_charge", exempt: "customer_exempt" }[tax_exempt] ?? "standard_rated"
  const net = amount - discount
  const isFree = FREE.includes(said) || !rate?.percentage
  const part = rate?.percentage ?? 0
  const tax = isFree ? 0 : rate?.inclusive ? net - rounded((net * 100) / (100 + part)) : rounded((net * part) / 100)
  const taxes = !rate
    ? []
    : [
        {
          amount: tax,
          tax_behavior: rate.inclusive ? "inclusive" : "exclusive",
          tax_rate_details: { tax_rate: rate.id },
          taxability_reason: said,
          taxable_amount: rate.inclusive ? net - tax : net,
          type: "tax_rate_details",
        },
      ]
  return {
    id,
    object: "line_item",
    amount,
    description,
    quantity,
    discount_amounts: discount ? [{ amount: discount, discount: "di_1" }] : [],
    period: { start: seconds(from ?? MARCH.from), end: seconds(to ?? MARCH.to) },
    taxes,
  }
}

/** @param {ReturnType<typeof lineOf>[]} lines */
function addUp(lines) {
  /** @type {Map<string, any>} */
  const taxes = new Map()
  let total = 0
  for (const line of lines) {
    total += line.amount - line.discount_amounts.reduce((sum, { amount }) => sum + amount, 0)
    for (const tax of line.taxes) {
      const key = JSON.stringify([tax.tax_rate_details, tax.taxability_reason])
      const sum = taxes.get(key) ?? { ...tax, amount: 0, taxable_amount: 0 }
      taxes.set(key, {
        ...sum,
        amount: sum.amount + tax.amount,
        taxable_amount: sum.taxable_amount + tax.taxable_amount,
      })
      if (tax.tax_behavior === "exclusive") total += tax.amount
    }
  }
  return { total, total_taxes: [...taxes.values()] }
}

/** @param {Spec} spec */
function stripesInvoice(spec) {
  const {
    number,
    currency = "eur",
    country = "ES",
    tax_exempt = "none",
    tax_ids = [],
    name = "Alba SL",
    address = {},
  } = spec
  const lines = spec.lines.map((line, index) => lineOf(line, `il_${number}_${index}`, tax_exempt))
  const sums = addUp(lines)
  if (spec.once)
    // The account rounds the tax of the whole instead of each line's.
    for (const tax of sums.total_taxes) {
      const rate = RATES.find(({ id }) => id === tax.tax_rate_details.tax_rate)?.percentage ?? 0
      const amount = rounded((tax.taxable_amount * rate) / 100)
      sums.total += amount - tax.amount
      tax.amount = amount
    }
  return {
    id: `in_${number}`,
    object: "invoice",
    number,
    currency,
    customer_name: name,
    customer_email: "books@alba.example",
    customer_address: { line1: "Calle Mayor 1", city: "Madrid", postal_code: "28013", country, ...address },
    customer_tax_exempt: tax_exempt,
    customer_tax_ids: tax_ids,
    lines: { object: "list", data: lines, has_more: false },
    ...sums,
  }
}

/** @param {ReturnType<typeof stripesInvoice>} invoice @param {Spec} spec */
function stripesNote({ id, number, currency }, { credited = [], tax_exempt = "none" }) {
  const lines = credited.map((line, index) => ({
    ...lineOf(line, `cnli_${number}_${index}`, tax_exempt),
    object: "credit_note_line_item",
    period: undefined,
    invoice_line_item: `il_${number}_${index}`,
  }))
  return {
    id: `cn_${number}`,
    object: "credit_note",
    number: `${number}-CN-01`,
    currency,
    invoice: id,
    status: "issued",
    created: seconds("2026-03-20T10:00:00Z"),
    lines: { object: "list", data: lines, has_more: false },
    ...addUp(/** @type {any} */ (lines)),
  }
}

/** A text of SQL. @param {unknown} value */
const quoted = value => (value === null ? "NULL" : `'${String(value).replaceAll("'", "''")}'`)
/** @param {{ id: string, object: string }} object */
const mirrored = (object, belongs = "NULL") =>
  `INSERT INTO stripe_objects (id, kind, customer_id, belongs_to, state, fetched_at)
   VALUES (${quoted(object.id)}, ${quoted(object.object)}, 1, ${belongs}, ${quoted(JSON.stringify(object))}, now());`

/** The statements that leave these as the mirror has them. @param {Spec[]} specs */
export function rowsOf(specs) {
  const rates = RATES.map(({ id, percentage, inclusive = false, type = null }) =>
    mirrored(/** @type {any} */ ({ id, object: "tax_rate", percentage, inclusive, tax_type: type })),
  )
  return [
    `INSERT INTO customers (company, name, email, country, locale)
     VALUES ('Alba SL', 'Ada Alba', 'ada@alba.example', 'ES', 'es');
     INSERT INTO payment_methods (customer_id, stripe_pm_id, type, brand, last4)
     VALUES (1, 'pm_card', 'card', 'visa', '4242'), (1, 'pm_sepa_debit', 'sepa_debit', NULL, '3000'), (1, 'pm_paypal', 'paypal', NULL, NULL);`,
    ...rates,
    ...specs.flatMap(spec => {
      const invoice = stripesInvoice(spec)
      const state = spec.state ?? "paid"
      const wanted = Math.max(0, invoice.total - (spec.balance ?? 0))
      const paid = state === "paid" ? wanted : 0
      const values = [
        1,
        spec.number,
        invoice.id,
        state,
        invoice.currency,
        invoice.total,
        wanted,
        paid,
        wanted - paid,
        "2026-03-01 23:30:00+00",
        "2026-03-01 23:30:00+00",
        spec.due_date ?? null,
        state === "paid" ? "2026-03-02 12:00:00+00" : null,
        spec.due_date ? "send_invoice" : "charge_automatically",
      ]
      return [
        mirrored(invoice),
        `INSERT INTO billing_invoices (customer_id, number, stripe_invoice_id, status, currency, amount, amount_due, amount_paid,
           amount_remaining, date, finalized_at, due_date, paid_at, collection_method) VALUES (${values.map(quoted).join(", ")});`,
        paid > 0 &&
          `INSERT INTO billing_attempts (stripe_charge_id, stripe_invoice_id, customer_id, at, outcome, stripe_pm_id, amount, currency)
           VALUES ('ch_${spec.number}', '${invoice.id}', 1, '2026-03-02', 'succeeded', 'pm_${spec.method ?? "card"}', ${paid}, '${invoice.currency}');`,
        spec.credited && mirrored(stripesNote(invoice, spec), quoted(invoice.id)),
      ].filter(row => typeof row === "string")
    }),
  ]
}

/** What Stripe says it adds up to, and what is left of it. @param {Spec} spec */
export function sumsOf(spec) {
  const { total, total_taxes: taxes } = stripesInvoice(spec)
  const left = spec.state && spec.state !== "paid" ? Math.max(0, total - (spec.balance ?? 0)) : 0
  return { total, tax: taxes.reduce((sum, { amount }) => sum + amount, 0), left }
}
/** @param {Spec} spec */
export const sumsOfNote = spec => {
  const { total, total_taxes: taxes } = stripesNote(stripesInvoice(spec), spec)
  return {
    total,
    tax: taxes.reduce((/** @type {number} */ sum, /** @type {any} */ { amount }) => sum + amount, 0),
    left: 0,
  }
}
