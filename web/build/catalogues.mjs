// The message catalogues: reads them, proves that both languages agree, and knows which messages each source file uses.
// A message is used by `t("key")`, by `label("group", code)` (every key under "group.") or by `{{t:key}}` in a template.

import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

export const LANGUAGES = ["en", "es"]

// The same thing has one name everywhere: what stands in front is never written.
/** @type {Record<string, [RegExp, string][]>} */
const WRONG_WORDS = {
  en: [
    [/\be-mail/i, "email"],
    [/\bmails?\b(?! server)/i, "email"],
    [/\b(log|logs|logged|logging)[ -](in|out)\b|\blogins?\b/i, "sign in, sign out, sign-in"],
    [/\bpresent password/i, "current password"],
    [/\bput away/i, "dismiss"],
    [/\bstand(s|ing)? still/i, "suspended, paused"],
    [/\bfindings?\b/i, "discrepancy"],
    [/\bledger\b/i, "inventory"],
    [/\bof the house\b/i, "built-in"],
    [/\blet in again/i, "unlock"],
    [/\b(not whole|is not through)\b/i, "with incidents; failed"],
    [/\b(please|successfully)\b/i, "nothing"],
  ],
  es: [
    [/inquilin/i, "tenant"],
    [/\be-?mails?\b/i, "correo"],
    [/\bhallazgo/i, "discrepancia"],
    [/\bel libro\b/i, "el inventario"],
    [/\bde serie\b/i, "predefinido"],
    [/\bsiguen? parad[oa]/i, "suspendido"],
    [/\b(para|poder?|puede|que) entrar\b|^entrar\b/i, "iniciar sesión"],
    [/\b(escriba|quite|suba|elija|indique|pulse|introduzca|espere)\b/i, "the form for tú"],
    [/\b(por favor|con éxito)\b/i, "nothing"],
  ],
}
// The program itself writes these, into files of lists (platform/i18n/words.hpp).
const GROUPS_OF_THE_PROGRAM = [
  "list",
  "movement_kind",
  "mrr_policy",
  "invoice_pdf",
  "mail_letter",
  "mail_example",
  "electronic_invoice",
  "column",
  "filter",
  "export",
  "job_state",
  "batch_row_state",
  "actor_kind",
  "event_state",
  "stripe_event_state",
  "stripe_event_source",
  "stripe_kind",
  "difference_nature",
  "difference_resolution",
  "difference_state",
]

/** @typedef {string | Record<string, string>} Message one text, or one text per plural category */
/** @typedef {Record<string, Message>} Catalogue */

export async function readCatalogues() {
  /** @type {Record<string, Catalogue>} */
  const byLanguage = {}
  for (const language of LANGUAGES) {
    const file = fileURLToPath(new URL(`../locales/${language}.json`, import.meta.url))
    byLanguage[language] = JSON.parse(await readFile(file, "utf8"))
  }
  assertLanguagesAgree(byLanguage)
  assertWords(byLanguage)
  return new Catalogues(byLanguage)
}

class Catalogues {
  /** @type {Set<string>} */
  #used = new Set()

  /** @param {Record<string, Catalogue>} byLanguage */
  constructor(byLanguage) {
    this.byLanguage = byLanguage
    this.keys = Object.keys(byLanguage.en)
  }

  /** @param {string} language @param {string} key @param {string} place */
  text(language, key, place) {
    const message = this.byLanguage[language][key]
    if (typeof message !== "string") throw new Error(`${place}: no plain message "${key}" in ${language}`)
    this.#used.add(key)
    return message
  }

  /** The messages that browser code needs. @param {string} source @param {string} place @returns {string[]} */
  keysIn(source, place) {
    const found = new Set()
    for (const [, key] of source.matchAll(/\bt\(\s*"([^"]+)"/g)) {
      if (!this.keys.includes(key)) throw new Error(`${place}: no message "${key}"`)
      found.add(key)
    }
    for (const [, group] of source.matchAll(/\blabel\(\s*"([^"]+)"/g)) {
      const members = this.keys.filter(key => key.startsWith(`${group}.`))
      if (members.length === 0) throw new Error(`${place}: no messages under "${group}."`)
      for (const key of members) found.add(key)
    }
    for (const key of found) this.#used.add(key)
    return [...found].sort()
  }

  assertEveryMessageIsUsed() {
    const unused = this.keys.filter(key => !this.#used.has(key) && !GROUPS_OF_THE_PROGRAM.includes(key.split(".")[0]))
    if (unused.length > 0) throw new Error(`messages nobody uses: ${unused.join(", ")}`)
  }
}

/** @param {Record<string, Catalogue>} byLanguage */
function assertLanguagesAgree(byLanguage) {
  const problems = []
  const allKeys = new Set(LANGUAGES.flatMap(language => Object.keys(byLanguage[language])))
  for (const key of allKeys) {
    const missing = LANGUAGES.filter(language => !(key in byLanguage[language]))
    if (missing.length > 0) {
      problems.push(`"${key}" is missing in ${missing.join(", ")}`)
      continue
    }
    const placeholders = LANGUAGES.map(language => placeholdersOf(byLanguage[language][key]))
    if (new Set(placeholders).size > 1)
      problems.push(`"${key}" has different placeholders: ${placeholders.join(" / ")}`)
    for (const language of LANGUAGES) {
      const message = byLanguage[language][key]
      if (typeof message === "string") continue
      const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories
      const absent = wanted.filter(category => !(category in message))
      if (absent.length > 0) problems.push(`"${key}" in ${language} lacks the plural form ${absent.join(", ")}`)
    }
  }
  if (problems.length > 0) throw new Error(`message catalogues disagree:\n  ${problems.join("\n  ")}`)
}

/** @param {Record<string, Catalogue>} byLanguage */
export function assertWords(byLanguage) {
  const problems = LANGUAGES.flatMap(language =>
    Object.entries(byLanguage[language]).flatMap(([key, message]) =>
      textsOf(message).flatMap(text =>
        WRONG_WORDS[language]
          .filter(([wrong]) => wrong.test(text.replace(/\{\w+\}/g, "")))
          .map(([, right]) => `"${key}" in ${language}: write ${right} in “${text}”`),
      ),
    ),
  )
  if (problems.length > 0) throw new Error(`words that have another name here:\n  ${problems.join("\n  ")}`)
}

/** @param {Message} message */
const textsOf = message => (typeof message === "string" ? [message] : Object.values(message))

/** @param {Message} message */
function placeholdersOf(message) {
  const names = textsOf(message).flatMap(text => [...text.matchAll(/\{(\w+)\}/g)].map(match => match[1]))
  return [...new Set(names)]
    .filter(name => name !== "count")
    .sort()
    .join(",")
}
