// Renders each page once per language from its template, its layout and the shared parts.
// Template words: {{t:key}} {{icon:name}} {{asset:name}} {{image:name}} {{part:name}} {{page:content}} {{rule:operation member}} and
// the values {{lang}}, {{title}}…

import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import * as icons from "@mdi/js"
import { LANGUAGES } from "./catalogues.mjs"
import { rail, wayOf } from "./navigation.mjs"
import { isFilled, PAGES, scriptOf } from "./page-list.mjs"

/** @typedef {import("./page-list.mjs").Page} Page */
/** @typedef {import("./assets.mjs").Assets} Assets */
/** @typedef {Awaited<ReturnType<typeof import("./catalogues.mjs").readCatalogues>>} Catalogues */
/** @typedef {import("./requests.mjs").Requests} Requests */
/** @typedef {{ assets: Assets, catalogues: Catalogues, requests: Requests }} Sources */
/** @typedef {{ keys: string[], rules: Record<string, import("./requests.mjs").Rule> }} Needs what the code of a page names */

const WEB = fileURLToPath(new URL("..", import.meta.url))

/** @param {Sources} sources */
export async function renderPages(sources) {
  /** @type {import("./assets.mjs").OutputFile[]} */
  const files = []
  for (const page of PAGES.filter(({ leadsTo }) => !leadsTo)) {
    const needs = await needsOf(page, sources)
    for (const language of LANGUAGES) {
      const html = await renderPage(page, language, needs, sources)
      files.push({
        file: `pages/${page.name}.${language}.html`,
        type: "text/html; charset=utf-8",
        immutable: false,
        content: Buffer.from(html),
        compress: !isFilled(page),
        ...(page.layout === "standalone" && { csp: standalonePolicy(sources.assets.standaloneStyles) }),
      })
    }
  }
  return files
}

/** @param {Page} page @param {string} language @param {Needs} needs @param {Sources} sources */
async function renderPage(page, language, { keys, rules }, { assets, catalogues, requests }) {
  const description = page.description ? catalogues.text(language, page.description, page.name) : ""
  const messages = Object.fromEntries(keys.map(key => [key, catalogues.byLanguage[language][key]]))
  const script = scriptOf(page)
  const words = {
    text: (/** @type {string} */ key) => escapeText(catalogues.text(language, key, page.name)),
    icon: (/** @type {string} */ name) => iconMarkup(name, page.name),
  }
  /** @type {Record<string, string>} */
  const values = {
    lang: language,
    main: page.drawsMain ? "div" : "main",
    page: page.name,
    needs: page.scope ? ` data-needs="${page.scope}"` : "",
    rail: page.layout === "console" ? rail(page, words) : "",
    way: wayOf(page, words),
    title: words.text(page.title),
    description: description && `<meta name="description" content="${escapeText(description)}">`,
    script: script ? `<script type="module" src="${assets.urls[`${script}.js`]}"></script>` : "",
    manifest: `<link rel="manifest" href="${assets.urls[`app-${language}.webmanifest`]}">`,
    styles: (page.styles ?? []).map(name => `<link rel="stylesheet" href="${assets.urls[`${name}.css`]}">`).join(""),
    data: jsonBlock("messages", messages) + jsonBlock("rules", rules),
    standalone_styles: `<style>${assets.standaloneStyles}</style>`,
    product: isFilled(page) ? "{{product}}" : words.text("product"),
    // Left for the server.
    ...Object.fromEntries(["request_id", "notice", "accent", "owner", "hours"].map(name => [name, `{{${name}}}`])),
  }
  const layout = await template(`parts/layout-${page.layout}`)
  const content = await template(page.name)
  return expand(layout, `pages/${page.name}.html`)

  /** @param {string} text @param {string} place @returns {Promise<string>} */
  async function expand(text, place) {
    const parts = []
    let end = 0
    for (const match of text.matchAll(/\{\{([\w-]+)(?::((?:\{\w+\}|[^{}])+))?\}\}/g)) {
      parts.push(text.slice(end, match.index), await word(match[1], match[2], place))
      end = match.index + match[0].length
    }
    parts.push(text.slice(end))
    return parts.join("")
  }

  /** @param {string} kind @param {string | undefined} name @param {string} place */
  async function word(kind, name, place) {
    if (name === undefined) {
      if (!(kind in values)) throw new Error(`${place}: unknown value {{${kind}}}`)
      return values[kind]
    }
    if (kind === "t") return escapeText(catalogues.text(language, name, place))
    if (kind === "icon") return iconMarkup(name, place)
    if (kind === "part") return expand(await template(`parts/${name}`), `pages/parts/${name}.html`)
    if (kind === "page" && name === "content") return expand(content, place)
    if (kind === "image") return picture(`${name}-${language}.webp`, place)
    if (kind === "rule") return attributes(requests, name, place)
    if (kind === "asset" && name in assets.urls) return assets.urls[name]
    throw new Error(`${place}: unknown word {{${kind}:${name}}}`)
  }

  /** @param {string} name @param {string} place */
  function picture(name, place) {
    if (!(name in assets.urls)) throw new Error(`${place}: no picture ${name}; scripts/pictures.mjs makes them`)
    return assets.urls[name]
  }
}

/** @param {Page} page @param {Sources} sources @returns {Promise<Needs>} */
async function needsOf(page, { assets, catalogues, requests }) {
  const keys = new Set()
  const rules = {}
  const script = scriptOf(page)
  for (const source of script ? assets.sourcesOfScript[script] : []) {
    const text = await readFile(new URL(`../${source}`, import.meta.url), "utf8")
    for (const key of catalogues.keysIn(text, source)) keys.add(key)
    Object.assign(rules, requests.rulesIn(text, source))
  }
  return { keys: [...keys].sort(), rules }
}

/** @param {string} id @param {Record<string, unknown>} content */
function jsonBlock(id, content) {
  if (Object.keys(content).length === 0) return ""
  return `<script type="application/json" id="${id}">${JSON.stringify(content).replaceAll("<", "\\u003c")}</script>`
}

/** @param {Requests} requests @param {string} named "POST /api/views name" @param {string} place */
function attributes(requests, named, place) {
  const end = named.lastIndexOf(" ")
  const { values, many, ...rule } = requests.rule(named.slice(0, end), named.slice(end + 1), place)
  return Object.entries(rule)
    .map(([attribute, value]) => (value === true ? attribute : `${attribute}="${value}"`))
    .join(" ")
}

// Comments in templates are for the people who edit them.
/** @param {string} name */
async function template(name) {
  const text = await readFile(`${WEB}/pages/${name}.html`, "utf8")
  return text
    .replace(/<!--(?!\[)[\s\S]*?-->\n?/g, "")
    .replace(/^[ \t]+/gm, "")
    .trim()
}

/** @param {string} name @param {string} place */
function iconMarkup(name, place) {
  const path = /** @type {Record<string, string>} */ (icons)[name]
  if (!path) throw new Error(`${place}: no icon ${name}`)
  return `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="${path}"/></svg>`
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
}

// Pages at a tenant's address carry their styles inside; the hash allows exactly those.
/** @param {string} styles */
function standalonePolicy(styles) {
  const hash = createHash("sha256").update(styles).digest("base64")
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}
