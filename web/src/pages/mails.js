// The outbox: what was or will be sent.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

/**
 * @typedef {{ id: string, template: string, locale: string, recipient: string, subject: string, state: string,
 *             last_error: string | null, created_at: string, sent_at: string | null }} Mail
 */

startConsole().then(
  user => {
    const kept = notice("info", t("mails.kept_title"), h("p", {}, t("mails.kept_text")))
    return byId("table", DataTable).start({
      path: "/api/mails",
      list: "mails",
      title: t("mails.title"),
      lead: !user.sends_mail && h("div", { class: "mb-4", id: "kept-note" }, kept),
      heads: id => label("column.mails", id),
      order: "-id",
      search: { ...rule("GET /api/mails", "q"), label: t("mails.search") },
      filters: [{ ...rule("GET /api/mails", "state"), words: state => label("mail_state", state) }],
      columns: [
        { id: "subject", cell: subjectCell },
        {
          id: "recipient",
          cell: ({ recipient }) => h("span", { class: "table-name block", title: recipient }, recipient),
        },
        { id: "template", cell: ({ template }) => h("span", { title: template }, label("mail_template", template)) },
        { id: "locale", cell: ({ locale }) => label("language", locale) },
        {
          id: "state",
          first: true,
          exported: ["state", "last_error"],
          cell: ({ state }, only) => only("state", state, h("status-badge", { kind: "mail", value: state })),
        },
        { id: "created_at", numeric: true, cell: ({ created_at: time }) => timeText(time) },
        { id: "sent_at", numeric: true, hidden: true, cell: ({ sent_at: time }) => time && timeText(time) },
      ],
      none: { title: t("mails.none"), text: t("mails.none_text") },
    })
  },
  () => {},
)

/** @param {Mail} mail */
function subjectCell({ id, locale, subject }) {
  const properties = { class: "mail-subject inline-block py-0.5", href: `/admin/mails/${id}`, lang: locale }
  return h("a", { ...properties, title: subject }, subject)
}
