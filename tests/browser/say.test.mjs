// Sentences from codes: what the words of a page make of the parameters that come with them.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { before, describe, test } from "node:test"

const WORDS = {
  "reason.plain": "Nada más.",
  "reason.of_a_state": "Está {state} hasta {over_at}.",
  "reason.room": "Quedan {free_bytes} y hacen falta {count}.",
  "reason.owed": "Se deben {amount} por {text}.",
  "reason.some": { one: "{count} copia", other: "{count} copias", many: "{count} de copias" },
  reason_unknown: "Sin palabras ({code}).",
  "reason.failed": "{failure}",
  "state.purged": "Purgado",
  "reason.held": "La para {holds}.",
  "problem.not_paid_yet": "Nadie ha pagado aún.",
  "hold.billing": "Facturación",
  "hold.abuse": "Abuso",
  "failure.disk_full": "El disco está lleno.",
  "failure.other": "No ha terminado como debía.",
  "actor_name.command_line": "la línea de órdenes",
}

/** @type {typeof import("../../web/src/lib/say.js")} */
let said
/** @type {typeof import("../../web/src/lib/parameters.js")} */
let parameters

before(async () => {
  const block = { textContent: JSON.stringify(WORDS) }
  Object.assign(globalThis, {
    document: { getElementById: () => block, documentElement: { lang: "es" } },
  })
  said = await import("../../web/src/lib/say.js")
  parameters = await import("../../web/src/lib/parameters.js")
})

/** @param {string} code @param {import("../../web/src/lib/parameters.js").Parameters} [parameters] */
const say = (code, parameters = {}) => said.say({ code, parameters, text: "English of the server" })

describe("a message of the server", () => {
  test("is the sentence of the page's language", () => {
    assert.equal(say("plain"), "Nada más.")
  })

  test("shows each parameter as its name tells", () => {
    assert.match(
      say("of_a_state", { state: "purged", over_at: "2026-11-29T10:00:00Z" }),
      /^Está Purgado hasta 29 nov 2026, \d\d:00 .+\.$/,
    )
    assert.equal(say("room", { free_bytes: 1536 * 1024 ** 2, count: 12345 }), "Quedan 1,5 GiB y hacen falta 12.345.")
    assert.equal(
      say("owed", { amount: 123456, currency: "eur", text: "{amount}" }),
      "Se deben 1.234,56\u00A0€ por {amount}.",
    )
    assert.equal(say("some", { count: 1 }), "1 copia")
    assert.equal(say("some", { count: 2 }), "2 copias")
  })

  test("says a failure in the failure's own words, and what is new in general ones", () => {
    assert.equal(say("failed", { failure: "disk_full" }), "El disco está lleno.")
    assert.equal(say("failed", { failure: "something_new" }), "No ha terminado como debía.")
  })

  test("says holds by their names, and a refusal in the words of problems", () => {
    assert.equal(say("held", { holds: "billing, abuse" }), "La para Facturación, Abuso.")
    assert.equal(say("not_paid_yet"), "Nadie ha pagado aún.")
  })

  test("is its code where there are no words, and never the server's English", () => {
    assert.equal(say("new_one", { count: 1 }), "Sin palabras (new_one).")
    assert.equal(say("of_a_state", { state: "purged" }), "Sin palabras (of_a_state).")
    assert.equal(said.say(/** @type {any} */ ({ code: "of_a_state" })), "Sin palabras (of_a_state).")
  })

  test("leaves the currency's number alone where there is none", () => {
    assert.deepEqual(parameters.shown({ amount: 12, other: null, yes: true }), {
      amount: "12",
      other: "—",
      yes: "true",
    })
  })
})

test("both catalogues have words for a code without words", async () => {
  for (const language of ["en", "es"]) {
    const file = new URL(`../../web/locales/${language}.json`, import.meta.url)
    assert.match(JSON.parse(await readFile(file, "utf8")).reason_unknown, /\{code\}/)
  }
})

test("parts of the program have words, people keep their names", () => {
  assert.equal(said.actorName("command line"), "la línea de órdenes")
  assert.equal(said.actorName("ana@example.com"), "ana@example.com")
})
