import assert from "node:assert/strict"
import { test } from "node:test"
import { by, decimal, fraction, minus, plain, plus, rounded, share, sum, times } from "./money.mjs"

test("half a unit is rounded away from zero, in both directions", () => {
  assert.deepEqual([rounded(fraction(1n, 2n)), rounded(fraction(-1n, 2n))], [1n, -1n])
  assert.deepEqual([rounded(fraction(49n, 100n)), rounded(fraction(-149n, 100n))], [0n, -1n])
  assert.deepEqual([rounded(fraction(5n, -2n)), share(-3333n, 44n, 90n)], [-3n, -1629n])
})

test("decimal numbers are what is written, not the nearest float", () => {
  assert.deepEqual(decimal("0.5"), fraction(5n, 10n))
  assert.deepEqual(decimal(33.33), fraction(3333n, 100n))
  assert.deepEqual(decimal(1e-7), fraction(1n, 10_000_000n))
  assert.deepEqual(decimal(-2), fraction(-2n))
  assert.throws(() => decimal("1,5"), /not a decimal number: 1,5/)
})

test("fractions are exact", () => {
  const third = fraction(1n, 3n)
  assert.equal(rounded(times(plus(plus(third, third), third), fraction(100n))), 100n)
  assert.equal(rounded(by(minus(third, fraction(1n, 12n)), fraction(1n, 4n))), 1n)
  assert.equal(sum([1n, 2n, -4n]), -1n)
})

test("what no number can hold exactly is shown as text", () => {
  assert.deepEqual([plain(42n), plain(-9_007_199_254_740_993n)], [42, "-9007199254740993"])
})
