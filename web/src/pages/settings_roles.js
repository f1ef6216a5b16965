// Roles: the matrix of permissions, what a role would see, roles of one's own making, who must have a second factor.

import { mdiCheck, mdiMinus } from "@mdi/js"
import { sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor } from "../elements/form-dialog.js"
import { chosenScopes, scopeChoice } from "../elements/scope-choice.js"
import { dangerousRequest } from "../elements/step-up.js"
import { byId, fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { ifMatch } from "../lib/session.js"
import { isWithin, loadRoles, loadScopes, roleTitle, scopeWords } from "../lib/team.js"

/** @typedef {import("../lib/team.js").Role} Role */

/** @type {import("../lib/session.js").Me} */
let user
/** @type {Role[]} */
let roles = []
/** @type {import("../lib/team.js").Scope[]} */
let scopes = []
const viewRole = byId("view-role", HTMLSelectElement)

startConsole().then(
  person => {
    user = person
    byId("new-role", HTMLButtonElement).addEventListener("click", make)
    viewRole.addEventListener("change", () => {
      history.replaceState(history.state, "", `${location.pathname}?role=${viewRole.value}`)
      drawView()
    })
    return load()
  },
  () => {},
)

/** @param {string} sentence */
const say = sentence => sayOnPage(notice("positive", sentence))

async function load() {
  const waiting = byId("waiting", HTMLElement)
  try {
    ;[roles, scopes] = await Promise.all([loadRoles(), loadScopes()])
    fill(byId("problem", HTMLElement))
    byId("content", HTMLElement).hidden = false
    draw()
  } catch (problem) {
    fill(byId("problem", HTMLElement), failedCard(problem, load))
  }
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

function draw() {
  fill(byId("roles", HTMLTableSectionElement), ...roles.map(roleRow))
  fill(
    byId("matrix-head", HTMLTableRowElement),
    h("th", { scope: "col", class: "sticky-column" }, t("scopes.one")),
    ...roles.map(role => h("th", { scope: "col", class: "align-center" }, roleTitle(role))),
  )
  fill(byId("matrix", HTMLTableSectionElement), ...scopes.map(matrixRow))
  const chosen = viewRole.value || new URLSearchParams(location.search).get("role") || "support"
  fill(viewRole, ...roles.map(role => h("option", { value: role.name }, roleTitle(role))))
  viewRole.value = roles.some(role => role.name === chosen) ? chosen : roles[0].name
  drawView()
}

/** @param {Role} role */
function roleRow(role) {
  const may = user.scopes.includes("roles:write")
  const within = isWithin(user.scopes, role.scopes)
  return h(
    "tr",
    { "data-role": role.name },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h("span", { class: "block" }, roleTitle(role)),
      h("span", { class: "block font-normal text-soft" }, role.built_in ? t("roles.built_in") : role.name),
    ),
    h("td", { class: "align-end" }, role.people),
    h("td", { class: "align-end" }, role.scopes.length),
    h(
      "td",
      {},
      role.second_factor_required ? t("roles.factor_required", { count: role.grace_days }) : t("roles.factor_optional"),
    ),
    h(
      "td",
      { class: "align-end" },
      may &&
        h(
          "button",
          {
            type: "button",
            class: "button button-small",
            disabled: !within,
            title: !within && t("api_keys.beyond"),
            onclick: () => change(role),
          },
          t("team.change"),
          h("span", { class: "sr-only" }, ` ${roleTitle(role)}`),
        ),
    ),
  )
}

/** @param {import("../lib/team.js").Scope} item */
function matrixRow({ scope, endpoints }) {
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h(
        "details",
        {},
        h("summary", { class: "min-h-6 cursor-pointer" }, scopeWords(scope)),
        h("code", { class: "block text-sm font-normal text-soft" }, scope),
        h(
          "ul",
          { class: "mt-1 text-sm font-normal text-soft" },
          ...endpoints.map(({ method, path }) => h("li", {}, h("code", {}, `${method} ${path}`))),
        ),
      ),
    ),
    ...roles.map(role => {
      const has = role.scopes.includes(scope)
      return h(
        "td",
        { class: `align-center ${has ? "text-positive" : "text-soft"}` },
        icon(has ? mdiCheck : mdiMinus),
        h("span", { class: "sr-only" }, has ? t("roles.yes") : t("roles.no")),
      )
    }),
  )
}

/** What the console looks like for somebody with this role: its navigation and its endpoints. */
function drawView() {
  const role = /** @type {Role} */ (roles.find(candidate => candidate.name === viewRole.value))
  const entries = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".rail nav li, .settings-nav li"))
  const seen = [...entries].map(entry => ({
    text: entry.textContent?.trim() ?? "",
    visible: !entry.dataset.scope || role.scopes.includes(entry.dataset.scope),
  }))
  const allowed = scopes.filter(({ scope }) => role.scopes.includes(scope))
  const endpoints = allowed.flatMap(item => item.endpoints)
  fill(
    byId("view", HTMLDivElement),
    h(
      "div",
      {},
      h("h3", { class: "text-base" }, t("roles.navigation")),
      h(
        "ul",
        { class: "mt-2 grid gap-1" },
        ...seen.map(({ text, visible }) =>
          h(
            "li",
            { class: `flex items-center gap-2 ${visible ? "" : "text-soft line-through"}` },
            icon(visible ? mdiCheck : mdiMinus),
            text,
            !visible && h("span", { class: "sr-only" }, ` (${t("roles.hidden")})`),
          ),
        ),
      ),
    ),
    h(
      "div",
      { class: "min-w-0" },
      h("h3", { class: "text-base" }, t("roles.endpoints", { count: endpoints.length })),
      h(
        "ul",
        { class: "mt-2 grid gap-1 text-sm" },
        ...endpoints.map(({ method, path, step_up }) =>
          h(
            "li",
            { class: "wrap-anywhere" },
            h("code", {}, `${method} ${path}`),
            step_up && h("span", { class: "text-soft" }, ` · ${t("roles.step_up")}`),
          ),
        ),
      ),
    ),
  )
}

async function make() {
  const done = await formDialog({
    title: t("roles.new"),
    lead: t("roles.new_lead"),
    action: t("roles.create"),
    fields: [
      field(t("field.name"), inputFor("POST /api/settings/roles", "title")),
      field(
        t("roles.name"),
        inputFor("POST /api/settings/roles", "name", { class: "input font-mono", autocapitalize: "none" }),
        h("p", { class: "hint" }, t("roles.name_hint")),
      ),
      scopeChoice(scopes, user.scopes, []),
    ],
    submit: form => {
      const data = new FormData(form)
      const body = {
        name: String(data.get("name")).trim(),
        title: String(data.get("title")).trim(),
        scopes: chosenScopes(form),
      }
      return dangerousRequest("POST", "/api/settings/roles", { body })
    },
  })
  if (!done) return
  say(t("roles.created"))
  await load()
}

/** @param {Role} role */
async function change(role) {
  const path = `/api/settings/roles/${role.name}`
  const headers = ifMatch(role)
  const title = inputFor("PATCH /api/settings/roles/{name}", "title", { value: role.title })
  const required = h("input", {
    type: "checkbox",
    class: "size-5",
    name: "second_factor_required",
    checked: role.second_factor_required,
  })
  const grace = inputFor("PATCH /api/settings/roles/{name}", "grace_days", {
    class: "input w-28",
    value: role.grace_days,
  })
  const removal = h(
    "button",
    {
      type: "button",
      class: "button button-danger-quiet",
      disabled: role.people > 0,
      title: role.people > 0 && t("roles.in_use"),
    },
    t("roles.delete"),
  )
  removal.addEventListener("click", async () => {
    removal.closest("dialog")?.close()
    await remove(role)
  })
  const done = await formDialog({
    title: t("roles.change_title", { name: roleTitle(role) }),
    lead: role.built_in ? t("roles.built_in_lead") : t("team.at_once"),
    action: t("dialog.save"),
    before: role.built_in ? [] : [removal],
    fields: [
      ...(role.built_in ? [] : [field(t("field.name"), title), scopeChoice(scopes, user.scopes, role.scopes)]),
      h(
        "div",
        { class: "field" },
        h("label", { class: "flex items-center gap-2.5" }, required, h("span", {}, t("roles.require_factor"))),
      ),
      field(t("roles.grace_days"), grace, h("p", { class: "hint" }, t("roles.grace_hint"))),
    ],
    submit: form => {
      const body = {
        ...(!role.built_in && { title: title.value.trim(), scopes: chosenScopes(form) }),
        second_factor_required: required.checked,
        grace_days: Number(grace.value),
      }
      return dangerousRequest("PATCH", path, { body, headers })
    },
  })
  if (!done) return
  say(t("roles.changed"))
  await load()
}

/** @param {Role} role */
async function remove(role) {
  const done = await formDialog({
    title: t("roles.delete_title", { name: roleTitle(role) }),
    lead: t("roles.delete_lead"),
    fields: [],
    danger: true,
    action: t("roles.delete_action", { name: roleTitle(role) }),
    submit: () => dangerousRequest("DELETE", `/api/settings/roles/${role.name}`, { headers: ifMatch(role) }),
  })
  if (!done) return
  say(t("roles.deleted"))
  await load()
}
