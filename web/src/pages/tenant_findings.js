// Where the world and the ledger do not agree, and what to do about each: adopt, heal, destroy or ignore.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { formDialog } from "../elements/form-dialog.js"
import { severeDialog } from "../elements/severe-dialog.js"
import { dangerousRequest } from "../elements/step-up.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { actorName, say } from "../lib/say.js"

/** @typedef {"adopt" | "heal" | "destroy" | "ignore"} Action */

/**
 * @typedef {{ id: string, kind: "orphan" | "ghost" | "drift" | "stranger", actions: Action[], name: string, subject: string,
 *   tenant_id: string | null, message: import("../lib/say.js").Said, first_seen: string, last_seen: string,
 *   resolved_at: string | null, resolved_by: string | null, resolution: Action | null }} Finding
 */

const table = byId("table", DataTable)

startConsole().then(
  user => {
    const may = user.scopes.includes("tenants:write")
    return table.start({
      path: "/api/tenants/findings",
      list: "world_findings",
      title: t("findings.title"),
      heads: id => label("column.world_findings", id),
      order: "-id",
      filters: [{ ...rule("GET /api/tenants/findings", "kind"), words: kind => label("finding", kind) }],
      columns: [
        {
          id: "name",
          exported: ["name", "subject"],
          cell: ({ name, subject }) => [
            h("span", { class: "table-name block", translate: "no", title: name, dir: "auto" }, name),
            h("span", { class: "block text-sm font-normal text-soft" }, label("finding_subject", subject)),
          ],
        },
        {
          id: "kind",
          first: true,
          cell: ({ kind }, only) => only("kind", kind, h("status-badge", { kind: "finding", value: kind })),
        },
        { id: "message", wide: true, cell: whatWasFound },
        {
          id: "tenant_id",
          cell: ({ tenant_id: id }) => id && h("a", { class: "inline-block py-0.5", href: `/admin/tenants/${id}` }, id),
        },
        { id: "first_seen", cell: ({ first_seen: time }) => timeText(time) },
        { id: "last_seen", cell: ({ last_seen: time }) => timeText(time) },
        {
          id: "resolution",
          exported: ["resolution", "resolved_by", "resolved_at"],
          cell: finding => finding.resolved_at && resolution(finding),
        },
      ],
      actions: may ? finding => !finding.resolved_at && actions(finding) : undefined,
      none: { title: t("findings.none"), text: t("findings.none_text") },
    })
  },
  () => {},
)

/** What it means, and exactly what was found. @param {Finding} finding */
function whatWasFound({ kind, subject, name, message }) {
  const about = name === "before" ? name : subject
  return [
    label("finding_why", `${kind}_${about}`, label("finding_why", kind)),
    h(
      "details",
      {},
      h("summary", { class: "min-h-6 cursor-pointer text-sm text-soft" }, t("security.detail")),
      h("p", {}, say(message)),
    ),
  ]
}

/** @param {Finding} finding */
const actions = finding =>
  h("span", { class: "flex flex-wrap gap-2" }, ...finding.actions.map(action => button(finding, action)))

/** What came of it; what went away by itself has none. @param {Finding} finding */
function resolution({ resolution: action, resolved_by: who, resolved_at: at }) {
  return h(
    "span",
    { class: "text-soft" },
    action ? label("finding_resolution", action) : t("findings.gone"),
    who && h("span", { class: "block" }, t("operations.by", { who: actorName(who) })),
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
      onclick: () => resolve(finding, action).catch(problem => beside(finding.id)(failedCard(problem))),
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
  const answer = beside(finding.id)
  await table.reload()
  answer(notice("positive", label("finding_done", action)))
}
