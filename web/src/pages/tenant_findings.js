// Where the world and the ledger do not agree, and what to do about each: adopt, heal, destroy or ignore.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { ListPage } from "../elements/list-page.js"
import { severeDialog } from "../elements/severe-dialog.js"
import { dangerousRequest } from "../elements/step-up.js"
import { timeText } from "../elements/time-text.js"
import { byId, fill, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {"adopt" | "heal" | "destroy" | "ignore"} Action */
/**
 * @typedef {{ id: string, kind: "orphan" | "ghost" | "drift" | "stranger", actions: Action[], name: string, subject: string,
 *   tenant_id: string | null, detail: string, first_seen: string, last_seen: string,
 *   resolved_at: string | null, resolved_by: string | null, resolution: Action | null }} Finding
 */

let may = false
/** @type {ListPage<Finding>} */
let list

startConsole().then(
  user => {
    may = user.scopes.includes("tenants:write")
    list = new ListPage({
      load: (query, signal) => staffRequest("GET", `/api/tenants/findings?${query}`, { signal }),
      row,
      empty: () => emptyCard(t("findings.none"), t("findings.none_text")),
    })
    return list.reload()
  },
  () => {},
)

/** @param {Finding} finding */
function row(finding) {
  return h(
    "tr",
    { "data-finding": finding.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h("span", { class: "table-name block", translate: "no", title: finding.name }, finding.name),
      h("span", { class: "block text-sm font-normal text-soft" }, label("finding_subject", finding.subject)),
    ),
    h("td", {}, h("status-badge", { kind: "finding", value: finding.kind })),
    h("td", { class: "min-w-56 whitespace-normal wrap-anywhere" }, ...whatWasFound(finding)),
    h(
      "td",
      {},
      finding.tenant_id
        ? h("a", { class: "inline-block py-0.5", href: `/admin/tenants/${finding.tenant_id}` }, finding.tenant_id)
        : "–",
    ),
    h("td", {}, timeText(finding.first_seen)),
    h("td", {}, timeText(finding.last_seen)),
    h("td", {}, finding.resolved_at ? resolution(finding) : may && actions(finding)),
  )
}

/** In words, and exactly as the reconciler noted it. @param {Finding} finding */
function whatWasFound({ kind, subject, name, detail }) {
  const about = name === "before" ? name : subject
  return [
    label("finding_why", `${kind}_${about}`, label("finding_why", kind)),
    h(
      "details",
      {},
      h("summary", { class: "min-h-6 cursor-pointer text-sm text-soft" }, t("security.detail")),
      h("code", { lang: "en", translate: "no" }, detail),
    ),
  ]
}

/** @param {Finding} finding */
const actions = finding =>
  h("span", { class: "screen-only flex gap-2" }, ...finding.actions.map(action => button(finding, action)))

/** What came of it; what went away by itself has none. @param {Finding} finding */
function resolution({ resolution: action, resolved_by: who, resolved_at: at }) {
  return h(
    "span",
    { class: "text-soft" },
    action ? label("finding_resolution", action) : t("findings.gone"),
    who && h("span", { class: "block" }, t("operations.by", { who })),
    at && h("span", { class: "block" }, timeText(at)),
  )
}

/** @param {Finding} finding @param {Action} action */
function button(finding, action) {
  return h(
    "button",
    {
      type: "button",
      class: `button button-small ${action === "destroy" ? "button-danger-quiet" : ""}`,
      onclick: () =>
        resolve(finding, action).catch(problem => fill(byId("list-problem", HTMLElement), failedCard(problem))),
    },
    label("finding_action", action),
    h("span", { class: "sr-only" }, ` ${finding.name}`),
  )
}

/** @param {Finding} finding @param {Action} action */
async function resolve(finding, action) {
  const { name } = finding
  const send = () =>
    dangerousRequest("POST", `/api/tenants/findings/${encodeURIComponent(finding.id)}/resolve`, { body: { action } })
  const title = `${label("finding_action", action)}: ${name}`
  const done =
    action === "destroy"
      ? await severeDialog({
          title,
          name,
          consequences: [t("findings.destroy_gone"), t("findings.destroy_sure")],
          action: t("findings.destroy_name", { name }),
          submit: send,
        })
      : await formDialog({
          title,
          lead: label("finding_effect", action),
          fields: [h("div", { class: "wrap-anywhere" }, ...whatWasFound(finding))],
          action: label("finding_action", action),
          submit: send,
        })
  if (!done) return
  fill(byId("done", HTMLElement), notice("positive", label("finding_done", action)))
  await list.reload()
  byId("findings-heading", HTMLElement).focus()
}
