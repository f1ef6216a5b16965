// One member of a group of settings as a field: drawn from what the server says of it.

import { countries } from "../lib/countries.js"
import { h } from "../lib/dom.js"
import { label, locale, t } from "../lib/messages.js"
import { clockText, kindOf, minutesOfDay, weekdayNames } from "../lib/setting-values.js"

/** @typedef {import("../lib/setting-values.js").Field} Field */
/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {Record<string, string | number | boolean | undefined>} Attributes */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Single a control with a value of its own */
/**
 * A field that is drawn: `words` is a value as people read it.
 * @typedef {{ row: HTMLElement, read: () => string, write: (text: string) => void, words: (text: string) => string }} Drawn
 */

/** @param {string} group @param {Field} field @returns {Drawn} */
export function drawField(group, field) {
  const id = `setting-${field.name}`
  const code = `${group}.${field.name}`
  const parts = { id, code, title: label("field", code), hint: label("field_hint", code, "") }
  const draw = DRAWERS[kindOf(field)] ?? textField
  return draw(field, parts)
}

/** @typedef {{ id: string, code: string, title: string, hint: string }} Parts */

/** @type {Record<string, (field: Field, parts: Parts) => Drawn>} */
const DRAWERS = {
  multiline: (field, parts) => single(h("textarea", { ...named(field, parts), rows: 3 }), parts),
  list: (field, parts) => single(h("textarea", { ...named(field, parts), maxlength: undefined, rows: 4 }), parts),
  integer: numberField,
  number: numberField,
  boolean: switchField,
  enum: (field, parts) =>
    choice(
      field,
      parts,
      field.options.map(value => [value, label("field", `${parts.code}.${value}`)]),
    ),
  color: colourField,
  "time-zone": (field, parts) => choice(field, parts, withOwn(field, zones())),
  country: (field, parts) => choice(field, parts, countries()),
  currency: (field, parts) => choice(field, parts, withOwn(field, currencies())),
  "minute-of-day": minuteField,
  weekdays: weekdayField,
}

/** @param {Field} field @param {Parts} parts @returns {Attributes} */
function named(field, { id, hint }) {
  return {
    class: "input printed",
    id,
    name: field.name,
    autocomplete: "off",
    maxlength: field.max_length ?? undefined,
    required: !field.optional && (field.min_length ?? 0) > 0,
    "aria-describedby": hint && `${id}-hint`,
  }
}

/** @param {Single} control @param {Parts} parts @param {{ words?: (text: string) => string, shown?: HTMLElement }} [more] @returns {Drawn} */
function single(control, { id, title, hint }, { words = text => text || t("settings.nothing"), shown = control } = {}) {
  return {
    row: h("div", { class: "field" }, h("label", { for: id }, title), shown, ...below(id, hint)),
    read: () => control.value.trim().replaceAll("\r\n", "\n"),
    write: text => {
      control.value = text
    },
    words,
  }
}

/** @param {string} id @param {string} hint */
function below(id, hint) {
  const error = h("p", { class: "field-error", id: `${id}-error` })
  return hint ? [error, h("p", { class: "hint", id: `${id}-hint` }, hint)] : [error]
}

/** @param {Field} field @param {Parts} parts */
function textField(field, parts) {
  return single(h("input", { ...named(field, parts), type: "text" }), parts)
}

/** @param {Field} field @param {Parts} parts */
function numberField(field, parts) {
  const bounds = {
    min: field.min ?? undefined,
    max: field.max ?? undefined,
    step: field.type === "integer" ? 1 : "any",
  }
  const attributes = { ...named(field, parts), class: "input printed numbers", type: "number", ...bounds }
  return single(h("input", { ...attributes, inputmode: "decimal", required: !field.optional }), parts)
}

/** @param {Field} field @param {Parts} parts @returns {Drawn} */
function switchField(field, { id, title, hint }) {
  const attributes = { id, name: field.name, type: "checkbox", role: "switch", class: "size-6 flex-none" }
  const box = h("input", { ...attributes, "aria-describedby": hint && `${id}-hint` })
  return {
    row: h(
      "div",
      { class: "field" },
      h("label", { class: "flex min-h-6 items-center gap-2", for: id }, box, title),
      ...below(id, hint),
    ),
    read: () => String(box.checked),
    write: text => {
      box.checked = text === "true"
    },
    words: text => (text === "true" ? t("settings.on") : t("settings.off")),
  }
}

/** @param {Field} field @param {Parts} parts @param {[string, string][]} options values and their words */
function choice(field, parts, options) {
  const words = new Map(options)
  const list = options.map(([value, text]) => h("option", { value }, text))
  return single(h("select", named(field, parts), field.optional && h("option", { value: "" }, ""), ...list), parts, {
    words: text => words.get(text) ?? text,
  })
}

// What stands there now can always be kept, even where this browser does not know it.
/** @param {Field} field @param {[string, string][]} options @returns {[string, string][]} */
function withOwn(field, options) {
  const own = String(field.value ?? "")
  return options.some(([value]) => value === own) ? options : [[own, own], ...options]
}

/** @returns {[string, string][]} */
function zones() {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter(name => name !== "UTC")].map(name => [
    name,
    name.replaceAll("_", " "),
  ])
}

/** @returns {[string, string][]} */
function currencies() {
  const names = new Intl.DisplayNames(locale, { type: "currency" })
  return Intl.supportedValuesOf("currency").map(code => [code.toLowerCase(), `${code} – ${names.of(code)}`])
}

/** @param {Field} field @param {Parts} parts */
function minuteField(field, parts) {
  const minutes = minutesOfDay(field.min ?? 0, field.max ?? 24 * 60, Number(field.value))
  return choice(
    field,
    parts,
    minutes.map(minute => [String(minute), clockText(minute)]),
  )
}

/** @param {Field} field @param {Parts} parts @returns {Drawn} */
function weekdayField(field, { id, title, hint }) {
  const names = weekdayNames(locale)
  const boxes = names.map((_, index) => h("input", { type: "checkbox", class: "size-6 flex-none", value: index + 1 }))
  const checked = () => boxes.flatMap(box => (box.checked ? box.value : []))
  const rows = boxes.map((box, index) =>
    h("label", { class: "inline-flex min-h-7 items-center gap-2" }, box, names[index]),
  )
  return {
    row: h(
      "fieldset",
      { class: "field", id, name: field.name, "aria-describedby": hint && `${id}-hint` },
      h("legend", { class: "field-label" }, title),
      h("div", { class: "mt-1 flex flex-wrap gap-x-5 gap-y-1" }, ...rows),
      ...below(id, hint),
    ),
    read: () => checked().join("\n"),
    write: text => {
      for (const box of boxes) box.checked = text.split("\n").includes(box.value)
    },
    words: text =>
      text
        .split("\n")
        .map(day => names[Number(day) - 1])
        .join(", ") || t("settings.nothing"),
  }
}

/** A text that a picker fills in, too. @param {Field} field @param {Parts} parts */
function colourField(field, parts) {
  const text = h("input", { ...named(field, parts), type: "text", spellcheck: "false", placeholder: "#rrggbb" })
  const picker = h("input", { type: "color", class: "colour-picker", "aria-label": t("settings.pick_colour") })
  picker.addEventListener("input", () => {
    text.value = picker.value
    text.dispatchEvent(new Event("input", { bubbles: true }))
  })
  const follow = () => {
    if (/^#[0-9a-f]{6}$/i.test(text.value)) picker.value = text.value
  }
  text.addEventListener("input", follow)
  const drawn = single(text, parts, { shown: h("div", { class: "flex gap-2" }, picker, text) })
  const write = (/** @type {string} */ value) => {
    drawn.write(value)
    follow()
  }
  return { ...drawn, write, words: (/** @type {string} */ value) => value || t("settings.own_colours") }
}
