// As much of a page as modules need outside of a browser: its words, and elements that remember what they were given.

import { readFileSync } from "node:fs"

export class FakeElement {
  /** @param {string} tag */
  constructor(tag = "") {
    this.tag = tag
    /** @type {Record<string, string>} */
    this.attributes = {}
    /** @type {any[]} */
    this.children = []
    this.style = { setProperty() {} }
  }
  /** @param {string} name @param {string} value */
  setAttribute(name, value) {
    this.attributes[name] = value
  }
  addEventListener() {}
  /** @param {...any} nodes */
  replaceChildren(...nodes) {
    this.children = nodes
  }
  /** @param {...any} nodes */
  append(...nodes) {
    this.children.push(...nodes)
  }
  /** @returns {string} */
  get textContent() {
    return this.children.map(child => (typeof child === "string" ? child : child.textContent)).join("")
  }
  /** All below with that class. @param {string} name @returns {FakeElement[]} */
  all(name) {
    const inner = this.children.filter(child => child instanceof FakeElement)
    const own = inner.filter(child => (child.attributes.class ?? "").split(" ").includes(name))
    return [...own, ...inner.flatMap(child => child.all(name))]
  }
}

/** Before any module of the pages is imported. @param {"en" | "es"} language */
export function usePage(language) {
  const words = readFileSync(new URL(`../locales/${language}.json`, import.meta.url), "utf8")
  Object.assign(globalThis, {
    Element: FakeElement,
    document: {
      documentElement: { lang: language },
      body: new FakeElement("body"),
      /** @param {string} id */
      getElementById: id => (id === "messages" ? { textContent: words } : null),
      /** @param {string} tag */
      createElement: tag => new FakeElement(tag),
      /** @param {string} _ @param {string} tag */
      createElementNS: (_, tag) => new FakeElement(tag),
    },
  })
}

/** @typedef {import("../src/lib/chart/series.js").Series} Series */

/** @param {Partial<Series>} parts @returns {Series} */
export function seriesOf(parts) {
  return {
    definition: "mrr_movements",
    unit: { kind: "money", decimals: 2, currency: "eur" },
    axis: "periods",
    range: {
      word: null,
      from: "2026-09-01",
      to: "2026-11-29",
      granularity: "month",
      zone: "Europe/Madrid",
      earlier: { from: "2026-06-01", to: "2026-08-31" },
      later: null,
    },
    columns: [{ id: "net", mark: "line" }],
    rows: [],
    comparison: null,
    limit: null,
    ...parts,
  }
}

/** @param {string} key @param {...(number | null)} values */
export const row = (key, ...values) => ({ key, complete: true, values, drill: null })
