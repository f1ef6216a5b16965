// Steps come from the unit, and no numbers can make an axis hang, vanish or lie.

import assert from "node:assert/strict"
import { test } from "node:test"
import { scaleOf, stepOf } from "../src/lib/chart/scale.js"

/** @typedef {import("../src/lib/chart/scale.js").Unit} Unit */
/** @type {(kind: Unit["kind"], decimals?: number, currency?: string | null) => Unit} */
const unit = (kind, decimals = 0, currency = null) => ({ kind, decimals, currency })
const COUNT = unit("count")
const BYTES = unit("bytes")
const EURO = unit("money", 2, "eur")
const YEN = unit("money", 0, "jpy")
const MIB = 1024 ** 2
const GIB = 1024 ** 3

test("all zero, one value and no value have an axis with two ends", () => {
  for (const values of [[], [0], [0, 0, 0], [null], [null, 0]]) {
    const scale = scaleOf(values, COUNT)
    assert.deepEqual(scale.ticks, [0, 1])
    assert.equal(scale.cut, false)
  }
  assert.deepEqual(scaleOf([7], COUNT).ticks, [0, 2, 4, 6, 8])
  assert.deepEqual(scaleOf([-7], COUNT).ticks, [-8, -6, -4, -2, 0])
  assert.deepEqual(scaleOf([0], EURO).ticks, [0, 50, 100])
  assert.deepEqual(scaleOf([0], YEN).ticks, [0, 1])
})

test("unknown is not zero", () => {
  assert.equal(scaleOf([null, 990, 1000], COUNT, { fromZero: false }).low > 0, true)
  assert.equal(scaleOf([null, 990, 1000], COUNT).low, 0)
})

test("counts are whole and money is no finer than its coins", () => {
  assert.deepEqual(scaleOf([1], COUNT).ticks, [0, 1])
  assert.deepEqual(scaleOf([3], COUNT).ticks, [0, 1, 2, 3])
  assert.deepEqual(scaleOf([2], EURO).ticks, [0, 1, 2])
  assert.deepEqual(scaleOf([4], YEN).ticks, [0, 1, 2, 3, 4])
  assert.equal(stepOf(0.001, EURO), 1)
  assert.equal(stepOf(1234, EURO), 2000)
  assert.equal(stepOf(1000, COUNT), 1000)
  assert.equal(stepOf(999.9999999999, COUNT), 1000)
})

test("bytes go by powers of two", () => {
  assert.deepEqual(scaleOf([GIB], BYTES).ticks, [0, 256 * MIB, 512 * MIB, 768 * MIB, GIB])
  assert.deepEqual(scaleOf([46.57 * GIB], BYTES).ticks, [0, 16 * GIB, 32 * GIB, 48 * GIB])
  assert.deepEqual(scaleOf([0], BYTES).ticks, [0, 256, 512, 768, 1024])
})

test("seconds go by parts of minutes and hours", () => {
  const seconds = unit("seconds")
  assert.equal(stepOf(12, seconds), 15)
  assert.equal(stepOf(40, seconds), 60)
  assert.equal(stepOf(1000, seconds), 1800)
  assert.equal(stepOf(5 * 3600, seconds), 6 * 3600)
  assert.equal(stepOf(30 * 3600, seconds), 2 * 86_400)
  assert.equal(stepOf(40_000, unit("seconds", 3)), 60_000)
  assert.equal(stepOf(3, unit("seconds", 3)), 5)
})

test("negative values, and both signs, have zero among their ticks", () => {
  assert.deepEqual(scaleOf([-300, 500], COUNT).ticks, [-400, -200, 0, 200, 400, 600])
  assert.ok(scaleOf([-1], COUNT).ticks.includes(0))
  assert.ok(!Object.is(scaleOf([-1], COUNT).ticks.at(-1), -0))
})

test("small wiggles do not look like mountains unless the cut is told", () => {
  assert.equal(scaleOf([990, 1000], COUNT).low, 0)
  const cut = scaleOf([990, 1000], COUNT, { fromZero: false })
  assert.equal(cut.cut, true)
  assert.ok(cut.low > 900)
  assert.equal(scaleOf([100, 1000], COUNT, { fromZero: false }).cut, false)
  assert.equal(scaleOf([1000, 1000], COUNT, { fromZero: false }).low, 0)
})

test("steps never run out, and never fill a page", () => {
  for (const power of [0, 3, 6, 9, 12, 15])
    for (const kind of /** @type {Unit["kind"][]} */ (["count", "money", "percent", "bytes", "seconds"]))
      for (const factor of [1, 1.7, 3.3, 9.99]) {
        const { ticks, high, low } = scaleOf([Math.round(factor * 10 ** power)], unit(kind, kind === "money" ? 2 : 0))
        assert.ok(ticks.length >= 2 && ticks.length <= 8, `${kind} ${factor}e${power}: ${ticks}`)
        assert.ok(high >= Math.round(factor * 10 ** power) && low === 0)
      }
  assert.equal(
    scaleOf(
      Array.from({ length: 200_000 }, (_, index) => index),
      COUNT,
    ).high,
    200_000,
  )
  assert.deepEqual(scaleOf([Number.NaN, Number.POSITIVE_INFINITY, 4], COUNT).ticks, [0, 1, 2, 3, 4])
})
