// Who is not written to: addresses that do not exist, and kinds of email that their readers declined.

import "../elements/status-badge.js"
import { beside } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { failedCard, notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, h, inPlaces, typed } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ id: string, address: string, template: string, reason: "bounced" | "declined", status_code: string | null,
 *             detail: string | null, mail_id: string | null, created_at: string }} Suppression
 */

const table = byId("table", DataTable)

startConsole().then(
  user => {
    const may = user.scopes.includes("settings:write")
    return table.start({
      path: "/api/mail-suppressions",
      list: "mail_suppressions",
      title: t("mail_suppressions.title"),
      heads: id => label("column.mail_suppressions", id),
      order: "-id",
      search: { ...rule("GET /api/mail-suppressions", "q"), label: t("mail_suppressions.search") },
      filters: [
        { ...rule("GET /api/mail-suppressions", "reason"), words: reason => label("suppression_reason", reason) },
      ],
      columns: [
        {
          id: "address",
          cell: ({ address }) => h("span", { class: "table-name block", translate: "no", title: address }, address),
        },
        {
          id: "reason",
          first: true,
          cell: ({ reason }, only) => only("reason", reason, label("suppression_reason", reason)),
        },
        {
          id: "template",
          cell: ({ template }) => (template ? label("mail_template", template) : t("mail_suppressions.all")),
        },
        {
          id: "status_code",
          exported: ["status_code", "detail"],
          cell: ({ status_code: code, detail }) => code && h("code", { title: detail }, code),
        },
        {
          id: "mail_id",
          cell: ({ mail_id: id }) => id && h("a", { class: "inline-block py-0.5", href: `/admin/mails/${id}` }, id),
        },
        { id: "created_at", numeric: true, cell: ({ created_at: time }) => timeText(time) },
      ],
      actions: may ? row => h("span", {}, button(row)) : undefined,
      none: { title: t("mail_suppressions.none"), text: t("mail_suppressions.none_text") },
    })
  },
  () => {},
)

/** @param {Suppression} row */
function button(row) {
  return h(
    "button",
    {
      type: "button",
      class: "button button-small",
      onclick: () => lift(row).catch(problem => beside(row.id)(failedCard(problem))),
    },
    t("mail_suppressions.lift"),
    h("span", { class: "sr-only" }, ` ${row.address}`),
  )
}

/** @param {Suppression} row */
async function lift({ id, address }) {
  const say = beside(id)
  await staffRequest("DELETE", `/api/mail-suppressions/${encodeURIComponent(id)}`)
  await table.reload()
  say(notice("positive", "", h("p", {}, ...inPlaces(t("mail_suppressions.lifted"), { address: typed(address) }))))
}
