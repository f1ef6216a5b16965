// How long rows are kept: a period for each table that has one, and why the others stay.

import { startConsole } from "../elements/console-shell.js"
import { EditedForm } from "../elements/edited-form.js"
import { loadGroup, lock, saveGroup, sayItIsSaved } from "../elements/settings-form.js"
import { openSettings } from "../elements/settings-page.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {{ name: string, table: string, days: number, own_days: number, least_days: number }} Rule */
/** @typedef {{ table: string }} Kept */
/** @typedef {{ rule_name: string, days: number }} Chosen */
/** @typedef {import("../lib/merge.js").Values} Values */

const GROUP = "retention"

startConsole().then(
  user => openSettings(() => show(user.scopes.includes("settings:write"))),
  () => {},
)

/** @param {boolean} may */
async function show(may) {
  /** @type {{ rules_in_force: Rule[], kept_for_ever: Kept[] }} */
  const { rules_in_force: rules, kept_for_ever: kept } = await staffRequest("GET", "/api/settings/retention")
  const form = byId("edited-form", HTMLFormElement)
  fill(byId("rules", HTMLElement), ...rules.map(period))
  fill(byId("kept", HTMLElement), ...kept.map(keptTable))
  const control = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
  const names = rules.map(({ name }) => name)
  const edited = new EditedForm({
    form,
    values: () => Object.fromEntries(names.map(name => [name, control(name).value.trim()])),
    write: values => {
      for (const name of names) {
        control(name).value = values[name]
        showUnit(control(name))
      }
    },
    title: titleOf,
    words: (name, value) => days(Number(value || rules.find(one => one.name === name)?.own_days)),
    load: () => load(names),
    save: async ({ values, version }) => {
      await saveGroup(GROUP, version, { chosen: chosenOf(values) })
      return { values, version: version + 1 }
    },
    saved: sayItIsSaved,
    // The server counts what was sent; people see tables.
    explain: (problem, values) => {
      const sent = chosenOf(values)
      for (const error of problem.errors) {
        const [, index] = error.pointer.match(/^\/chosen\/(\d+)/) ?? []
        if (index) error.pointer = `/${sent[Number(index)]?.rule_name}`
      }
    },
  })
  edited.show(await load(names))
  lock(form, may)
}

/** @param {string[]} names */
async function load(names) {
  const { fields, version } = await loadGroup(GROUP)
  const chosen = /** @type {Chosen[]} */ (fields.find(({ name }) => name === "chosen")?.value)
  const periods = new Map(chosen.map(one => [one.rule_name, String(one.days)]))
  return { values: Object.fromEntries(names.map(name => [name, periods.get(name) ?? ""])), version }
}

/** What is not empty, in the order of the table. @param {Values} values @returns {Chosen[]} */
function chosenOf(values) {
  return Object.entries(values).flatMap(([name, text]) => (text ? { rule_name: name, days: Number(text) } : []))
}

/** @param {string} name */
const titleOf = name => label("retention", name, name)
/** @param {number} count */
const days = count => t("retention_page.days", { count })

/** "1 día", "30 días": what is empty counts as what it stands for. @param {HTMLInputElement} input */
function showUnit(input) {
  const unit = input.nextElementSibling
  if (unit) setText(unit, t("retention_page.unit", { count: Number(input.value || input.placeholder) }))
}

/** @param {Rule} rule */
function period({ name, own_days: own, least_days: least }) {
  const id = `period-${name.replace(/\W/g, "-")}`
  const attributes = {
    ...rule("PUT /api/settings/groups/retention", "chosen/days"),
    id,
    name,
    min: least,
    required: false,
    inputmode: "numeric",
    placeholder: own,
  }
  const input = h("input", {
    ...attributes,
    class: "input printed numbers",
    autocomplete: "off",
    "aria-describedby": `${id}-hint`,
    oninput: () => showUnit(input),
  })
  return h(
    "li",
    { class: "grid items-center gap-x-6 gap-y-2 px-4.5 py-3 sm:grid-cols-[1fr_10rem]" },
    h(
      "div",
      { class: "grid gap-0.5" },
      h("label", { class: "font-medium", for: id }, titleOf(name)),
      h("p", { class: "hint" }, label("retention_why", name)),
      h("p", { class: "hint", id: `${id}-hint` }, t("retention_page.bounds", { own: days(own), least: days(least) })),
    ),
    h(
      "div",
      { class: "field" },
      h("div", { class: "with-suffix" }, input, h("span", { class: "suffix" })),
      h("p", { class: "field-error", id: `${id}-error` }),
    ),
  )
}

/** @param {Kept} kept */
function keptTable({ table }) {
  return h(
    "div",
    {},
    h("dt", { class: "font-medium" }, label("retention", table, table)),
    h("dd", { class: "hint" }, label("retention_why", table)),
  )
}
