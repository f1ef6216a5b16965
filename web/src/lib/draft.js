// The unfinished sign-up. What is typed is kept for this tab, so that Back from the payment page finds everything as it
// was; which sign-up it belongs to is kept for the whole browser, so that a second tab and the set-up page mean the same.
// The Idempotency-Key belongs to the draft as it stands: the same draft sent twice is one sign-up.

const KEY = "sign-up-draft"
const OWN = "sign-up-open"

/**
 * `base`: what the server had when the draft was last made from it.
 * @typedef {{ fields: Record<string, string>, base?: string, keyFor?: string, idempotencyKey?: string }} Draft
 */

/** @returns {Draft} */
export function readDraft() {
  return read(sessionStorage, KEY) ?? { fields: {} }
}

/** @param {Record<string, string>} fields @param {string} [base] */
export function keepDraft(fields, base = readDraft().base) {
  write(sessionStorage, KEY, { ...readDraft(), fields, base })
}

/** @param {object} body what will be sent */
export function idempotencyKeyFor(body) {
  const draft = readDraft()
  const keyFor = JSON.stringify(body)
  if (draft.keyFor === keyFor && draft.idempotencyKey) return draft.idempotencyKey
  const idempotencyKey = crypto.randomUUID()
  write(sessionStorage, KEY, { ...draft, keyFor, idempotencyKey })
  return idempotencyKey
}

/** The next attempt is a new one, for example after the payment service was away. */
export function forgetIdempotencyKey() {
  const { fields, base } = readDraft()
  write(sessionStorage, KEY, { fields, base })
}

export function forgetDraft() {
  remove(sessionStorage, KEY)
  forgetSignup()
}

/** The token of the sign-up that this browser has begun; empty when there is none. */
export function openSignup() {
  return String(read(localStorage, OWN)?.token ?? "")
}

/** Other tabs hear of it, also when only the order has changed. @param {string} token */
export function keepSignup(token) {
  write(localStorage, OWN, { token, at: Date.now() })
}

export function forgetSignup() {
  remove(localStorage, OWN)
}

/** Another tab has begun, changed or forgotten the sign-up. @param {() => void} look */
export function onSignupElsewhere(look) {
  addEventListener("storage", event => {
    if (event.key === OWN || event.key === null) look()
  })
}

/** The token in the address of a sign-up's page. @param {string} statusUrl */
export function tokenOf(statusUrl) {
  return new URL(statusUrl, location.href).pathname.split("/").filter(Boolean).at(-1) ?? ""
}

// A browser that refuses storage only loses the draft on Back.

/** @param {Storage} storage @param {string} key @returns {any} */
function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key) ?? "null")
  } catch {
    return null
  }
}

/** @param {Storage} storage @param {string} key @param {object} value */
function write(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value))
  } catch {
    // See above.
  }
}

/** @param {Storage} storage @param {string} key */
function remove(storage, key) {
  try {
    storage.removeItem(key)
  } catch {
    // See above.
  }
}
