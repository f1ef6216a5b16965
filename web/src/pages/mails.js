// The outbox. Every filter and page is an address of its own, so the browser does the navigating.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { droppedNotice, emptyCard, failedCard, notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { refusedFilters } from "../lib/refused-filters.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, template: string, locale: string, recipient: string, subject: string, state: string,
 *             last_error: string | null, created_at: string, sent_at: string | null }} Mail
 */

const PAGE_SIZE = 50
const STATES = ["queued", "sent", "kept", "failed"]

let sendsMail = false
const parameters = new URLSearchParams(location.search)
const asked = {
  state: STATES.find(state => state === parameters.get("state")) ?? "",
  q: (parameters.get("q") ?? "").trim(),
  cursor: parameters.get("cursor") ?? "",
}

/** Parts of the address that are no filters. @type {string[]} */
const dropped = asked.state === (parameters.get("state") ?? "") ? [] : ["state"]

drawFilters()
startConsole().then(
  user => {
    sendsMail = user.sends_mail
    return load()
  },
  () => {},
)

function drawFilters() {
  byId("q", HTMLInputElement).value = asked.q
  if (asked.state) {
    byId("filters", HTMLFormElement).append(h("input", { type: "hidden", name: "state", value: asked.state }))
  }
  const links = ["", ...STATES].map(state =>
    h(
      "a",
      { class: "chip", href: addressOf({ state, cursor: "" }), "aria-current": state === asked.state && "true" },
      state ? label("mail_state", state) : t("mails.all"),
    ),
  )
  fill(byId("states", HTMLElement), ...links)
}

/** @param {Partial<typeof asked>} difference */
function addressOf(difference) {
  const filled = Object.entries({ ...asked, ...difference }).filter(([, value]) => value !== "")
  return `/admin/mails${filled.length > 0 ? `?${new URLSearchParams(filled)}` : ""}`
}

async function load() {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) })
  for (const [name, value] of Object.entries(asked)) if (value) query.set(name, value)
  try {
    draw(await staffRequest("GET", `/api/mails?${query}`))
    fill(byId("list-problem", HTMLElement), dropped.length > 0 && droppedNotice(dropped, parameters))
  } catch (problem) {
    const refused = refusedFilters(problem, query)
    if (refused.length > 0) {
      dropped.push(...refused)
      for (const name of refused) Object.assign(asked, { [name]: "" })
      return load()
    }
    fill(byId("list-problem", HTMLElement), failedCard(problem, load))
  }
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
}

/** @param {{ data: Mail[], next_cursor: string | null, has_more: boolean }} page */
function draw({ data, next_cursor: next, has_more: hasMore }) {
  byId("list", HTMLElement).hidden = false
  fill(byId("rows", HTMLTableSectionElement), ...data.map(row))
  byId("table-region", HTMLElement).hidden = data.length === 0
  fill(byId("empty", HTMLElement), data.length === 0 && emptyOf())
  const kept = !sendsMail && data.length > 0
  fill(byId("kept-note", HTMLElement), kept && notice("info", t("mails.kept_title"), h("p", {}, t("mails.kept_text"))))
  const newest = byId("newest", HTMLAnchorElement)
  const older = byId("older", HTMLAnchorElement)
  newest.hidden = asked.cursor === ""
  newest.href = addressOf({ cursor: "" })
  older.hidden = !hasMore
  older.href = addressOf({ cursor: next ?? "" })
  byId("pager", HTMLElement).hidden = newest.hidden && older.hidden
}

/** @param {Mail} mail */
function row(mail) {
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h(
        "a",
        {
          class: "mail-subject inline-block py-0.5",
          href: `/admin/mails/${mail.id}`,
          lang: mail.locale,
          title: mail.subject,
        },
        mail.subject,
      ),
    ),
    h("td", {}, h("span", { class: "table-name block", title: mail.recipient }, mail.recipient)),
    h("td", {}, label("mail_template", mail.template)),
    h("td", {}, label("language", mail.locale)),
    h("td", {}, h("status-badge", { kind: "mail", value: mail.state })),
    h("td", { class: "align-end" }, timeText(mail.created_at)),
  )
}

function emptyOf() {
  if (!asked.state && !asked.q) return emptyCard(t("mails.none"), t("mails.none_text"))
  const clear = h("a", { class: "button", href: "/admin/mails" }, t("tenants.clear_all"))
  return emptyCard(t("mails.no_match"), t("mails.no_match_text"), clear)
}
