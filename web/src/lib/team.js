// People, roles and permissions as the pages of the settings show them.

import { h } from "./dom.js"
import { label } from "./messages.js"
import { staffRequest } from "./session.js"

/**
 * @typedef {{ name: string, title: string, built_in: boolean, scopes: string[], second_factor_required: boolean,
 *             grace_days: number, people: number, version: number }} Role
 * @typedef {{ method: string, path: string, summary: string, step_up: boolean }} EndpointName
 * @typedef {{ scope: string, endpoints: EndpointName[] }} Scope
 */

/** @returns {Promise<Role[]>} */
export const loadRoles = async () => (await staffRequest("GET", "/api/settings/roles")).data

/** @returns {Promise<Scope[]>} */
export const loadScopes = async () => (await staffRequest("GET", "/api/settings/scopes")).data

/** Built-in roles have a name in every language, others the one they were given. @param {Pick<Role, "name" | "title">} role */
export const roleTitle = role => label("role", role.name, role.title)

/** Whether somebody with these permissions may give them all. @param {string[]} own @param {string[]} wanted */
export const isWithin = (own, wanted) => wanted.every(scope => own.includes(scope))

/** The choice of a role; what goes beyond one's own permissions cannot be chosen. */
/** @param {Role[]} roles @param {string[]} own @param {string} chosen */
export function roleSelect(roles, own, chosen) {
  return h(
    "select",
    { class: "input", name: "role", autocomplete: "off" },
    ...roles.map(role =>
      h(
        "option",
        { value: role.name, selected: role.name === chosen, disabled: !isWithin(own, role.scopes) },
        roleTitle(role),
      ),
    ),
  )
}

/** Names of permissions in words: "tenants:read" is "Tenants · see". @param {string} scope */
export function scopeWords(scope) {
  const [noun, verb] = scope.split(":")
  return `${label("scope_noun", noun)} · ${label("scope_verb", verb)}`
}
