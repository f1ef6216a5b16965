// What this browser remembers for its reader; one that refuses storage, until the page is left.

/** @type {Map<string, string | null>} */
const refused = new Map()

/** @param {string} key */
export function readStored(key) {
  if (refused.has(key)) return refused.get(key) ?? null
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

/** @param {string} key @param {string | null} value null: as if it had never been chosen */
export function writeStored(key, value) {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
    refused.delete(key)
  } catch {
    refused.set(key, value)
  }
}
