// The team: who is in it, with which role; inviting, changing and removing people.

import "../elements/status-badge.js"
import { mdiShieldCheckOutline, mdiShieldOffOutline } from "@mdi/js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { field, formDialog } from "../elements/form-dialog.js"
import { ListPage, showWithList } from "../elements/list-page.js"
import { dangerousRequest } from "../elements/step-up.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { language, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
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
/** @type {ListPage<Person>} */
let list

startConsole().then(
  async person => {
    user = person
    roles = await loadRoles().catch(() => [])
    byId("filter-role", HTMLSelectElement).append(
      ...roles.map(role => h("option", { value: role.name }, roleTitle(role))),
    )
    list = new ListPage({
      load: (query, signal) => staffRequest("GET", `/api/settings/team?${query}`, { signal }),
      row: personRow,
      empty: filtered =>
        filtered
          ? emptyCard(
              t("team.no_match"),
              t("team.no_match_text"),
              h("button", { type: "button", class: "button", onclick: () => list.clear() }, t("tenants.clear_all")),
            )
          : emptyCard(t("team.none"), t("team.none_text")),
    })
    byId("invite", HTMLButtonElement).addEventListener("click", invite)
    await showWithList(list.reload(), loadInvitations())
  },
  () => {},
)

const mayChange = () => user.scopes.includes("team:write")
/** @param {string} name */
const titleOf = name => roleTitle(roles.find(role => role.name === name) ?? { name, title: name })
/** @param {string} sentence */
const say = sentence => fill(byId("done", HTMLDivElement), notice("positive", sentence))

/** An invitation goes by mail, or waits here for somebody to hand it over. @param {{ kept_mail?: string | null } | null} sent @param {string} sentence */
function sayWhereItIs(sent, sentence) {
  if (!sent?.kept_mail) return say(sentence)
  const mail = user.scopes.includes("mails:read")
    ? h("a", { href: `/admin/mails/${sent.kept_mail}` }, t("team.kept_mail"))
    : t("team.kept_elsewhere")
  fill(byId("done", HTMLDivElement), notice("caution", t("team.kept"), h("p", {}, mail)))
}

/** @param {Person} person */
function personRow(person) {
  const own = person.id === user.id
  return h(
    "tr",
    { "data-id": person.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h(
        "span",
        { class: "table-name block", title: person.name, translate: "no" },
        person.name,
        own && ` (${t("team.you")})`,
      ),
      h("span", { class: "table-name block font-normal text-soft", title: person.email }, person.email),
    ),
    h("td", {}, titleOf(person.role)),
    h("td", {}, h("status-badge", { value: person.state })),
    h(
      "td",
      {},
      person.second_factor
        ? h("span", { class: "badge tone-positive" }, icon(mdiShieldCheckOutline), t("team.factor_yes"))
        : h("span", { class: "badge" }, icon(mdiShieldOffOutline), t("team.factor_no")),
    ),
    h("td", { class: "align-end" }, person.last_login_at ? timeText(person.last_login_at) : t("team.never")),
    mayChange() &&
      h(
        "td",
        { class: "align-end" },
        h(
          "button",
          { type: "button", class: "button button-small", onclick: () => edit(person) },
          t("team.change"),
          h("span", { class: "sr-only", translate: "no" }, ` ${person.name}`),
        ),
      ),
  )
}

async function invite() {
  /** @type {{ kept_mail?: string | null } | null} */
  let sent = null
  const least = roles.findLast(role => isWithin(user.scopes, role.scopes))?.name ?? ""
  const done = await formDialog({
    title: t("team.invite_title"),
    lead: t("team.invite_lead"),
    action: t("team.send_invitation"),
    fields: [
      field(t("team.name"), h("input", { class: "input", name: "name", autocomplete: "off", maxlength: 120 })),
      field(
        t("team.email"),
        h("input", { class: "input", name: "email", type: "email", autocomplete: "off", maxlength: 254 }),
      ),
      field(
        t("team.role"),
        roleSelect(roles, user.scopes, roles.some(role => role.name === "support") ? "support" : least),
        h("p", { class: "hint" }, t("team.role_hint")),
      ),
      field(
        t("team.locale"),
        h(
          "select",
          { class: "input", name: "locale", autocomplete: "off" },
          h("option", { value: "es", lang: "es", selected: language === "es" }, "Español"),
          h("option", { value: "en", lang: "en", selected: language === "en" }, "English"),
        ),
      ),
    ],
    submit: async form => {
      const body = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]))
      sent = await dangerousRequest("POST", "/api/settings/invitations", { body })
    },
  })
  if (!done) return
  sayWhereItIs(sent, t("team.invited"))
  await loadInvitations()
}

/** @param {Person} shown */
async function edit(shown) {
  const path = `/api/settings/team/${shown.id}`
  let person = shown
  const name = h("input", { class: "input", name: "name", value: person.name, autocomplete: "off", maxlength: 120 })
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
    action: t("team.save"),
    before: [removal, person.second_factor && user.scopes.includes("security:write") && reset],
    fields: [
      conflict,
      field(t("team.name"), name),
      field(t("team.role"), role, h("p", { class: "hint" }, t("team.at_once"))),
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
        await dangerousRequest("PATCH", path, { body, headers: { "If-Match": `"${person.version}"` } })
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
  say(t("team.changed", { name: name.value.trim() }))
  await list.reload()
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
      h("tr", {}, h("th", { scope: "row" }, t("team.name")), h("td", {}, now.name), h("td", {}, mine.name)),
      h(
        "tr",
        {},
        h("th", { scope: "row" }, t("team.role")),
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
  say(t("team.removed", { name: person.name }))
  await list.reload()
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
  say(t("team.reset_done", { name: person.name }))
  await list.reload()
}

async function loadInvitations() {
  const place = byId("invitation-list", HTMLUListElement)
  const section = byId("invitations", HTMLElement)
  try {
    /** @type {{ data: Invitation[] }} */
    const { data } = await staffRequest("GET", "/api/settings/invitations?limit=100")
    section.hidden = data.length === 0
    fill(place, ...data.map(invitationItem))
  } catch (problem) {
    section.hidden = false
    fill(place, h("li", {}, failedCard(problem, loadInvitations)))
  }
}

/** @param {Invitation} invitation */
function invitationItem(invitation) {
  /** @param {string} text @param {() => Promise<any>} action @param {string} sentence */
  const button = (text, action, sentence) =>
    h(
      "button",
      {
        type: "button",
        class: "button button-small",
        onclick: async () => {
          try {
            sayWhereItIs(await action(), sentence)
            await loadInvitations()
          } catch (problem) {
            fill(byId("done", HTMLDivElement), failedCard(problem))
          }
        },
      },
      text,
      h("span", { class: "sr-only" }, ` ${invitation.email}`),
    )
  const path = `/api/settings/invitations/${invitation.id}`
  return h(
    "li",
    { class: "flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3" },
    h(
      "div",
      { class: "min-w-0 flex-1 basis-60" },
      h("p", { class: "wrap-anywhere font-medium" }, invitation.name, " · ", titleOf(invitation.role)),
      h("p", { class: "wrap-anywhere text-sm text-soft" }, invitation.email),
    ),
    h(
      "p",
      { class: "text-sm text-soft" },
      invitation.expired
        ? h("status-badge", { value: "expired" })
        : [t("team.valid_until"), " ", exactTime(invitation.expires_at)],
    ),
    mayChange() &&
      h(
        "div",
        { class: "flex flex-wrap gap-2" },
        button(t("team.resend"), () => staffRequest("POST", `${path}/resend`), t("team.resent")),
        button(t("team.revoke"), () => staffRequest("DELETE", path), t("team.revoked")),
      ),
  )
}
