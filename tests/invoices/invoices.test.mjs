// Electronic invoices of many shapes, asked for at the door in both syntaxes: the schema of CII takes them, UBL's elements stand in
// their order, the business rules of EN 16931 hold, and both say the same, which is what Stripe says.

import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Server } from "../support/server.mjs"
import { Sql } from "../support/sql.mjs"
import { broken } from "./rules.mjs"
import {
  JAPANESE,
  JAPANESE_INSIDE,
  KUWAITI,
  REDUCED,
  rowsOf,
  SPANISH,
  SPANISH_INSIDE,
  SURCHARGED,
  sumsOf,
  sumsOfNote,
  ZERO,
} from "./shapes.mjs"
import { CiiSchema, misplacedInUbl, readCii, readUbl } from "./syntaxes.mjs"

/** @typedef {import("./shapes.mjs").Spec} Spec */

const ENGLISH_VAT = { type: "gb_vat", value: "GB123456789" }
const GERMAN_VAT = { type: "eu_vat", value: "DE123456789" }
const ARABIC = "شركة النور للتجارة"

/** @type {(Spec & { shape: string, categories: string })[]} */
const SHAPES = [
  { shape: "plain", categories: "S 21", number: "PLAIN-1", lines: [{ amount: 4900, rate: SPANISH }] },
  {
    shape: "with discounts",
    categories: "S 21",
    number: "DISCOUNT-1",
    lines: [
      { amount: 10000, discount: 1550, quantity: 3, rate: SPANISH },
      { amount: 999, discount: 999, rate: SPANISH },
    ],
  },
  {
    shape: "of several rates",
    categories: "S 5.2, S 10, S 21, Z 0",
    number: "RATES-1",
    lines: [
      { amount: 4900, rate: SPANISH },
      { amount: 1234, rate: REDUCED, quantity: 7 },
      { amount: 777, rate: SURCHARGED },
      { amount: 500, rate: ZERO },
    ],
  },
  {
    shape: "with the tax inside, a discount and the customer's balance",
    categories: "S 21",
    number: "INSIDE-1",
    balance: 1000,
    lines: [
      { amount: 5999, discount: 600, quantity: 2, rate: SPANISH_INSIDE },
      { amount: 1, rate: SPANISH_INSIDE },
    ],
  },
  {
    shape: "of reverse charge",
    categories: "AE 0",
    number: "REVERSE-1",
    country: "DE",
    tax_exempt: "reverse",
    tax_ids: [GERMAN_VAT],
    lines: [{ amount: 4900, rate: SPANISH }, { amount: 100 }],
  },
  {
    shape: "of an exempt customer",
    categories: "E 0",
    number: "EXEMPT-1",
    tax_exempt: "exempt",
    lines: [{ amount: 4900, rate: SPANISH }],
  },
  {
    shape: "of services to outside of the Union",
    categories: "O",
    number: "ABROAD-1",
    country: "GB",
    tax_ids: [ENGLISH_VAT],
    lines: [{ amount: 4900 }, { amount: 900, rate: ZERO, reason: "not_subject_to_tax" }],
  },
  {
    shape: "at a rate of nothing to outside of the Union",
    categories: "O",
    number: "EXPORT-1",
    country: "GB",
    tax_ids: [ENGLISH_VAT],
    lines: [{ amount: 4900, rate: ZERO, reason: "zero_rated" }],
  },
  {
    shape: "at a rate of nothing to a business of the Union",
    categories: "AE 0",
    number: "UNION-1",
    country: "DE",
    tax_ids: [GERMAN_VAT],
    lines: [
      { amount: 4900, rate: ZERO, reason: "reverse_charge" },
      { amount: 100, rate: ZERO, reason: "reverse_charge", from: "2026-02-10T00:00:00Z", to: "2026-02-20T00:00:00Z" },
    ],
  },
  {
    shape: "at a rate of nothing",
    categories: "Z 0",
    number: "ZERO-1",
    lines: [{ amount: 4900, rate: ZERO, reason: "zero_rated" }],
  },
  {
    shape: "with prorations and less than nothing in all",
    categories: "S 21",
    number: "PRORATION-1",
    lines: [
      { amount: -9900, rate: SPANISH, description: "Unused time on Team", from: "2026-03-11T09:30:00Z" },
      {
        amount: 3333,
        rate: SPANISH,
        quantity: 10,
        description: "Remaining time on Solo",
        from: "2026-03-11T09:30:00Z",
      },
    ],
  },
  {
    shape: "in yen, open and with a due date",
    categories: "S 10",
    number: "YEN-1",
    currency: "jpy",
    country: "JP",
    state: "open",
    due_date: "2026-03-31 22:30:00+00",
    lines: [{ amount: 123456, discount: 7, quantity: 5, rate: JAPANESE }],
  },
  {
    shape: "in yen of many lines, the tax rounded once",
    categories: "S 10",
    number: "YEN-2",
    currency: "jpy",
    country: "JP",
    once: true,
    lines: Array.from({ length: 30 }, () => ({ amount: 105, rate: JAPANESE })),
  },
  {
    shape: "in yen with the tax inside",
    categories: "S 10",
    number: "YEN-3",
    currency: "jpy",
    country: "JP",
    lines: [{ amount: 1000, discount: 101, rate: JAPANESE_INSIDE }],
  },
  {
    shape: "in dinars, which have three decimals",
    categories: "S 5",
    number: "DINAR-1",
    currency: "kwd",
    country: "KW",
    lines: [{ amount: 400000, quantity: 7, rate: KUWAITI }],
  },
  {
    shape: "of names in Arabic, with markup and what XML has no place for",
    categories: "S 21",
    number: "ARABIC-1",
    name: `${ARABIC} <b>&amp;"'`,
    address: { line2: "\u0001\u001f\ufffe]]>", state: "محمد" },
    method: "sepa_debit",
    lines: [
      { amount: 4900, rate: SPANISH, description: "خدمة <script>\u0007\u0008</script>" },
      { amount: 100, rate: SPANISH, description: null, quantity: null },
    ],
  },
  {
    shape: "of four hundred lines",
    categories: "S 21",
    number: "LONG-1",
    lines: Array.from({ length: 400 }, (_, i) => ({
      amount: 1000 + ((i * 37) % 100),
      quantity: (i % 7) + 1,
      rate: SPANISH,
    })),
  },
  {
    shape: "open and charged automatically",
    categories: "S 21",
    number: "OPEN-1",
    state: "open",
    lines: [{ amount: 4900, rate: SPANISH }],
  },
  {
    shape: "given up",
    categories: "S 21",
    number: "LOST-1",
    state: "uncollectible",
    lines: [{ amount: 4900, rate: SPANISH }],
  },
  {
    shape: "of nothing, paid otherwise",
    categories: "S 21",
    number: "FREE-1",
    method: "paypal",
    lines: [{ amount: 0, quantity: 0, rate: SPANISH }],
  },
  {
    shape: "credited in part",
    categories: "S 10, S 21",
    number: "CREDITED-1",
    lines: [
      { amount: 4900, discount: 490, rate: SPANISH },
      { amount: 1000, rate: REDUCED },
    ],
    credited: [
      { amount: 2450, discount: 245, rate: SPANISH, quantity: null },
      { amount: 333, rate: REDUCED },
    ],
  },
  {
    shape: "of reverse charge, credited",
    categories: "AE 0",
    number: "CREDITED-2",
    country: "DE",
    tax_exempt: "reverse",
    tax_ids: [GERMAN_VAT],
    lines: [{ amount: 4900, rate: SPANISH }],
    credited: [{ amount: 4900, rate: SPANISH }],
  },
]

/** @type {Server} */
let server
let token = ""
const schema = new CiiSchema()

before(async () => {
  server = await Server.prepare()
  await server.start()
  const database = new Sql(server.dataDir)
  for (const sql of rowsOf(SHAPES)) await database.execute(sql)
  await database.execute(
    `INSERT INTO settings_groups (name, version, content) VALUES ('organisation', 1, '{"legal_name":"Ñandú & Hijos SL",
       "address":"Calle Mayor 1\\n3.º izquierda\\nBarrio\\n28013 Madrid","vat_id":"ESB12345678","country":"ES",
       "reporting_zone":"Europe/Madrid","reporting_currency":"eur"}')
     ON CONFLICT (name) DO UPDATE SET content = excluded.content, version = settings_groups.version + 1`,
  )
  database.close()
  token = (await server.post("/api/admin/login", { email: server.email, password: server.password })).body.access_token
})
after(async () => {
  schema.dispose()
  await server.stop()
  await server.remove()
})

/** @param {string} path */
async function fetched(path) {
  const answer = await server.get(path, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers["content-type"], "application/xml")
  return answer.text
}

// For validators that are not installed here, such as the official Schematron.
const KEPT = process.env.ONBOARDING_TEST_KEEP_INVOICES
/** @param {string} name @param {string} text */
const keep = (name, text) => KEPT && writeFileSync(join(KEPT, name), text)

/** A sum of the document in minor units. @param {string | undefined} text @param {string} currency */
function minor(text, currency) {
  const digits = { jpy: 0, kwd: 3 }[currency] ?? 2
  return Math.round(Number(text) * 10 ** digits)
}

/**
 * Both syntaxes of one paper, looked at from all sides.
 * @param {string} path @param {string} currency @param {{ total: number, tax: number, left: number }} sums
 */
async function looked(path, currency, sums) {
  const [inUbl, inCii] = [await fetched(`${path}/ubl`), await fetched(`${path}/cii`)]
  keep(`${path.split("/").at(-1)}.ubl.xml`, inUbl)
  keep(`${path.split("/").at(-1)}.cii.xml`, inCii)
  schema.validate(inCii)
  assert.deepEqual(misplacedInUbl(inUbl), [])
  const terms = readUbl(inUbl)
  assert.deepEqual(readCii(inCii), terms)
  assert.deepEqual(broken(terms), [])
  assert.equal(minor(terms.total, currency), sums.total)
  assert.equal(minor(terms.vat_total, currency), sums.tax)
  assert.equal(minor(terms.due, currency), sums.left)
  assert.equal(terms.currency, currency.toUpperCase())
  assert.equal(await fetched(`${path}/ubl`), inUbl, "the same bytes again")
  return terms
}

for (const spec of SHAPES) {
  test(`an invoice ${spec.shape}`, async () => {
    const terms = await looked(`/api/billing/invoices/in_${spec.number}`, spec.currency ?? "eur", sumsOf(spec))
    assert.equal(terms.type, "380")
    assert.equal(terms.number, spec.number)
    assert.equal(terms.issued, "2026-03-02", "the day in the organisation's zone")
    assert.equal(terms.lines.length, spec.lines.length)
    assert.equal(
      terms.groups.map(({ category, rate }) => [category, rate].filter(Boolean).join(" ")).join(", "),
      spec.categories,
    )
    if (!spec.credited) return
    const note = await looked(`/api/billing/credit-notes/cn_${spec.number}`, spec.currency ?? "eur", sumsOfNote(spec))
    assert.equal(note.type, "381")
    assert.equal(note.number, `${spec.number}-CN-01`)
    assert.equal(note.preceding, spec.number)
    assert.equal(note.preceding_issued, "2026-03-02")
    assert.equal(note.issued, "2026-03-20")
    assert.equal(note.note, "Copia. La nota de crédito legal es la que emitió Stripe.")
  })
}

test("what is known of both sides, of the time and of the payment stands there", async () => {
  const plain = readUbl(await fetched("/api/billing/invoices/in_PLAIN-1/ubl"))
  assert.deepEqual(plain.seller, {
    name: "Ñandú & Hijos SL",
    identifier: undefined,
    vat_id: "ESB12345678",
    registration: undefined,
    lines: ["Calle Mayor 1", "3.º izquierda", "Barrio, 28013 Madrid"],
    city: undefined,
    post_code: undefined,
    subdivision: undefined,
    country: "ES",
    contact: undefined,
    email: undefined,
  })
  assert.equal(plain.buyer.name, "Alba SL")
  assert.equal(plain.buyer.contact, "Ada Alba")
  assert.equal(plain.buyer.email, "books@alba.example")
  assert.equal(plain.note, "Copia. La factura legal es la que emitió Stripe.")
  assert.deepEqual([plain.means, plain.card], ["48", "4242"])
  assert.deepEqual([plain.lines[0].start, plain.lines[0].end], ["2026-03-01", "2026-04-01"])
  assert.equal(readUbl(await fetched("/api/billing/invoices/in_ARABIC-1/ubl")).means, "59")

  const english = readUbl(await fetched("/api/billing/invoices/in_REVERSE-1/ubl?locale=en"))
  assert.equal(english.note, "Copy. The legal invoice is the one that Stripe issued.")
  assert.equal(english.groups[0].reason, "Reverse charge")
  assert.equal(english.groups[0].reason_code, "VATEX-EU-AE")
  assert.equal(english.buyer.vat_id, "DE123456789")

  const abroad = readUbl(await fetched("/api/billing/invoices/in_ABROAD-1/ubl"))
  assert.equal(abroad.seller.identifier, "ESB12345678")
  assert.equal(abroad.buyer.identifier, "GB123456789")

  assert.equal(readUbl(await fetched("/api/billing/invoices/in_YEN-1/ubl")).due_on, "2026-04-01")
  assert.equal(readUbl(await fetched("/api/billing/invoices/in_OPEN-1/ubl")).terms, "Se cobra automáticamente")
  const arabic = readUbl(await fetched("/api/billing/invoices/in_ARABIC-1/ubl"))
  assert.equal(arabic.buyer.name, `${ARABIC} <b>&amp;"'`)
  assert.equal(arabic.lines[0].name, "خدمة <script>��</script>")
})

test("what is given back is so many less, and a price has all its parts", async () => {
  const { lines } = readUbl(await fetched("/api/billing/invoices/in_PRORATION-1/ubl"))
  assert.deepEqual(
    lines.map(({ quantity, price, base, net }) => [quantity, price, base, net]),
    [
      ["-1", "99.00", "1", "-99.00"],
      ["10", "33.33", "10", "33.33"],
    ],
  )
  const [inside] = readUbl(await fetched("/api/billing/invoices/in_INSIDE-1/ubl")).lines
  assert.deepEqual([inside.net, inside.allowance], ["44.62", "4.96"])
})

test("the rules notice a document that breaks them", async () => {
  const text = await fetched("/api/billing/invoices/in_RATES-1/ubl")
  const changed = (/** @type {RegExp} */ what, /** @type {string} */ by) => broken(readUbl(text.replace(what, by)))
  assert.deepEqual(changed(/(<cbc:PayableAmount[^>]*>)[^<]*/, "$11.00"), ["BR-CO-25", "BR-CO-16"])
  assert.ok(changed(/(<cbc:TaxInclusiveAmount[^>]*>)[^<]*/, "$11.00").includes("BR-CO-15"))
  assert.ok(changed(/(<cbc:Percent>)21/, "$119").includes("BR-S-08"))
  assert.deepEqual(changed(/(<cbc:PriceAmount[^>]*>)/, "$1-"), ["BR-27", "BT-131"])
  assert.deepEqual(changed(/<cbc:RegistrationName>[^<]*/, "<cbc:RegistrationName>"), ["BR-06"])
  assert.throws(() => schema.validate(text))
})
