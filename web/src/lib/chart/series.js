// A Series as the API sends it: names of its rows and columns, its table, its file and what it says in a sentence.

import { formatDate } from "../format.js"
import { label, locale, t } from "../messages.js"
import { momentName, periodName, readersZone } from "./time.js"
import { formatChange, formatValue, plainNumber } from "./units.js"

/** @typedef {import("./scale.js").Unit} Unit */
/** @typedef {import("./time.js").Granularity} Granularity */
/** @typedef {{ id: string, mark: "bar" | "area" | "line" | "none" }} Column */
/** @typedef {{ key: string, complete: boolean, values: (number | null)[], drill: string | null }} Row */
/** @typedef {{ from: string, to: string, word?: string | null }} Span `word`: how to ask for it while it runs */
/** @typedef {{ from: string, to: string, word: string | null, granularity: Granularity, zone: string, earlier: Span, later: Span | null }} Range */
/**
 * @typedef {{ definition: string, unit: Unit, axis: "periods" | "moments" | "names", range: Range | null, columns: Column[],
 *   rows: Row[], comparison: (Span & { rows: Row[] }) | null, limit: number | null }} Series
 */

/** @param {Series} series */
export const zoneOf = series => series.range?.zone ?? readersZone()
/** @param {Series} series */
export const titleOf = series => label("series", series.definition)
/** @param {Column} column */
export const columnName = column => label("series_column", column.id)

/** "2026-11-29" as people read it. @param {string} day */
export const dayName = day => formatDate(new Date(`${day}T12:00`))

/** Of which days, and of which currency: what a picture of it has to say by itself. @param {Series} series */
export function contextOf({ range, unit: { currency } }) {
  const days = range && t("range.days", { from: dayName(range.from), to: dayName(range.to), zone: range.zone })
  const code = currency?.toUpperCase()
  const name = code && `${new Intl.DisplayNames(locale, { type: "currency" }).of(code)} (${code})`
  return [days, name].filter(text => typeof text === "string")
}

/** @param {Series} series @param {Row} row */
export function rowName(series, { key }) {
  if (series.axis === "periods") return periodName(key, series.range?.granularity ?? "day")
  if (series.axis === "moments") return momentName(Date.parse(key), zoneOf(series))
  return label("series_row", key)
}

/** Which columns are compared: lines, since stacks beside stacks cannot be read. @param {Series} series */
export function comparedColumns(series) {
  const lines = series.columns.flatMap((column, index) => (column.mark === "line" ? [index] : []))
  return series.comparison ? lines : []
}

/** Head and rows of the table twin, newest first where it is about time. @param {Series} series @param {number} [most] */
export function tableOf(series, most = Number.POSITIVE_INFINITY) {
  const compared = comparedColumns(series)
  const head = [
    series.axis === "names" ? t("series_table.name") : t("series_table.time"),
    ...series.columns.map(columnName),
    ...compared.map(index => t("series_table.before", { name: columnName(series.columns[index]) })),
  ]
  const step = Math.max(1, Math.ceil(series.rows.length / most))
  const last = series.rows.length - 1
  const rows = series.rows
    .map((row, index) => ({ row, index }))
    .filter(({ index }) => (last - index) % step === 0)
    .map(({ row, index }) => ({
      name: rowName(series, row),
      drill: row.drill,
      complete: row.complete,
      cells: [
        ...row.values.map(value => formatValue(value, series.unit)),
        ...compared.map(column => formatValue(series.comparison?.rows[index]?.values[column], series.unit)),
      ],
    }))
  return { head, rows: series.axis === "names" ? rows : rows.reverse() }
}

/** Comma-separated, with plain numbers: another program reads it. @param {Series} series */
export function csvOf(series) {
  const compared = comparedColumns(series)
  const unit = series.unit.currency?.toUpperCase() ?? series.unit.kind
  const head = [
    series.axis === "names" ? "name" : `time (${zoneOf(series)})`,
    ...series.columns.map(({ id }) => `${id} (${unit})`),
    ...compared.map(index => `${series.columns[index].id} before (${unit})`),
    "complete",
  ]
  const lines = series.rows.map((row, index) => [
    row.key,
    ...row.values.map(value => plainNumber(value, series.unit)),
    ...compared.map(column => plainNumber(series.comparison?.rows[index]?.values[column], series.unit)),
    row.complete ? "yes" : "no",
  ])
  return `${[head, ...lines].map(cells => cells.map(csvCell).join(",")).join("\r\n")}\r\n`
}

/** Text that a spreadsheet would run is only shown; numbers stay numbers. @param {string} text */
function csvCell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The first and the last known value of a column. @param {Series} series @param {number} column */
export function endsOf(series, column) {
  const known = series.rows.filter(row => row.values[column] !== null && row.values[column] !== undefined)
  return known.length === 0 ? null : { first: known[0], last: known[known.length - 1] }
}

/** Where each drawn line stands and what it came from; a finding of the page's own may stand before it. @param {Series} series */
export function summaryOf(series) {
  const drawn = series.columns.flatMap((column, index) => (column.mark === "none" ? [] : [index]))
  const lines = drawn.filter(index => series.columns[index].mark === "line")
  const sentences = (lines.length > 0 ? lines : drawn).flatMap(index => {
    const ends = endsOf(series, index)
    if (!ends) return []
    const [first, last] = [Number(ends.first.values[index]), Number(ends.last.values[index])]
    const values = {
      name: columnName(series.columns[index]),
      value: formatValue(last, series.unit),
      at: rowName(series, ends.last),
    }
    if (ends.first === ends.last || series.axis === "names") return [t("series_summary.one", values)]
    return [
      t("series_summary.change", {
        ...values,
        change: formatChange(last - first, series.unit),
        since: rowName(series, ends.first),
      }),
    ]
  })
  const open = series.rows.some(row => !row.complete)
  if (sentences.length === 0) return t("series_summary.empty")
  return [...sentences, open && t("series_summary.open")].filter(Boolean).join(" ")
}
