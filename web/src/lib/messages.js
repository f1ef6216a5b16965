// The words of the page in its language. The build puts exactly the messages this page needs into a JSON block.

/** @typedef {typeof import("../../locales/en.json")} Catalogue */
/** @typedef {keyof Catalogue} MessageKey */
/** @typedef {string | Record<string, string>} Message */
/** @typedef {Record<string, string | number>} Values */

const block = document.getElementById("messages")
/** @type {Record<string, Message>} */
const messages = JSON.parse(block?.textContent || "{}")

/** @type {"es" | "en"} */
export const language = document.documentElement.lang === "es" ? "es" : "en"
export const locale = language === "es" ? "es-ES" : "en-GB"

/** Each language in itself. @param {string} code */
export const languageName = code => (code === "es" ? "Español" : "English")

const plurals = new Intl.PluralRules(locale)
const numbers = new Intl.NumberFormat(locale)

/** The text under `key`, with {placeholders} filled in; one without a value stays (`inPlaces`). @param {MessageKey} key @param {Values} [values] */
export function t(key, values = {}) {
  return fill(messages[key], values)
}

/**
 * The word for a code that the server sent; an unknown code is shown as it is, and so is one whose values did not come.
 * @param {string} group @param {string} code @param {string} [otherwise] @param {Values} [values]
 */
export function label(group, code, otherwise = code.replaceAll("_", " "), values = {}) {
  const message = messages[`${group}.${code}`]
  return message === undefined || lacks(message, values) ? otherwise : fill(message, values)
}

/** @param {Message} message @param {Values} values */
function lacks(message, values) {
  const texts = typeof message === "string" ? [message] : Object.values(message)
  return texts.some(text => [...text.matchAll(/\{(\w+)\}/g)].some(([, name]) => values[name] === undefined))
}

/** @param {Message} message @param {Values} values */
function fill(message, values) {
  const text = typeof message === "string" ? message : message[plurals.select(Number(values.count))]
  return text.replace(/\{(\w+)\}/g, (place, name) => {
    const value = values[name]
    if (value === undefined) return place
    return typeof value === "number" ? numbers.format(value) : String(value)
  })
}
