// Sentences that count read well where it is one: each has a form for it, or is worded so that it needs none.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

/** Their numbers are never one: bounds, and what is only said of many. */
const MANY = [
  "field_problem.too_short",
  "field_problem.too_long",
  "field_problem.too_fine",
  "check_found.check_hangs",
  "check_found.stripe_delivers_nothing",
  "bulk.selected_capped",
  "bulk.select_all_capped",
  "table.count_capped",
  "invariants.more_rows",
]

/** "1 filas", "1 de 1 filas"; words that end like many and are not. */
const ONE_OF_MANY = /(?<![\d.,])1\+? (de 1 |más |de )?(?!(mes|antes|menos)\b)\p{L}+s\b/u

test("no sentence in Spanish says “1 filas”", () => {
  /** @type {Record<string, string | Record<string, string>>} */
  const messages = JSON.parse(readFileSync(new URL("../locales/es.json", import.meta.url), "utf8"))
  const wrong = Object.entries(messages)
    .map(([key, message]) => [key, typeof message === "string" ? message : message.one])
    .filter(([key, text]) => !MANY.includes(key) && ONE_OF_MANY.test(text.replace(/\{\w+\}/g, "1")))
  assert.deepEqual(wrong, [])
})
