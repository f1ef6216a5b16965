// The business rules of EN 16931-1 that an invoice of ours can break, told by their names. Amounts are whole millionths, so
// nothing is rounded on the way.

/** @typedef {import("./syntaxes.mjs").Terms} Terms */

const PLACES = 6
/** @param {string | undefined} text */
export function exact(text) {
  const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text ?? "") ?? []
  if (whole === undefined) throw new Error(`"${text}" is no number`)
  return BigInt(sign + whole + part.padEnd(PLACES, "0"))
}
const ONE = exact("1")
/** @param {bigint[]} amounts */
const sum = amounts => amounts.reduce((one, other) => one + other, 0n)
/** @param {bigint} amount */
const size = amount => (amount < 0n ? -amount : amount)

// Categories whose rate is nothing, each with the letters of its rules.
/** @type {Record<string, string>} */
const LETTERS = { S: "S", Z: "Z", E: "E", AE: "AE", O: "O" }

/** The rules that a document breaks. @param {Terms} terms @returns {string[]} */
export function broken(terms) {
  /** @type {string[]} */
  const out = []
  const must = (/** @type {string} */ rule, /** @type {unknown} */ holds) => {
    if (!holds && !out.includes(rule)) out.push(rule)
  }
  head(terms, must)
  sums(terms, must)
  for (const line of terms.lines) lineRules(line, must)
  for (const group of terms.groups) groupRules(terms, group, must)
  parties(terms, must)
  return out
}

/** @typedef {(rule: string, holds: unknown) => void} Must */

/** @param {Terms} terms @param {Must} must */
function head(terms, must) {
  must("BR-01", terms.customization === "urn:cen.eu:en16931:2017")
  must("BR-02", terms.number)
  must("BR-03", /^\d{4}-\d\d-\d\d$/.test(terms.issued ?? ""))
  must("BR-04", terms.type === "380" || terms.type === "381")
  must("BR-05", /^[A-Z]{3}$/.test(terms.currency ?? ""))
  must("BR-06", terms.seller.name)
  must("BR-07", terms.buyer.name)
  must("BR-08", terms.seller.lines[0])
  must("BR-09", /^[A-Z]{2}$/.test(terms.seller.country ?? ""))
  must("BR-11", /^[A-Z]{2}$/.test(terms.buyer.country ?? ""))
  must("BR-16", terms.lines.length > 0)
  must("BR-55", terms.type === "380" || terms.preceding)
  must("BR-51", !terms.card || /^\d{4,6}$/.test(terms.card))
  must("BR-CO-18", terms.groups.length > 0)
  must("BR-CO-25", exact(terms.due) <= 0n || terms.due_on || terms.terms)
  must("BR-CO-26", terms.seller.identifier || terms.seller.vat_id)
  for (const { vat_id: id } of [terms.seller, terms.buyer]) must("BR-CO-09", !id || /^[A-Z]{2}./.test(id))
  const two = (/** @type {string | undefined} */ text) => /^-?\d+(\.\d{1,2})?$/.test(text ?? "")
  for (const text of [terms.lines_total, terms.net_total, terms.vat_total, terms.total, terms.paid, terms.due])
    must("BR-DEC", two(text))
  for (const { taxable, tax } of terms.groups) must("BR-DEC", two(taxable) && two(tax))
  for (const { net, allowance } of terms.lines) must("BR-DEC", two(net) && two(allowance ?? "0"))
}

/** @param {Terms} terms @param {Must} must */
function sums(terms, must) {
  must("BR-CO-10", exact(terms.lines_total) === sum(terms.lines.map(({ net }) => exact(net))))
  must("BR-CO-13", exact(terms.net_total) === exact(terms.lines_total))
  must("BR-CO-14", exact(terms.vat_total) === sum(terms.groups.map(({ tax }) => exact(tax))))
  must("BR-CO-15", exact(terms.total) === exact(terms.net_total) + exact(terms.vat_total))
  must("BR-CO-16", exact(terms.due) === exact(terms.total) - exact(terms.paid))
}

/** @param {Terms["lines"][number]} line @param {Must} must */
function lineRules(line, must) {
  must("BR-21", line.id)
  must("BR-22", line.quantity)
  must("BR-23", line.unit === "C62")
  must("BR-25", line.name)
  must("BR-27", exact(line.price) >= 0n)
  must("BR-30", !line.start || /** @type {string} */ (line.end) >= line.start)
  must("BR-CO-04", line.category)
  must("BR-42", !line.allowance || line.allowance_reason)
  // What the amount of a line is (BT-131), without a rounding.
  const off = line.allowance ? exact(line.allowance) : 0n
  must("BT-131", (exact(line.net) + off) * exact(line.base) === exact(line.price) * exact(line.quantity))
}

/** @param {Terms} terms @param {Terms["groups"][number]} group @param {Must} must */
function groupRules(terms, group, must) {
  const letters = LETTERS[group.category ?? ""] ?? "?"
  const mine = terms.lines.filter(({ category, rate }) => category === group.category && rate === group.rate)
  must(`BR-${letters}-01`, mine.length > 0)
  must(`BR-${letters}-08`, exact(group.taxable) === sum(mine.map(({ net }) => exact(net))))
  if (group.category === "S") {
    must("BR-S-05", exact(group.rate) > 0n)
    must("BR-S-10", !group.reason && !group.reason_code)
    const wanted = (exact(group.taxable) * exact(group.rate)) / (100n * ONE)
    must("BR-CO-17", size(exact(group.tax) - wanted) < ONE)
  } else {
    if (group.category === "O") must("BR-O-05", group.rate === undefined)
    else must(`BR-${letters}-05`, exact(group.rate) === 0n)
    must(`BR-${letters}-09`, exact(group.tax) === 0n)
    must(`BR-${letters}-10`, (group.category === "Z") === !(group.reason || group.reason_code))
  }
}

/** @param {Terms} terms @param {Must} must */
function parties({ seller, buyer, groups, lines }, must) {
  const has = (/** @type {string} */ category) => groups.some(group => group.category === category)
  const letters = new Set(lines.map(({ category, rate }) => `${category} ${rate}`))
  must("BR-CO-18", letters.size === groups.length)
  for (const category of ["S", "Z", "E", "AE"])
    if (has(category)) must(`BR-${category}-02`, seller.vat_id || seller.registration)
  if (has("AE")) must("BR-AE-02", buyer.vat_id)
  if (has("O")) {
    must("BR-O-02", !seller.vat_id && !buyer.vat_id)
    must("BR-O-11", groups.length === 1)
  }
}
