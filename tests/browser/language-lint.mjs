// Finds words of the other language: a text that is a message of that language and of no own one. Names of people stay
// as they are: translate="no". And finds the server's own English, which is for programs, in whatever language.

import { readFile } from "node:fs/promises"
import { PROSE } from "./said.mjs"
import { LANGUAGES, SERVER } from "./support.mjs"

const SHORTEST = 4

/** What the server said in English to each page. @type {WeakMap<import("./support.mjs").Page, Set<string>>} */
const prose = new WeakMap()

/** Before the page is opened. @param {import("./support.mjs").Page} page */
export function listenForProse(page) {
  /** @type {Set<string>} */
  const texts = new Set()
  prose.set(page, texts)
  page.on("response", async response => {
    if (!response.headers()["content-type"]?.includes("json")) return
    collectProse(await response.json().catch(() => null), texts)
  })
}

/**
 * The English beside codes: of messages, of problems and of their fields. What a page shows of it as a quotation is a
 * parameter, too.
 * @param {unknown} value @param {Set<string>} texts
 */
function collectProse(value, texts) {
  if (typeof value !== "object" || value === null) return
  if ("code" in value)
    for (const [name, text] of Object.entries(value))
      if (["text", "detail", "title", "advice"].includes(name) && typeof text === "string" && text.includes(" "))
        if (!JSON.stringify("parameters" in value ? value.parameters : null).includes(JSON.stringify(text)))
          texts.add(text)
  for (const part of Object.values(value)) collectProse(part, texts)
}

/** @param {import("./support.mjs").Page} page @param {import("./support.mjs").Language} language @returns {Promise<string[]>} */
export async function foreignWords(page, language) {
  const own = new Set(await messagesIn(language))
  const other = LANGUAGES.find(candidate => candidate !== language) ?? language
  const names = new Set(await plansOf(page))
  const foreign = (await messagesIn(other)).filter(
    text => !own.has(text) && !names.has(text) && text.length >= SHORTEST,
  )
  // In English the catalogue may say it with the same words.
  const said = [...(prose.get(page) ?? [])].filter(text => ![...own].some(message => message.includes(text)))
  return page.evaluate(
    ([foreignTexts, code, said]) => {
      const known = new Set(foreignTexts)
      /** @type {string[]} */
      const texts = []
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement
        const marked = parent?.closest("[lang]")?.getAttribute("lang")
        if (parent && !parent.closest("script, [translate=no]") && marked === code)
          texts.push(node.textContent?.trim() ?? "")
      }
      for (const element of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]")) {
        if (element.closest("[lang]")?.getAttribute("lang") !== code || element.closest("[translate=no]")) continue
        for (const name of ["aria-label", "title", "placeholder", "alt"]) texts.push(element.getAttribute(name) ?? "")
      }
      const shown = [document.body.innerText, ...texts].join("\n")
      return [
        ...texts.filter(text => known.has(text)).map(text => `in another language: “${text}”`),
        ...said.filter(text => shown.includes(text)).map(text => `in the server's own words: “${text}”`),
      ]
    },
    /** @type {[string[], string, string[]]} */ ([foreign, language, [PROSE, ...said]]),
  )
}

/** Names of plans are the same in every language. @param {import("./support.mjs").Page} page @returns {Promise<string[]>} */
async function plansOf(page) {
  const { plans } = await (await page.request.get(`${SERVER}/api/plans`)).json()
  return plans.map((/** @type {{ name: string }} */ { name }) => name)
}

/** @param {import("./support.mjs").Language} language @returns {Promise<string[]>} */
async function messagesIn(language) {
  const file = new URL(`../../web/locales/${language}.json`, import.meta.url)
  const messages = Object.values(JSON.parse(await readFile(file, "utf8")))
  return messages.flatMap(message => (typeof message === "string" ? [message] : Object.values(message)))
}
