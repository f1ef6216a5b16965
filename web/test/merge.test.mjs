// Fields that two people edit at once.
import assert from "node:assert/strict"
import { test } from "node:test"
import { conflicts, differences, merged } from "../src/lib/merge.js"

const read = { name: "Acme", zone: "UTC", currency: "eur", days: "1\n2" }

test("what was not touched is no difference, and empty is a value", () => {
  assert.deepEqual(differences(read, { ...read }), [])
  assert.deepEqual(differences(read, { ...read, name: "", days: "1" }), ["name", "days"])
})

test("only fields that both changed, to different values, contradict", () => {
  const theirs = { ...read, name: "Acme SL", zone: "Europe/Madrid" }
  const mine = { ...read, name: "Acme SA", zone: "Europe/Madrid", currency: "usd" }
  assert.deepEqual(conflicts(read, theirs, mine), ["name"])
  assert.deepEqual(conflicts(read, read, mine), [])
})

test("what stays is theirs with my changes, and where they contradict what was chosen", () => {
  const theirs = { ...read, name: "Acme SL", zone: "Europe/Madrid" }
  const mine = { ...read, name: "Acme SA", currency: "usd" }
  assert.deepEqual(
    merged(read, theirs, mine, () => false),
    { name: "Acme SA", zone: "Europe/Madrid", currency: "usd", days: "1\n2" },
  )
  assert.deepEqual(
    merged(read, theirs, mine, name => name === "name"),
    { name: "Acme SL", zone: "Europe/Madrid", currency: "usd", days: "1\n2" },
  )
})

test("a field that they have and I do not know is theirs", () => {
  assert.equal(merged(read, { ...read, phone: "1" }, read, () => false).phone, "1")
})
