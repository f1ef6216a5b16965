// The kinds of emails: each leads to its words.

import { startConsole } from "../elements/console-shell.js"
import { failedCard } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, fill, h, inPlaces, typed } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ template: string, declinable: boolean, changed: boolean, fits: boolean, changed_at: string | null,
 *             changed_by: string | null }} Line
 */

startConsole().then(load, () => {})

async function load() {
  try {
    const { data } = await staffRequest("GET", "/api/mail-texts")
    fill(byId("texts", HTMLElement), ...inOrder(data).map(line))
    fill(byId("problem", HTMLElement))
    byId("content", HTMLElement).hidden = false
  } catch (problem) {
    fill(byId("problem", HTMLElement), failedCard(problem, load))
  }
  const waiting = byId("waiting", HTMLElement)
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

/** As people read their names. @param {Line[]} lines */
const inOrder = lines => lines.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b), document.documentElement.lang))

/** @param {Line} line */
const nameOf = ({ template }) => label("mail_template", template)

/** @param {Line} line */
function line(line) {
  const { template, changed, fits, changed_at: at, changed_by: by } = line
  const href = `/admin/settings/mails/${encodeURIComponent(template)}`
  return h(
    "li",
    { class: "flex flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2.5" },
    h("a", { class: "inline-block py-0.5 font-medium", href }, nameOf(line)),
    h(
      "span",
      { class: "flex flex-wrap items-center gap-x-2 gap-y-1 text-sm text-soft" },
      !fits && h("span", { class: "badge tone-caution" }, t("mail_texts.outdated")),
      line.declinable && h("span", { class: "badge" }, t("mail_texts.declinable")),
      changed && at
        ? h("span", {}, ...inPlaces(t("mail_texts.changed"), { who: typed(by ?? ""), time: timeText(at) }))
        : t("mail_texts.own"),
    ),
  )
}
