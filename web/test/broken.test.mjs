// A check that has found something is told by what is wrong, never by what is true when all is well.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"

for (const language of ["en", "es"])
  test(`every check says what is wrong, in words of its own (${language})`, () => {
    /** @type {Record<string, string>} */
    const words = JSON.parse(readFileSync(new URL(`../locales/${language}.json`, import.meta.url), "utf8"))
    const checks = Object.keys(words).flatMap(key => (key.startsWith("invariant.") ? key.slice(10) : []))
    assert.ok(checks.length > 30)
    for (const name of checks) {
      assert.ok(words[`invariant_broken.${name}`], `no words for invariant_broken.${name}`)
      assert.notEqual(words[`invariant_broken.${name}`], words[`invariant.${name}`], name)
    }
  })

test("one name for a thing: jobs fail, holds are holds, and a bulk action is one", () => {
  /** @type {Record<string, string | Record<string, string>>} */
  const words = JSON.parse(readFileSync(new URL("../locales/es.json", import.meta.url), "utf8"))
  const texts = Object.entries(words).flatMap(([key, text]) =>
    Object.values(typeof text === "string" ? [text] : text).map(one => `${key}: ${one}`),
  )
  const wrong =
    /\bTrabajos\b|\brendid|\brindi|\bsucesos?\b|acci(ón|ones) múltiples?|\blotes?\b|tareas? abandonad|reembols|desde ahora/i
  assert.deepEqual(
    texts.filter(text => wrong.test(text)),
    [],
  )
})
