// An ordered file: what is ordered, where its id stands, how often it is asked for and what is said of it.

import assert from "node:assert/strict"
import { test } from "node:test"
import { usePage } from "./page.mjs"

usePage("en")
const { orderOf, ordersIn, waitAfter, withOrders, wordsOf } = await import("../src/elements/data-table/export-order.js")
const { readAddress, writeAddress } = await import("../src/elements/data-table/address.js")

/** @type {import("../src/elements/data-table/export-order.js").Order} */
const ORDER = {
  id: "exp_1",
  list: "tenants",
  state: "running",
  rows_done: 20_000,
  rows_total: 41_234,
  size_bytes: 3 << 20,
  file_name: "tenants.csv",
  error_code: null,
  expires_at: "2026-11-30T10:00:00Z",
}

test("what is ordered is what the short file was asked for with", () => {
  const asked = new URLSearchParams(
    "q=a%26b&state=live,suspended&sort=-created_at&columns=subdomain,company&format=csv-es&zone=Europe/Madrid&language=es",
  )
  const before = asked.toString()
  assert.deepEqual(orderOf("tenants", asked), {
    list: "tenants",
    filters: "q=a%26b&state=live%2Csuspended",
    sort: "-created_at",
    columns: ["subdomain", "company"],
    format: "csv-es",
    zone: "Europe/Madrid",
    language: "es",
  })
  assert.equal(asked.toString(), before, "what was asked for stays as it is")
})

test("orders stand in the address beside all else, and leave nothing behind", () => {
  assert.deepEqual(ordersIn("?state=live&export=exp_1,exp_2"), ["exp_1", "exp_2"])
  assert.deepEqual(ordersIn("?state=live"), [])
  assert.deepEqual(ordersIn("?export="), [])
  assert.equal(withOrders("?state=live,down", ["exp_1", "exp_2"]), "?state=live,down&export=exp_1,exp_2")
  assert.equal(withOrders("?export=exp_1&state=live", ["exp_3"]), "?state=live&export=exp_3")
  assert.equal(withOrders("?export=exp_1", []), "")
})

test("a table leaves the orders in its address alone, whatever it shows", () => {
  const shape = { order: "-id", columns: [{ id: "name", sort: "name" }], keep: ["export"] }
  const { state, dropped } = readAddress("?export=exp_1,exp_2", shape)
  assert.deepEqual(dropped, [])
  const next = writeAddress({ ...state, cursor: "abc", sort: "name" }, shape, "?export=exp_1,exp_2")
  assert.deepEqual([next, ordersIn(next)], ["?sort=name&cursor=abc&export=exp_1,exp_2", ["exp_1", "exp_2"]])
})

test("it is asked for each second at first, later seldom, and ever more seldom when nobody answers", () => {
  assert.equal(waitAfter(1, 0), 1000)
  assert.equal(waitAfter(100, 0), 5000)
  assert.deepEqual(
    [1, 2, 3, 20].map(failures => waitAfter(100, failures)),
    [2000, 4000, 8000, 30_000],
  )
})

test("every state has its words", () => {
  assert.equal(wordsOf(ORDER), "tenants.csv: 20,000 of 41,234 rows written.")
  assert.equal(wordsOf({ ...ORDER, rows_total: null }), "tenants.csv: counting the rows…")
  assert.equal(wordsOf({ ...ORDER, state: "queued" }), "tenants.csv waits for its turn.")
  assert.match(
    wordsOf({ ...ORDER, state: "done", rows_done: 41_234 }),
    /^tenants\.csv is ready: 41,234 rows, 3 MiB\. It is kept until 30 Nov/,
  )
  assert.match(wordsOf({ ...ORDER, state: "done", rows_done: 1 }), /ready: 1 row,/)
  const failed = { ...ORDER, state: /** @type {const} */ ("failed") }
  assert.match(wordsOf({ ...failed, error_code: "too_many_rows" }), /it has more than 1,000,000 rows/)
  assert.match(wordsOf({ ...failed, error_code: "of_another_version" }), /did not manage it/)
})
