// Everything that the server can say, as data for pages: each code of the catalogues with a value for each of its
// parameters, and with the English words for programs, which no page may show.

import { readFile } from "node:fs/promises"

export const PROSE = "English words of the server"

/** What parameters of these names, or of names that end so, may hold. @type {Record<string, string | number>} */
const SAMPLES = {
  state: "archived",
  failure: "disk_full",
  count: 1234,
  bytes: 1536 * 1024 ** 2,
  seconds: 95,
  at: "2026-11-01T02:03:04Z",
  amount: 123_456,
}

/** @param {string} code @param {Record<string, string | number>} [parameters] */
export const said = (code, parameters = {}) => ({ code, parameters, text: `${PROSE}: ${code}` })

/** One message for each code. @returns {Promise<ReturnType<typeof said>[]>} */
export async function everythingSaid() {
  const file = new URL("../../web/locales/en.json", import.meta.url)
  /** @type {[string, string | Record<string, string>][]} */
  const words = Object.entries(JSON.parse(await readFile(file, "utf8")))
  return words
    .filter(([key]) => key.startsWith("reason."))
    .map(([key, message]) => {
      const texts = typeof message === "string" ? [message] : Object.values(message)
      const names = texts.flatMap(text => [...text.matchAll(/\{(\w+)\}/g)].map(match => match[1]))
      const parameters = Object.fromEntries(names.map(name => [name, sampleOf(name)]))
      return said(key.slice("reason.".length), { ...parameters, currency: "eur" })
    })
}

/** @param {string} name */
const sampleOf = name => SAMPLES[name.split("_").at(-1) ?? ""] ?? `${name}-1`
