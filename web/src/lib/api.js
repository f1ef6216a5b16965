// Calls to the server. Every failure, also a lost connection, arrives as an ApiProblem.

import { label, t } from "./messages.js"
import { shown } from "./parameters.js"

/** @typedef {{ pointer: string, code: string, parameters?: import("./parameters.js").Parameters }} FieldProblem */

export class ApiProblem extends Error {
  /** @param {number} status 0 when no answer came @param {Record<string, any>} body @param {Headers} [headers] */
  constructor(status, body, headers) {
    super(body.detail ?? body.title ?? body.code ?? `status ${status}`)
    this.status = status
    this.body = body
    /** @type {string} */
    this.code = body.code ?? (status === 0 ? "no_connection" : "unexpected")
    /** @type {string | null} */
    this.requestId = body.request_id ?? headers?.get("X-Request-Id") ?? null
    /** @type {FieldProblem[]} */
    this.errors = body.errors ?? []
    this.retryAfter = Number(headers?.get("Retry-After")) || 0
  }

  /** One sentence in the reader's language. */
  get sentence() {
    return label("problem", this.code, this.status === 429 ? t("problem.rate_limited") : t("problem.unexpected"))
  }
}

/** What stands wrong at one field, in the reader's language. @param {FieldProblem} error */
export function fieldSentence(error) {
  return label("field_problem", error.code, t("field_problem.invalid"), shown(error.parameters))
}

/** Longer than that nobody waits for what is only read. */
const PATIENCE = 30_000

/**
 * @param {string} method @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal, whole?: boolean }} [options]
 *   `whole` asks for the answer itself, as of a file
 */
export async function request(method, path, { body, headers = {}, signal, whole } = {}) {
  /** @type {Response} */
  let response
  try {
    response = await fetch(path, {
      method,
      signal: method === "GET" && !whole ? impatient(signal) : signal,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiProblem(0, {})
  }
  if (response.status === 204) return null
  if (whole && response.ok) return response
  if (!response.ok) throw new ApiProblem(response.status, await response.json().catch(() => ({})), response.headers)
  try {
    return await response.json()
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiProblem(0, {}) // it broke off on its way
  }
}

// Some browsers cannot wait for two things; there only whoever asked may end it.
/** @param {AbortSignal} [signal] */
function impatient(signal) {
  const patience = AbortSignal.timeout(PATIENCE)
  return signal && "any" in AbortSignal ? AbortSignal.any([signal, patience]) : (signal ?? patience)
}
