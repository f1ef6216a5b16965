// What the API says of a member of a request, as attributes of its control.

import assert from "node:assert/strict"
import { test } from "node:test"
import { Requests, readRequests } from "../build/requests.mjs"

const body = (/** @type {any} */ schema) => ({ requestBody: { content: { "application/json": { schema } } } })
const person = {
  properties: {
    name: { type: "string", minLength: 1, maxLength: 60 },
    note: { type: ["string", "null"], maxLength: 500 },
    email: { type: "string", format: "email", maxLength: 254 },
    days: { type: ["integer", "null"], minimum: 0, maximum: 90 },
    locale: { type: ["string", "null"], enum: ["en", "es", null] },
    pets: { type: "array", items: { properties: { name: { type: "string", maxLength: 30 } } } },
    limits: { anyOf: [{ $ref: "#/components/schemas/Limits" }, { type: "null" }] },
  },
  required: ["name", "email"],
}
const requests = new Requests({
  paths: {
    "/api/people": {
      post: body(person),
      get: {
        parameters: [
          { name: "state", in: "query", required: false, schema: { type: "array", items: { enum: ["on", "off"] } } },
          { name: "If-Match", in: "header", required: true, schema: { type: "string" } },
        ],
      },
    },
    "/api/people/{id}": { patch: body(person), delete: {} },
  },
  components: { schemas: { Limits: { properties: { cpu: { type: "integer", minimum: 5 } }, required: ["cpu"] } } },
})
const rule = (/** @type {string} */ operation, /** @type {string} */ member) =>
  requests.rule(operation, member, "here.js")

test("bounds, the way it is typed in, and whether it has to be there", () => {
  assert.deepEqual(rule("POST /api/people", "name"), { name: "name", maxlength: 60, required: true })
  assert.deepEqual(rule("POST /api/people", "note"), { name: "note", maxlength: 500 })
  assert.deepEqual(rule("POST /api/people", "email"), {
    name: "email",
    type: "email",
    maxlength: 254,
    required: true,
  })
  assert.deepEqual(rule("POST /api/people", "days"), { name: "days", type: "number", step: 1, min: 0, max: 90 })
})

test("what is shown of a PATCH stays as it is or has to be filled in, unless it may be empty", () => {
  assert.equal(rule("PATCH /api/people/{id}", "name").required, true)
  assert.equal(rule("PATCH /api/people/{id}", "days").required, true)
  assert.equal(rule("PATCH /api/people/{id}", "note").required, undefined)
})

test("values are all that there are, without nothing; a list takes several", () => {
  assert.deepEqual(rule("POST /api/people", "locale"), { name: "locale", values: ["en", "es"] })
  assert.deepEqual(rule("GET /api/people", "state"), { name: "state", values: ["on", "off"], many: true })
})

test("a member of an object within, or of each of a list", () => {
  assert.equal(rule("POST /api/people", "pets/name").maxlength, 30)
  assert.deepEqual(rule("PATCH /api/people/{id}", "limits/cpu"), {
    name: "limits/cpu",
    type: "number",
    step: 1,
    min: 5,
    required: true,
  })
})

test("what the API does not know fails the build, and says where", () => {
  for (const [operation, member] of [
    ["POST /api/people", "age"],
    ["POST /api/people", "limits/gpu"],
    ["GET /api/people", "If-Match"],
    ["DELETE /api/people/{id}", "name"],
    ["PUT /api/people/{id}", "name"],
    ["POST /api/nobody", "name"],
  ])
    assert.throws(() => rule(operation, member), new RegExp(`^Error: here.js: the API has no ${member} in `))
})

test("a source names operation and member side by side, on one line or on two", () => {
  const source = `inputFor("POST /api/people", "name"); selectFor(\n  "PATCH /api/people/{id}",\n  "locale",\n) ; send("POST", "/api/people")`
  assert.deepEqual(Object.keys(requests.rulesIn(source, "here.js")), [
    "POST /api/people name",
    "PATCH /api/people/{id} locale",
  ])
})

test("the description of this API", async () => {
  const real = await readRequests()
  assert.deepEqual(real.rule("POST /api/views", "name", ""), { name: "name", maxlength: 60, required: true })
  assert.ok(real.rule("GET /api/tenants", "state", "").values?.includes("live"))
  assert.ok(real.rule("PATCH /api/tenants/{id}", "resource_limits/cpu_percent", "").max)
})
