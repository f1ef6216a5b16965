// Every kind of chart on one page, with numbers that are hard to draw: what the pages' engine does with them is looked at
// here, since no page shows them all.

import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const fromWeb = createRequire(new URL("../../web/package.json", import.meta.url))
const WEB = fileURLToPath(new URL("../../web", import.meta.url))
const GIB = 1024 ** 3

/** @typedef {import("../../web/src/lib/chart/series.js").Series} Series */
/** @typedef {{ name: string, series: Series, kind?: "plot" | "waterfall" | "grid" | "funnel" }} Example */

/** @type {NonNullable<Series["range"]>} */
const RANGE = {
  word: "last_12_months",
  from: "2025-12-01",
  to: "2026-11-29",
  granularity: "month",
  zone: "Europe/Madrid",
  earlier: { from: "2024-12-01", to: "2025-11-30" },
  later: null,
}

/** @param {Partial<Series>} parts @returns {Series} */
const seriesOf = parts => ({
  definition: "mrr_movements",
  unit: { kind: "money", decimals: 2, currency: "eur" },
  axis: "periods",
  range: RANGE,
  columns: [{ id: "net", mark: "line" }],
  rows: [],
  comparison: null,
  limit: null,
  ...parts,
})

const MONTHS = Array.from({ length: 12 }, (_, index) =>
  new Date(Date.UTC(2025, 11 + index, 1)).toISOString().slice(0, 10),
)

/** @param {number} index @param {number} [factor] */
function movements(index, factor = 1) {
  const values = [
    40_000 + 9_000 * (index % 5),
    12_000 * (index % 3),
    5_000 * (index % 2),
    -6_000 * (index % 4),
    -14_000 - 3_000 * (index % 6),
  ]
  const net = values.reduce((sum, value) => sum + value, 0) * factor
  return [...values.map(value => Math.round(value * factor)), Math.round(net), 900_000 + index * 30_000]
}

const COLUMNS = /** @type {Series["columns"]} */ ([
  ...["new", "expansion", "reactivation", "contraction", "churn"].map(id => ({ id, mark: "bar" })),
  { id: "net", mark: "line" },
  { id: "end", mark: "none" },
])

/** Five minutes apart, over the night in which Spain's clocks go back, with an hour that was not measured. @param {(index: number) => (number | null)[]} values */
const night = values =>
  Array.from({ length: 288 }, (_, index) => ({
    key: new Date(Date.UTC(2026, 9, 24, 18) + index * 300_000).toISOString(),
    complete: index < 287,
    values: index > 120 && index < 133 ? values(index).map(() => null) : values(index),
    drill: null,
  }))

const BYTES = /** @type {const} */ ({ kind: "bytes", decimals: 0, currency: null })

/** @type {Example[]} */
export const EXAMPLES = [
  {
    name: "bars",
    series: seriesOf({
      columns: COLUMNS,
      rows: MONTHS.map((key, index) => ({
        key,
        complete: index < 11,
        values: movements(index),
        drill: index === 3 ? "#rows" : null,
      })),
      comparison: {
        from: "2024-12-01",
        to: "2025-11-29",
        rows: MONTHS.map((key, index) => ({
          key,
          complete: index < 11,
          values: movements(index + 2, 0.8),
          drill: null,
        })),
      },
    }),
  },
  {
    name: "lines",
    series: seriesOf({
      definition: "tenant_network",
      unit: BYTES,
      axis: "moments",
      range: RANGE,
      columns: [
        { id: "in", mark: "line" },
        { id: "out", mark: "line" },
      ],
      rows: night(index => [
        Math.round((1.2 + Math.sin(index / 20)) * GIB),
        Math.round((0.6 + 0.3 * Math.cos(index / 9)) * GIB),
      ]),
    }),
  },
  {
    name: "line with a limit",
    series: seriesOf({
      definition: "tenant_disk",
      unit: BYTES,
      axis: "moments",
      columns: [{ id: "disk", mark: "line" }],
      limit: 20 * GIB,
      rows: night(index => [Math.round((17 + index / 120) * GIB)]),
    }),
  },
  {
    name: "cut axis",
    series: seriesOf({
      definition: "active_tenants",
      unit: { kind: "count", decimals: 0, currency: null },
      columns: [{ id: "active", mark: "line" }],
      rows: MONTHS.map((key, index) => ({
        key,
        complete: index < 11,
        values: [980 + ((index * 7) % 19)],
        drill: null,
      })),
    }),
  },
  {
    name: "areas",
    series: seriesOf({
      unit: { kind: "seconds", decimals: 0, currency: null },
      columns: [
        { id: "in", mark: "area" },
        { id: "out", mark: "area" },
      ],
      rows: MONTHS.map((key, index) => ({
        key,
        complete: index < 11,
        values: [90 + index * 4, 40 + ((index * 13) % 50)],
        drill: null,
      })),
    }),
  },
  {
    name: "one value, no decimals",
    series: seriesOf({
      unit: { kind: "money", decimals: 0, currency: "jpy" },
      rows: [{ key: "2026-11-01", complete: false, values: [-4900], drill: null }],
    }),
  },
  { name: "nothing", series: seriesOf({}) },
  {
    name: "waterfall",
    kind: "waterfall",
    series: seriesOf({
      axis: "names",
      columns: [
        { id: "change", mark: "bar" },
        { id: "end", mark: "bar" },
      ],
      rows: [
        { key: "started", complete: true, values: [null, 900_000], drill: null },
        { key: "paid", complete: true, values: [240_000, null], drill: null },
        { key: "live", complete: true, values: [-90_000, null], drill: null },
        { key: "end", complete: true, values: [null, 1_050_000], drill: null },
      ],
    }),
  },
  {
    name: "triangle",
    kind: "grid",
    series: seriesOf({
      axis: "periods",
      unit: { kind: "percent", decimals: 0, currency: null },
      columns: [0, 1, 2, 3, 4].map(month => ({ id: String(month), mark: "none" })),
      rows: MONTHS.slice(0, 5).map((key, index) => ({
        key,
        complete: true,
        values: [100, 84, 71, 66, 60].map((value, month) => (month > 4 - index ? null : value - index)),
        drill: null,
      })),
    }),
  },
  {
    name: "funnel",
    kind: "funnel",
    series: seriesOf({
      definition: "signups_funnel",
      axis: "names",
      unit: { kind: "count", decimals: 0, currency: null },
      rows: [
        { key: "started", complete: true, values: [312], drill: "#started" },
        { key: "paid", complete: true, values: [121], drill: null },
        { key: "live", complete: true, values: [118], drill: null },
      ],
    }),
  },
]

async function bundle() {
  const { outputFiles } = await fromWeb("esbuild").build({
    stdin: {
      contents: `import "./src/elements/series-chart.js"
        for (const { name, series, kind } of window.EXAMPLES) {
          const chart = document.createElement("series-chart")
          chart.id = name.replaceAll(" ", "-").replaceAll(",", "")
          const card = document.createElement("section")
          card.className = "card card-body"
          card.append(chart)
          document.querySelector("main").append(card)
          chart.show(series, { kind, title: name })
        }`,
      resolveDir: WEB,
      loader: "js",
    },
    bundle: true,
    write: false,
    format: "iife",
  })
  return outputFiles[0].text
}

/**
 * @param {import("./support.mjs").Page} page @param {{ language: "es" | "en", theme: string, css: string }} look
 */
export async function showGallery(page, { language, theme, css }) {
  const words = await readFile(new URL(`../../web/locales/${language}.json`, import.meta.url), "utf8")
  await page.setContent(
    `<!doctype html><html lang="${language}" data-theme="${theme}"><head><title>Charts</title></head><body><script type="application/json" id="messages">${words.replaceAll("<", "\\u003c")}</script><main class="p-4 grid gap-4 lg:grid-cols-2"><h1 class="page-title">Charts</h1><h2 class="sr-only">Kinds</h2></main></body></html>`,
  )
  await page.addStyleTag({ content: css })
  await page.evaluate(examples => Object.assign(window, { EXAMPLES: examples }), EXAMPLES)
  await page.addScriptTag({ content: await bundle() })
}
