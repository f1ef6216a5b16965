// Exact numbers: integers are BigInt, everything between them is a fraction of two.

/** @typedef {{ over: bigint, under: bigint }} Fraction `under` is above zero. */

/** @param {bigint} over @param {bigint} [under] @returns {Fraction} */
export const fraction = (over, under = 1n) => (under < 0n ? { over: -over, under: -under } : { over, under })

export const zero = fraction(0n)

/** "12.5", 12.5 or 12 as it is written. @param {string | number | bigint} written */
export function decimal(written) {
  const found = String(written).match(/^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/i)
  if (!found) throw new Error(`not a decimal number: ${written}`)
  const [, sign, whole, digits = "", exponent = "0"] = found
  const number = BigInt(`${sign}${whole}${digits}`)
  const shift = Number(exponent) - digits.length
  return shift < 0 ? fraction(number, 10n ** BigInt(-shift)) : fraction(number * 10n ** BigInt(shift))
}

/** @param {Fraction} a @param {Fraction} b */
export const plus = (a, b) => fraction(a.over * b.under + b.over * a.under, a.under * b.under)

/** @param {Fraction} a @param {Fraction} b */
export const minus = (a, b) => fraction(a.over * b.under - b.over * a.under, a.under * b.under)

/** @param {Fraction} a @param {Fraction} b */
export const times = (a, b) => fraction(a.over * b.over, a.under * b.under)

/** @param {Fraction} a @param {Fraction} b */
export const by = (a, b) => fraction(a.over * b.under, a.under * b.over)

/** @param {bigint} n */
const magnitude = n => (n < 0n ? -n : n)

/** Half a unit goes away from zero: the sign stands before the rounding. @param {Fraction} value */
export function rounded({ over, under }) {
  const size = (2n * magnitude(over) + under) / (2n * under)
  return over < 0n ? -size : size
}

/** amount × part / whole. @param {bigint} amount @param {bigint} part @param {bigint} whole */
export const share = (amount, part, whole) => rounded(fraction(amount * part, whole))

/** @param {Iterable<bigint>} amounts */
export function sum(amounts) {
  let all = 0n
  for (const amount of amounts) all += amount
  return all
}

/** As JSON has it: a number while that is exact. @param {bigint} n */
export const plain = n => (magnitude(n) <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : String(n))

/** What Math.min does not do for whole numbers of any size. @param {bigint} a @param {bigint} b */
export function least(a, b) {
  if (a < b) return a
  return b
}

/** @param {bigint} a @param {bigint} b */
export const most = (a, b) => -least(-a, -b)
