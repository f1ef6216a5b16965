// The jobs: what the program works on, waits for and has given up.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { timeText } from "../elements/time-text.js"
import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { rule } from "../lib/rules.js"

const time = (/** @type {string | null} */ at) => at && timeText(at)

/** @type {(name: string, title: (count: number) => string) => import("../elements/data-table/bulk.js").Action} */
const action = (name, title) => ({
  name,
  title: (count, job) => (job === undefined ? title(count) : label("bulk_ask", name, name, { name: job })),
  label: label("bulk_action", name),
  effect: count => label("bulk_effect", name, name, { count }),
  danger: name === "discard",
})

/** @param {string} kind */
const kindWords = kind => label("job_kind", kind, kind)

// Below the words stands the code that filters and log lines speak of.
/** @param {{ kind: string }} job @param {import("../elements/data-table/rows.js").Only} only */
const kindCell = ({ kind }, only) => [
  kindWords(kind) !== kind && h("span", { class: "block" }, kindWords(kind)),
  only("kind", kind, h("code", { class: "font-normal text-soft", translate: "no" }, kind)),
]

startConsole().then(
  ({ scopes }) =>
    byId("table", DataTable).start({
      path: "/api/system/jobs",
      list: "jobs",
      title: t("jobs.title"),
      heads: id => label("column.jobs", id),
      order: "-id",
      filters: [
        { ...rule("GET /api/system/jobs", "state"), words: state => label("job_state", state) },
        { ...rule("GET /api/system/jobs", "kind"), words: kindWords },
      ],
      columns: [
        { id: "kind", cell: kindCell },
        {
          id: "state",
          first: true,
          cell: ({ state: value }, only) => only("state", value, h("status-badge", { kind: "job", value })),
        },
        { id: "attempt", numeric: true, cell: ({ attempt, max_attempts: most }) => `${attempt} / ${most}` },
        { id: "run_at", cell: ({ run_at: at }) => time(at) },
        { id: "finished_at", cell: ({ finished_at: at }) => time(at) },
        { id: "last_error", wide: true, cell: ({ last_error: error }) => error && h("code", { lang: "en" }, error) },
      ],
      name: ({ kind, id }) => `${kindWords(kind)} ${id}`,
      bulk: scopes.includes("jobs:write") && {
        path: "/api/system/jobs",
        title: t("jobs.bulk"),
        heading: label("column.jobs", "kind"),
        actions: [
          action("retry", count => t("jobs.ask_retry", { count })),
          action("discard", count => t("jobs.ask_discard", { count })),
        ],
      },
      none: { title: t("jobs.none"), text: t("jobs.none_text") },
    }),
  () => {},
)
