// API keys: making one (shown this once), changing, rotating with an overlap, revoking.

import "../elements/status-badge.js"
import { mdiContentCopy } from "@mdi/js"
import { beside } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { notice } from "../elements/feedback.js"
import { field, formDialog, inputFor, selectFor, textareaFor } from "../elements/form-dialog.js"
import { showOnce } from "../elements/once-dialog.js"
import { chosenScopes, scopeChoice } from "../elements/scope-choice.js"
import { dangerousRequest } from "../elements/step-up.js"
import { exactTime, timeText } from "../elements/time-text.js"
import { byId, h, setText } from "../lib/dom.js"
import { formatDate, formatFullDateTime } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { ifMatch, staffRequest } from "../lib/session.js"
import { isWithin, loadScopes, scopeWords } from "../lib/team.js"

/**
 * @typedef {{ id: string, name: string, prefix: string, state: string, scopes: string[], addresses: string[],
 *             created_by_name: string, created_at: string, expires_at: string | null, last_used_at: string | null,
 *             last_used_address: string | null, replaces: string | null, revoked_at: string | null,
 *             revoked_by: string | null, version: number }} ApiKey
 */

const DAY = 86_400_000
const LIVES = [30, 90, 180, 365]
const USUAL_LIFE = 90
const OVERLAPS = [0, 1, 24, 168]

/** @type {import("../lib/session.js").Me} */
let user
/** @type {import("../lib/team.js").Scope[]} */
let scopes = []
const table = byId("table", DataTable)

startConsole().then(
  async person => {
    user = person
    // Without the right to see roles one's own permissions are all there is to give.
    scopes = await loadScopes().catch(() => own().map(scope => ({ scope, endpoints: [] })))
    byId("new-key", HTMLButtonElement).addEventListener("click", make)
    await table.start({
      path: "/api/settings/api-keys",
      list: "api_keys",
      title: t("api_keys.title"),
      heads: id => label("column.api_keys", id),
      order: "-id",
      search: { ...rule("GET /api/settings/api-keys", "q"), label: t("api_keys.search") },
      filters: [{ ...rule("GET /api/settings/api-keys", "state"), words: state => label("state", state) }],
      columns: [
        {
          id: "name",
          exported: ["name", "prefix"],
          cell: ({ name, prefix }) => [
            h("span", { class: "table-name block", title: name }, name),
            h("code", { class: "font-normal text-soft" }, `${prefix}…`),
          ],
        },
        {
          id: "state",
          first: true,
          cell: ({ state }, only) => only("state", state, h("status-badge", { value: state })),
        },
        { id: "scopes", cell: scopesCell },
        {
          id: "last_used_at",
          exported: ["last_used_at", "last_used_address"],
          cell: ({ last_used_at: time, last_used_address: address }) => [
            time ? timeText(time) : t("team.never"),
            address && h("code", { class: "block text-soft" }, address),
          ],
        },
        {
          id: "expires_at",
          numeric: true,
          cell: ({ expires_at: time }) => (time ? dateText(time) : t("team.never")),
        },
        { id: "created_at", numeric: true, hidden: true, cell: ({ created_at: time }) => timeText(time) },
        {
          id: "created_by_name",
          hidden: true,
          cell: ({ created_by_name: name }) => h("span", { translate: "no" }, name),
        },
      ],
      actions: user.scopes.includes("api_keys:write") ? key => key.state === "active" && actions(key) : undefined,
      none: { title: t("api_keys.none"), text: t("api_keys.none_text") },
    })
  },
  () => {},
)

const own = () => user.scopes.filter(scope => scope !== "self")
/** @param {ApiKey} key @param {string} sentence */
async function tell({ id }, sentence) {
  const answer = beside(id)
  await table.reload()
  answer(notice("positive", sentence))
}

/** @param {ApiKey} key */
function scopesCell({ scopes }) {
  return h(
    "details",
    {},
    h("summary", { class: "min-h-6 cursor-pointer" }, t("api_keys.scopes", { count: scopes.length })),
    h("ul", { class: "mt-1 text-soft" }, ...scopes.map(scope => h("li", {}, scopeWords(scope)))),
  )
}

/** @param {string} time */
const dateText = time => h("time", { datetime: time, title: formatFullDateTime(time) }, formatDate(new Date(time)))

/** @param {ApiKey} key */
function actions(key) {
  const within = isWithin(user.scopes, key.scopes)
  /** @param {string} text @param {() => void} action @param {boolean} [allowed] */
  const button = (text, action, allowed = true) =>
    h(
      "button",
      {
        type: "button",
        class: "button button-small",
        onclick: action,
        disabled: !allowed,
        title: !allowed && t("api_keys.beyond"),
      },
      text,
      h("span", { class: "sr-only" }, ` ${key.name}`),
    )
  return h(
    "div",
    { class: "flex flex-wrap justify-end gap-2" },
    button(t("team.change"), () => change(key), within),
    button(t("api_keys.rotate"), () => rotate(key), within),
    button(t("api_keys.revoke"), () => revoke(key)),
  )
}

/** @param {string} value */
const nameField = value => field(t("field.name"), inputFor("POST /api/settings/api-keys", "name", { value }))

/** @param {string[]} values */
const addressField = values =>
  field(
    t("api_keys.addresses"),
    textareaFor(
      "POST /api/settings/api-keys",
      "addresses",
      { class: "input font-mono", rows: 2, spellcheck: "false", placeholder: "203.0.113.0/24" },
      values.join("\n"),
    ),
    h("p", { class: "hint" }, t("api_keys.addresses_hint")),
  )

/** @param {HTMLFormElement} form */
function readForm(form) {
  const data = new FormData(form)
  return {
    name: String(data.get("name")).trim(),
    scopes: chosenScopes(form),
    addresses: String(data.get("addresses"))
      .split(/[\s,]+/)
      .filter(Boolean),
  }
}

/** Problems of one address or permission stand at the field that holds them all. @template Answer @param {Promise<Answer>} sent */
async function atWholeFields(sent) {
  try {
    return await sent
  } catch (problem) {
    const errors = /** @type {import("../lib/api.js").ApiProblem} */ (problem).errors ?? []
    for (const error of errors) error.pointer = error.pointer.replace(/\/\d+$/, "")
    throw problem
  }
}

async function make() {
  let key = ""
  const life = h(
    "select",
    { class: "input", name: "life", id: "life", autocomplete: "off" },
    ...LIVES.map(days =>
      h("option", { value: days, selected: days === USUAL_LIFE }, t("api_keys.days", { count: days })),
    ),
    user.role === "owner" && h("option", { value: "" }, t("team.never")),
  )
  const done = await formDialog({
    title: t("api_keys.new"),
    lead: t("api_keys.new_lead"),
    action: t("api_keys.create"),
    fields: [
      nameField(""),
      scopeChoice(scopes, user.scopes, []),
      field(t("api_keys.expires_in"), life),
      addressField([]),
    ],
    submit: async form => {
      const end = life.value
        ? { expires_at: new Date(Date.now() + Number(life.value) * DAY).toISOString() }
        : { never_expires: true }
      const body = { ...readForm(form), ...end }
      ;({ key } = await atWholeFields(dangerousRequest("POST", "/api/settings/api-keys", { body })))
    },
  })
  if (done) await showKey(key)
}

/** @param {ApiKey} shown */
async function change(shown) {
  const path = `/api/settings/api-keys/${shown.id}`
  const done = await formDialog({
    title: t("api_keys.change_title", { name: shown.name }),
    action: t("dialog.save"),
    fields: [nameField(shown.name), scopeChoice(scopes, user.scopes, shown.scopes), addressField(shown.addresses)],
    submit: form => atWholeFields(dangerousRequest("PATCH", path, { body: readForm(form), headers: ifMatch(shown) })),
  })
  if (!done) return
  await tell(shown, t("api_keys.changed"))
}

/** @param {ApiKey} old */
async function rotate(old) {
  let key = ""
  const overlap = selectFor(
    "POST /api/settings/api-keys/{id}/rotate",
    "overlap_hours",
    hours => (hours === 0 ? t("api_keys.no_overlap") : t("api_keys.hours", { count: hours })),
    { values: OVERLAPS, chosen: 24 },
  )
  const done = await formDialog({
    title: t("api_keys.rotate_title", { name: old.name }),
    lead: t("api_keys.rotate_lead"),
    action: t("api_keys.rotate_action"),
    fields: [field(t("api_keys.overlap"), overlap)],
    submit: async () => {
      const body = { overlap_hours: Number(overlap.value) }
      ;({ key } = await dangerousRequest("POST", `/api/settings/api-keys/${old.id}/rotate`, { body }))
    },
  })
  if (done) await showKey(key)
}

/** @param {ApiKey} key */
async function revoke(key) {
  const done = await formDialog({
    title: t("api_keys.revoke_title", { name: key.name }),
    lead: [t("api_keys.revoke_lead"), " ", key.last_used_at ? exactTime(key.last_used_at) : t("team.never")],
    fields: [],
    danger: true,
    action: t("api_keys.revoke_action", { name: key.name }),
    submit: () => staffRequest("DELETE", `/api/settings/api-keys/${key.id}`),
  })
  if (!done) return
  await tell(key, t("api_keys.revoked", { name: key.name }))
}

/** The only time that a key is seen. @param {string} key */
async function showKey(key) {
  const value = h("input", { class: "input font-mono", name: "key", value: key, readonly: true })
  const copy = h("button", { type: "button", class: "button" }, icon(mdiContentCopy), h("span", {}, t("api_keys.copy")))
  copy.addEventListener("click", async () => {
    value.select()
    await navigator.clipboard.writeText(key)
    setText(/** @type {Element} */ (copy.lastElementChild), t("api_keys.copied"))
  })
  await showOnce({
    title: t("api_keys.made_title"),
    lead: t("api_keys.made_lead"),
    content: [field(t("api_keys.key"), value)],
    actions: [copy],
    kept: t("api_keys.made_done"),
  })
  await table.reload()
}
