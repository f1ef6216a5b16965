// What leads from page to page, from the list of pages: the rail, the tabs of a section, the breadcrumb.

import { PAGES, pageNamed, RAIL } from "./page-list.mjs"

/** @typedef {import("./page-list.mjs").Page} Page */
/** @typedef {{ text: (key: string) => string, icon: (name: string) => string }} Words already fit for markup */

/** The page and what it stands below, the nearest first. @param {Page} page @returns {Page[]} */
export function lineOf(page) {
  const parent = pageNamed(page.parent)
  if (page.parent && !parent) throw new Error(`${page.name}: no page ${page.parent} to stand below`)
  return parent ? [page, ...lineOf(parent)] : [page]
}

/** @param {Page} page */
const target = page => pageNamed(page.leadsTo) ?? page
/** @param {Page} page */
const labelOf = page => page.label ?? page.title
/** @param {Page} page */
const scopeOf = page => page.scope ?? target(page).scope

/** The pages with a list that stand below an entry of the rail, itself among them. @param {Page} entry */
const listsOf = entry => PAGES.filter(page => page.list && lineOf(page).includes(entry))

/** The groups of the rail; a group without an entry for somebody is not shown to them (console.css). @param {Page} page @param {Words} words */
export function rail(page, { text, icon }) {
  const line = lineOf(page)
  const groups = RAIL.map(group => {
    const entries = PAGES.filter(entry => entry.rail === group).map(entry => {
      const scope = scopeOf(entry)
      const current = line.includes(entry) ? ' aria-current="page"' : ""
      const link = `<a class="rail-link" href="${target(entry).path}"${current}>${icon(entry.icon ?? "")}<span class="rail-text">${text(labelOf(entry))}</span></a>`
      const lists = listsOf(entry).map(({ list, path }) => `${list}:${path}`)
      const attributes = `${scope ? ` data-scope="${scope}"` : ""}${lists.length > 0 ? ` data-lists="${lists.join(" ")}"` : ""}`
      return `<li${attributes}>${link}</li>`
    })
    return `<div class="rail-group"><p class="rail-heading">${text(`nav.${group}`)}</p><ul class="mt-1 grid gap-0.5">${entries.join("")}</ul></div>`
  })
  return groups.join("\n")
}

/** The tabs of the page's section, or the way back to what it is a part of. @param {Page} page @param {Words} words */
export function wayOf(page, words) {
  const parent = pageNamed(page.parent)
  if (!parent) return ""
  return parent.leadsTo ? tabs(page, parent, words) : breadcrumb(page, words)
}

// Which tabs somebody may have is not known yet: all are seen at once when it is, and the page's own keeps their place.
/** @param {Page} page @param {Page} section @param {Words} words */
function tabs(page, section, { text }) {
  const entries = PAGES.filter(entry => entry.parent === section.name).map(entry => {
    const guard = entry.scope ? ` data-scope="${entry.scope}"${entry === page ? "" : " hidden"}` : ""
    const current = entry === page ? ' aria-current="page"' : ""
    return `<li${guard}><a href="${entry.path}"${current}>${text(labelOf(entry))}</a></li>`
  })
  return `<nav class="settings-nav invisible" aria-label="${text(section.title)}"><ul>${entries.join("")}</ul></nav>`
}

// What has a name of its own is called by it, which its code writes into #breadcrumb.
/** @param {Page} page @param {Words} words */
function breadcrumb(page, { text }) {
  const [self, ...above] = lineOf(page)
  const home = above.findLast(entry => !isNamed(entry))
  const links = above.reverse().map(entry => {
    if (!isNamed(entry))
      return `<a class="inline-block py-0.5" href="${target(entry).path}">${text(labelOf(entry))}</a>`
    return `<a class="inline-block max-w-28 truncate py-0.5 align-bottom sm:max-w-80" id="breadcrumb" href="${home?.path}">${text(entry.title)}</a>`
  })
  const here = isNamed(self)
    ? `<span id="breadcrumb" class="text-soft">${text(self.title)}</span>`
    : `<span class="text-soft">${text(labelOf(self))}</span>`
  const between = ' <span class="text-soft" aria-hidden="true">/</span> '
  return `<nav class="screen-only text-sm" aria-label="${text("nav.breadcrumb")}">${[...links, here].join(between)}</nav>`
}

/** @param {Page} page */
const isNamed = ({ path }) => path?.endsWith("}") ?? false
