// Finds words of the other language: a text that is a message of that language and of no own one. Names of people stay
// as they are: translate="no".

import { readFile } from "node:fs/promises"
import { LANGUAGES, SERVER } from "./support.mjs"

const SHORTEST = 4

/** @param {import("./support.mjs").Page} page @param {import("./support.mjs").Language} language @returns {Promise<string[]>} */
export async function foreignWords(page, language) {
  const own = new Set(await messagesIn(language))
  const other = LANGUAGES.find(candidate => candidate !== language) ?? language
  const names = new Set(await plansOf(page))
  const foreign = (await messagesIn(other)).filter(
    text => !own.has(text) && !names.has(text) && text.length >= SHORTEST,
  )
  return page.evaluate(
    ([foreignTexts, code]) => {
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
      return texts.filter(text => known.has(text)).map(text => `in another language: “${text}”`)
    },
    /** @type {[string[], string]} */ ([foreign, language]),
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
