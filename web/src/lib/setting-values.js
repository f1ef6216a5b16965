// Members of a group of settings as the text of one field, and back: a text is what is compared, shown and merged.

/**
 * What the server says of one member of a group.
 * @typedef {{ name: string, type: "string" | "integer" | "number" | "boolean" | "enum" | "list", format: string, optional: boolean,
 *             options: string[], min: number | null, max: number | null, min_length: number | null, max_length: number | null,
 *             value: unknown, default_value: unknown }} Field
 */

const FORMATS = ["multiline", "color", "time-zone", "country", "currency", "minute-of-day", "weekdays"]

/** How it is drawn: by its format where that is known, else by its type. @param {Pick<Field, "type" | "format">} field */
export const kindOf = ({ type, format }) => (FORMATS.includes(format) ? format : type)

/** @param {Pick<Field, "type" | "format">} field @param {unknown} value */
export function textOf({ type, format }, value) {
  if (value === null || value === undefined) return ""
  if (type !== "list") return String(value)
  const items = /** @type {unknown[]} */ (value).map(String)
  return (format === "weekdays" ? items.sort() : items).join("\n")
}

/** @param {Pick<Field, "type" | "format" | "optional">} field @param {string} text @returns {unknown} */
export function settingOf({ type, format, optional }, text) {
  const trimmed = text.trim()
  if (type === "boolean") return trimmed === "true"
  if (type === "list") {
    const items = trimmed.split("\n").flatMap(item => item.trim() || [])
    return format === "weekdays" ? items.map(Number) : items
  }
  if (trimmed === "" && (optional || type !== "string")) return null
  return type === "integer" || type === "number" ? Number(trimmed) : trimmed
}

/** "09:05" of a minute of the day; its end is "24:00". @param {number} minute */
export function clockText(minute) {
  const [hours, minutes] = [Math.floor(minute / 60), minute % 60]
  return `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`
}

const QUARTER = 15

/** What can be chosen: every quarter of an hour, and what stands there now. @param {number} min @param {number} max @param {number} now */
export function minutesOfDay(min, max, now) {
  const quarters = Array.from({ length: (24 * 60) / QUARTER + 1 }, (_, index) => index * QUARTER)
  return [...new Set([...quarters, now])].filter(minute => minute >= min && minute <= max).sort((a, b) => a - b)
}

const A_MONDAY = Date.UTC(2024, 0, 1)
const DAY = 24 * 3600 * 1000

/** From Monday on. @param {string} locale */
export function weekdayNames(locale) {
  const format = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" })
  return Array.from({ length: 7 }, (_, index) => format.format(A_MONDAY + index * DAY))
}
