// One way to write a number for axis, crosshair, table and file.

import assert from "node:assert/strict"
import { test } from "node:test"
import { usePage } from "./page.mjs"

usePage("en")
const { formatChange, formatTick, formatValue, plainNumber } = await import("../src/lib/chart/units.js")

/** @type {(kind: any, decimals?: number, currency?: string | null) => import("../src/lib/chart/scale.js").Unit} */
const unit = (kind, decimals = 0, currency = null) => ({ kind, decimals, currency })
const BYTES = unit("bytes")
const KIB = 1024

test("bytes are whole parts of KiB, MiB, GiB and TiB", () => {
  assert.equal(formatValue(0, BYTES), "0 B")
  assert.equal(formatValue(512, BYTES), "512 B")
  assert.equal(formatValue(256 * KIB, BYTES), "256 KiB")
  assert.equal(formatValue(768 * KIB ** 2, BYTES), "768 MiB")
  assert.equal(formatValue(1.5 * KIB ** 3, BYTES), "1.5 GiB")
  assert.equal(formatValue(4 * KIB ** 4, BYTES), "4 TiB")
  assert.equal(formatTick(16 * KIB ** 3, BYTES, 16 * KIB ** 3), "16 GiB")
})

test("money has its own decimals everywhere", () => {
  assert.equal(formatValue(490000, unit("money", 2, "eur")), "€4,900.00")
  assert.equal(formatValue(4900, unit("money", 0, "jpy")), "JP¥4,900")
  assert.match(formatValue(4900, unit("money", 3, "kwd")), /4\.900/)
  assert.match(formatTick(490000, unit("money", 2, "eur"), 100000), /^€4\.9k$/i)
  assert.equal(formatTick(50, unit("money", 2, "eur"), 50), "€0.50")
  assert.equal(formatTick(5000, unit("money", 2, "eur"), 5000), "€50")
  assert.equal(formatTick(0, unit("money", 0, "jpy"), 1), "JP¥0")
  assert.equal(formatChange(-4900, unit("money", 2, "eur")), "-€49.00")
})

test("seconds and per cent are what people say", () => {
  assert.equal(formatValue(0, unit("seconds")), "0 s")
  assert.equal(formatValue(90, unit("seconds")), "1 min 30 s")
  assert.equal(formatValue(1500, unit("seconds", 3)), "1.5 s")
  assert.equal(formatValue(1235, unit("percent", 2)), "12 %")
  assert.equal(formatValue(123, unit("percent", 2)), "1.2 %")
  assert.equal(formatChange(3, unit("count")), "+3")
  assert.equal(formatChange(0, unit("count")), "0")
})

test("unknown is a dash on the page and nothing in a file", () => {
  assert.equal(formatValue(null, BYTES), "–")
  assert.equal(formatValue(undefined, BYTES), "–")
  assert.equal(plainNumber(null, BYTES), "")
  assert.equal(plainNumber(-490000, unit("money", 2, "eur")), "-4900.00")
  assert.equal(plainNumber(4900, unit("money", 0, "jpy")), "4900")
})

test("large counts stay short beside the axis", () => {
  assert.equal(formatTick(9000, unit("count"), 1000), "9,000")
  assert.match(formatTick(2_500_000, unit("count"), 500_000), /^2\.5m$/i)
})
