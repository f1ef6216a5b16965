// A group of settings as a form: its fields come from the server's own description, so a new member needs words only.

import { byId, fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { ifMatch, staffRequest } from "../lib/session.js"
import { settingOf, textOf } from "../lib/setting-values.js"
import { sayOnPage } from "./answer.js"
import { EditedForm } from "./edited-form.js"
import { notice } from "./feedback.js"
import { drawField } from "./setting-fields.js"

/** @typedef {import("../lib/merge.js").Values} Values */
/** @typedef {import("../lib/setting-values.js").Field} Field */
/** @typedef {{ name: string, version: number, fields: Field[] }} Group */

/** @param {string} name @returns {Promise<Group>} */
export async function loadGroup(name) {
  const { data } = await staffRequest("GET", "/api/settings/groups")
  const group = data.find((/** @type {Group} */ one) => one.name === name)
  if (!group) throw new Error(`the server has no settings ${name}`)
  return group
}

/** @param {string} name @param {number} version @param {unknown} body */
export function saveGroup(name, version, body) {
  return staffRequest("PUT", `/api/settings/groups/${name}`, { body, headers: ifMatch({ version }) })
}

/** Says that it is saved. */
export async function sayItIsSaved() {
  sayOnPage(notice("positive", t("config.saved")))
}

/** @param {string} name @param {boolean} may */
export async function showSettingsForm(name, may) {
  const group = await loadGroup(name)
  const form = byId("edited-form", HTMLFormElement)
  const drawn = new Map(group.fields.map(field => [field.name, drawField(name, field)]))
  fill(byId("fields", HTMLElement), ...[...drawn.values()].map(({ row }) => row))
  const stored = (/** @type {Group} */ { fields, version }) => ({
    values: Object.fromEntries(fields.map(field => [field.name, textOf(field, field.value)])),
    version,
  })
  const bodyOf = (/** @type {Values} */ values) =>
    Object.fromEntries(group.fields.map(field => [field.name, settingOf(field, values[field.name])]))
  const edited = new EditedForm({
    form,
    values: () => Object.fromEntries([...drawn].map(([member, { read }]) => [member, read()])),
    write: values => {
      for (const [member, { write }] of drawn) write(values[member])
    },
    title: member => label("field", `${name}.${member}`),
    words: (member, value) => drawn.get(member)?.words(value) ?? value,
    load: async () => stored(await loadGroup(name)),
    save: async ({ values, version }) => {
      await saveGroup(name, version, bodyOf(values))
      return { values, version: version + 1 }
    },
    saved: sayItIsSaved,
  })
  edited.show(stored(group))
  lock(form, may)
}

/** Who may only read sees the values and why they cannot be changed. @param {HTMLFormElement} form @param {boolean} may */
export function lock(form, may) {
  if (may) return
  for (const control of form.querySelectorAll("input, select, textarea")) control.setAttribute("disabled", "")
  form.prepend(
    notice("info", t("settings.read_only"), h("p", {}, t("failed.permission"), " ", h("code", {}, "settings:write"))),
  )
}
