// Waiting for conditions: the tests never sleep for a while and hope.

import { setTimeout as pause } from "node:timers/promises"

/** Far beyond anything that works: a limit for giving up, not a measure of speed. */
const PATIENCE = 120_000

/**
 * Looks again until `look` gives something; a look that throws counts as "not yet". Gives what was seen.
 * @template T
 * @param {string} what @param {() => T | Promise<T>} look
 * @param {{ every?: number, patience?: number }} [options] milliseconds
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, look, { every = 25, patience = PATIENCE } = {}) {
  const end = Date.now() + patience
  /** @type {unknown} */
  let trouble
  for (;;) {
    try {
      const seen = await look()
      if (seen) return seen
      trouble = undefined
    } catch (error) {
      if (/** @type {any} */ (error)?.isFinal) throw error
      trouble = error
    }
    if (Date.now() > end) throw new Error(`it never came true that ${what}`, { cause: trouble })
    await pause(every)
  }
}

/** An error that ends `until` at once: waiting longer cannot help. @param {string} message */
export const final = message => Object.assign(new Error(message), { isFinal: true })
