// The unfinished sign-up: kept for this tab, so that Back from the payment page finds everything as it was.
// The Idempotency-Key belongs to the draft as it stands: the same draft sent twice is one sign-up.

const KEY = "sign-up-draft"

/** @typedef {{ fields: Record<string, string>, keyFor?: string, idempotencyKey?: string }} Draft */

/** @returns {Draft} */
export function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "") ?? { fields: {} }
  } catch {
    return { fields: {} }
  }
}

/** @param {Record<string, string>} fields */
export function keepDraft(fields) {
  write({ ...readDraft(), fields })
}

/** @param {object} body what will be sent */
export function idempotencyKeyFor(body) {
  const draft = readDraft()
  const keyFor = JSON.stringify(body)
  if (draft.keyFor === keyFor && draft.idempotencyKey) return draft.idempotencyKey
  const idempotencyKey = crypto.randomUUID()
  write({ ...draft, keyFor, idempotencyKey })
  return idempotencyKey
}

/** The next attempt is a new one, for example after the payment service was away. */
export function forgetIdempotencyKey() {
  const { fields } = readDraft()
  write({ fields })
}

export function forgetDraft() {
  try {
    sessionStorage.removeItem(KEY)
  } catch {
    // Without storage there is nothing to forget.
  }
}

/** @param {Draft} draft */
function write(draft) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft))
  } catch {
    // A browser that refuses storage only loses the draft on Back.
  }
}
