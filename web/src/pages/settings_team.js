// The team: who is in it, with which role; inviting, changing and removing people.

import "../elements/status-badge.js"
import { mdiShieldCheckOutline, mdiShieldOffOutline } from "@mdi/js"
import { beside, sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor, selectFor, values } from "../elements/form-dialog.js"
import { dangerousRequest } from "../elements/step-up.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label, language, languageName, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { ifMatch, staffRequest } from "../lib/session.js"
import { isWithin, loadRoles, roleSelect, roleTitle } from "../lib/team.js"

/** @typedef {import("../lib/team.js").Role} Role */
/**
 * @typedef {{ id: string, email: string, name: string, role: string, state: string, second_factor: boolean,
 *             last_login_at: string | null, created_at: string, version: number }} Person
 * @typedef {{ id: string, email: string, name: string, role: string, locale: string, invited_by_name: string | null,
 *             created_at: string, sent_at: string, expires_at: string, expired: boolean }} Invitation
 */

/** @type {import("../lib/session.js").Me} */
let user
/** @type {Role[]} */
let roles = []
const table = byId("table", DataTable)
const invitations = byId("invitations-table", DataTable)

startConsole().then(
  async person => {
    user = person
    roles = await loadRoles().catch(() => [])
    byId("invite", HTMLButtonElement).addEventListener("click", invite)
    await Promise.all([table.start(team()), invitations.start(invited())])
    areBothThere = true
    showInvitations()
  },
  () => {},
)

/** @returns {import("../elements/data-table/data-table.js").Table<Person>} */
const team = () => ({
  path: "/api/settings/team",
  list: "team",
  title: t("team.title"),
  heads: id => label("column.team", id),
  order: "name",
  search: { ...rule("GET /api/settings/team", "q"), label: t("team.search") },
  filters: [
    { ...rule("GET /api/settings/team", "role"), values: roles.map(({ name }) => name), words: titleOf },
    { ...rule("GET /api/settings/team", "state"), words: state => label("state", state) },
  ],
  columns: [
    { id: "name", sort: "name", exported: ["name", "email"], cell: nameCell },
    { id: "role", cell: ({ role }, only) => only("role", role, titleOf(role)) },
    { id: "state", first: true, cell: ({ state }, only) => only("state", state, h("status-badge", { value: state })) },
    { id: "second_factor", first: true, cell: factorBadge },
    {
      id: "last_login_at",
      numeric: true,
      cell: ({ last_login_at: time }) => (time ? timeText(time) : t("team.never")),
    },
    {
      id: "created_at",
      sort: "created_at",
      numeric: true,
      hidden: true,
      cell: ({ created_at: time }) => timeText(time),
    },
  ],
  actions: mayChange() ? person => smallButton(t("team.change"), person.name, () => edit(person)) : undefined,
  none: { title: t("team.none"), text: t("team.none_text") },
})

// The team's height is known only when it has come: what stands below waits for it.
let areBothThere = false
let invitationCount = 0

function showInvitations() {
  byId("invitations", HTMLElement).hidden = !areBothThere || invitationCount === 0
}

/** @returns {import("../elements/data-table/data-table.js").Table<Invitation>} */
const invited = () => ({
  embedded: true,
  path: "/api/settings/invitations",
  title: t("team.invitations"),
  heads: id => label("column.invitations", id),
  order: "-id",
  columns: [
    {
      id: "name",
      cell: ({ name, email }) => [
        h("span", { class: "table-name block", translate: "no", title: name, dir: "auto" }, name),
        h("span", { class: "table-name block font-normal text-soft", title: email }, email),
      ],
    },
    { id: "role", cell: ({ role }) => titleOf(role) },
    { id: "invited_by_name", cell: ({ invited_by_name: name }) => h("span", { translate: "no" }, name) },
    {
      id: "expires_at",
      cell: ({ expired, expires_at: time }) => (expired ? h("status-badge", { value: "expired" }) : exactTime(time)),
    },
  ],
  actions: mayChange() ? invitationActions : undefined,
  none: { title: "", text: "" },
  drawn: rows => {
    invitationCount = rows.length
    showInvitations()
  },
})

const mayChange = () => user.scopes.includes("team:write")
/** @param {string} name */
const titleOf = name => roleTitle(roles.find(role => role.name === name) ?? { name, title: name })
/** @param {Person} person @param {string} sentence */
async function tell({ id }, sentence) {
  const answer = beside(id)
  await table.reload()
  answer(notice("positive", sentence))
}

/** An invitation goes by mail, or waits here for somebody to hand it over. @param {{ kept_mail?: string | null } | null} sent @param {string} sentence */
function whereItIs(sent, sentence) {
  if (!sent?.kept_mail) return notice("positive", sentence)
  const mail = user.scopes.includes("mails:read")
    ? h("a", { href: `/admin/mails/${sent.kept_mail}` }, t("team.kept_mail"))
    : t("team.kept_elsewhere")
  return notice("caution", t("team.kept"), h("p", {}, mail))
}

/** @param {Person} person */
const nameCell = ({ id, name, email }) => [
  h(
    "span",
    { class: "table-name block", title: name, translate: "no", dir: "auto" },
    name,
    id === user.id && ` (${t("team.you")})`,
  ),
  h("span", { class: "table-name block font-normal text-soft", title: email }, email),
]

/** @param {Person} person */
const factorBadge = ({ second_factor: has }) =>
  has
    ? h("span", { class: "badge tone-positive" }, icon(mdiShieldCheckOutline), t("team.factor_yes"))
    : h("span", { class: "badge" }, icon(mdiShieldOffOutline), t("team.factor_no"))

/** @param {string} text @param {string} whom @param {() => void} act */
const smallButton = (text, whom, act) =>
  h(
    "button",
    { type: "button", class: "button button-small", onclick: act },
    text,
    h("span", { class: "sr-only", translate: "no" }, ` ${whom}`),
  )

async function invite() {
  /** @type {{ kept_mail?: string | null } | null} */
  let sent = null
  const least = roles.findLast(role => isWithin(user.scopes, role.scopes))?.name ?? ""
  const done = await formDialog({
    title: t("team.invite_title"),
    lead: t("team.invite_lead"),
    action: t("team.send_invitation"),
    fields: [
      field(t("field.name"), inputFor("POST /api/settings/invitations", "name")),
      field(t("field.email"), inputFor("POST /api/settings/invitations", "email")),
      field(
        t("field.role"),
        roleSelect(roles, user.scopes, roles.some(role => role.name === "support") ? "support" : least),
        h("p", { class: "hint" }, t("team.role_hint")),
      ),
      field(
        t("team.locale"),
        selectFor("POST /api/settings/invitations", "locale", languageName, { chosen: language }),
      ),
    ],
    submit: async form => {
      sent = await dangerousRequest("POST", "/api/settings/invitations", { body: values(form) })
    },
  })
  if (!done) return
  sayOnPage(whereItIs(sent, t("team.invited")))
  await invitations.reload()
}

/** @param {Person} shown */
async function edit(shown) {
  const path = `/api/settings/team/${shown.id}`
  let person = shown
  const name = inputFor("PATCH /api/settings/team/{id}", "name", { value: person.name })
  const role = roleSelect(roles, user.scopes, person.role)
  const disabled = h("input", {
    type: "checkbox",
    name: "disabled",
    class: "size-5",
    checked: person.state === "disabled",
  })
  const conflict = h("div", { class: "empty:hidden" })
  const removal = h("button", { type: "button", class: "button button-danger-quiet" }, t("team.remove"))
  removal.addEventListener("click", async () => {
    removal.closest("dialog")?.close()
    await remove(person)
  })
  const reset = h("button", { type: "button", class: "button" }, t("team.reset_factors"))
  reset.addEventListener("click", async () => {
    reset.closest("dialog")?.close()
    await resetFactors(person)
  })
  const done = await formDialog({
    title: t("team.change_title", { name: person.name }),
    lead: person.email,
    action: t("dialog.save"),
    before: [removal, person.second_factor && user.scopes.includes("security:write") && reset],
    fields: [
      conflict,
      field(t("field.name"), name),
      field(t("field.role"), role, h("p", { class: "hint" }, t("team.at_once"))),
      h(
        "div",
        { class: "field" },
        h("label", { class: "flex items-center gap-2.5" }, disabled, h("span", {}, t("team.disable"))),
        h("p", { class: "hint" }, t("team.disable_hint")),
        h("p", { class: "field-error", id: "disabled-error" }),
      ),
    ],
    submit: async () => {
      const body = {
        ...(name.value.trim() !== person.name && { name: name.value.trim() }),
        ...(role.value !== person.role && { role: role.value }),
        ...(disabled.checked !== (person.state === "disabled") && { disabled: disabled.checked }),
      }
      try {
        await dangerousRequest("PATCH", path, { body, headers: ifMatch(person) })
      } catch (problem) {
        if (problem instanceof ApiProblem && problem.code === "version_outdated") {
          person = problem.body.current
          fill(conflict, bothVersions(person, { name: name.value, role: role.value, disabled: disabled.checked }))
        }
        throw problem
      }
    },
  })
  if (!done) return
  await tell(shown, t("team.changed", { name: name.value.trim() }))
}

/** What somebody else saved meanwhile, beside what is in the form. @param {Person} now @param {{ name: string, role: string, disabled: boolean }} mine */
function bothVersions(now, mine) {
  const state = (/** @type {boolean} */ off) => h("status-badge", { value: off ? "disabled" : "active" })
  return h(
    "table",
    { class: "table" },
    h(
      "thead",
      {},
      h("tr", {}, h("td", {}), h("th", { scope: "col" }, t("team.theirs")), h("th", { scope: "col" }, t("team.yours"))),
    ),
    h(
      "tbody",
      {},
      h("tr", {}, h("th", { scope: "row" }, t("field.name")), h("td", {}, now.name), h("td", {}, mine.name)),
      h(
        "tr",
        {},
        h("th", { scope: "row" }, t("field.role")),
        h("td", {}, titleOf(now.role)),
        h("td", {}, titleOf(mine.role)),
      ),
      h(
        "tr",
        {},
        h("th", { scope: "row" }, t("team.state")),
        h("td", {}, state(now.state === "disabled")),
        h("td", {}, state(mine.disabled)),
      ),
    ),
  )
}

/** @param {Person} person */
async function remove(person) {
  const done = await formDialog({
    title: t("team.remove_title", { name: person.name }),
    lead: h(
      "ul",
      { class: "list-disc ps-5" },
      h("li", {}, t("team.remove_sessions")),
      h("li", {}, t("team.remove_keys")),
      h("li", {}, t("team.remove_records")),
    ),
    fields: [],
    danger: true,
    action: t("team.remove_action", { name: person.name }),
    submit: () => dangerousRequest("DELETE", `/api/settings/team/${person.id}`),
  })
  if (!done) return
  await tell(person, t("team.removed", { name: person.name }))
}

/** For somebody who lost theirs. @param {Person} person */
async function resetFactors(person) {
  const done = await formDialog({
    title: t("team.reset_title", { name: person.name }),
    lead: t("team.reset_lead"),
    fields: [h("p", {}, user.sends_mail ? t("team.reset_told") : t("team.reset_kept"))],
    danger: true,
    action: t("team.reset_action", { name: person.name }),
    submit: () => dangerousRequest("POST", `/api/settings/team/${person.id}/reset-second-factors`),
  })
  if (!done) return
  await tell(person, t("team.reset_done", { name: person.name }))
}

/** @param {Invitation} invitation */
function invitationActions({ id, email }) {
  /** @param {string} text @param {() => Promise<any>} action @param {string} sentence */
  const button = (text, action, sentence) =>
    smallButton(text, email, async () => {
      const answer = beside(id)
      try {
        const sent = await action()
        await invitations.reload()
        answer(whereItIs(sent, sentence))
      } catch (problem) {
        answer(failedCard(problem))
      }
    })
  const path = `/api/settings/invitations/${id}`
  return h(
    "div",
    { class: "flex flex-wrap justify-end gap-2" },
    button(t("team.resend"), () => staffRequest("POST", `${path}/resend`), t("team.resent")),
    button(t("team.revoke"), () => staffRequest("DELETE", path), t("team.revoked")),
  )
}
