// Answers that do not come, or break off: each is a failure that somebody can be told, and nobody waits for ever.

import assert from "node:assert/strict"
import { afterEach, test } from "node:test"
import { usePage } from "./page.mjs"

usePage("en")
const { ApiProblem, request } = await import("../src/lib/api.js")

const timeout = AbortSignal.timeout
afterEach(() => {
  AbortSignal.timeout = timeout
})

/** @param {(signal: AbortSignal | undefined) => Promise<Response>} answer */
const answering = answer =>
  Object.assign(globalThis, {
    /** @param {string} _ @param {RequestInit} options */
    fetch: (_, options) => answer(options.signal ?? undefined),
  })

/** Nothing comes until whoever asks gives up. @param {AbortSignal | undefined} signal @returns {Promise<never>} */
const silence = signal =>
  new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason))
  })

/** The head of an answer, and a body that fails as `failing` does. @param {number} status @param {() => Promise<never>} failing */
const brokenOff = (status, failing) =>
  /** @type {Response} */ (/** @type {unknown} */ ({ status, ok: status < 400, headers: new Headers(), json: failing }))

const isLost = (/** @type {unknown} */ problem) => problem instanceof ApiProblem && problem.code === "no_connection"

test("an answer that breaks off is none", async () => {
  answering(async () => new Response('{"data":[{"id":'))
  await assert.rejects(request("GET", "/api/tenants"), isLost)
})

test("an answer that is given up while it comes is no failure of the server", async () => {
  const controller = new AbortController()
  answering(async signal => brokenOff(200, () => silence(signal)))
  const asked = request("GET", "/api/tenants", { signal: controller.signal })
  await new Promise(setImmediate)
  controller.abort()
  await assert.rejects(asked, { name: "AbortError" })
})

test("a refusal without words is still one", async () => {
  answering(async () => new Response("<html>", { status: 502 }))
  await assert.rejects(
    request("GET", "/api/tenants"),
    (/** @type {unknown} */ problem) => problem instanceof ApiProblem && problem.status === 502,
  )
})

test("what is read is not waited for without end, whoever else may give it up", async () => {
  for (const signal of [undefined, new AbortController().signal]) {
    const patience = new AbortController()
    AbortSignal.timeout = () => patience.signal
    answering(silence)
    const asked = request("GET", "/api/tenants", { signal })
    patience.abort()
    await assert.rejects(asked, isLost)
  }
})

test("what changes something, and a file, take the time that they need", async () => {
  AbortSignal.timeout = () => AbortSignal.abort()
  answering(async signal => {
    signal?.throwIfAborted()
    return new Response("{}")
  })
  assert.deepEqual(await request("POST", "/api/tenants", { body: {} }), {})
  assert.ok(await request("GET", "/api/tenants/export", { whole: true }))
})
