// The cards that stand where data should be: failed, empty, or nothing that matches; and notices within a page.

import { mdiAlertCircleOutline, mdiAlertOutline, mdiCheckCircle, mdiInformationOutline } from "@mdi/js"
import { h } from "../lib/dom.js"
import { formatClock } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"

/** @typedef {import("../lib/dom.js").Child} Child */
/** @typedef {"positive" | "caution" | "negative" | "info"} Tone */

const ICONS = {
  positive: mdiCheckCircle,
  caution: mdiAlertOutline,
  negative: mdiAlertCircleOutline,
  info: mdiInformationOutline,
}

/** @param {Tone} tone @param {string} title @param {...(Child | Child[])} body */
export function notice(tone, title, ...body) {
  return h(
    "div",
    { class: `notice tone-${tone}` },
    icon(ICONS[tone]),
    h("div", { class: "notice-body" }, title && h("p", { class: "notice-title" }, title), ...body),
  )
}

/** What failed, since when, how to try again, and the id that support asks for. @param {unknown} problem @param {() => void} [retry] */
export function failedCard(problem, retry) {
  const known = /** @type {Partial<import("../lib/api.js").ApiProblem>} */ (problem)
  if (known.body?.permission) return forbiddenCard(known.body.permission)
  const sentence = known.status === 403 ? t("failed.forbidden") : (known.sentence ?? t("problem.unexpected"))
  return notice(
    "negative",
    t("failed.title", { time: formatClock(Date.now()) }),
    h("p", {}, sentence),
    known.requestId && h("p", { class: "hint" }, t("failed.request_id"), " ", h("code", {}, known.requestId)),
    retry &&
      h("p", {}, h("button", { type: "button", class: "button button-small", onclick: retry }, t("failed.retry"))),
  )
}

const LONGEST_FILTER = 60

/** Which filters of the address were left out. @param {string[]} names @param {URLSearchParams} query where they stood */
export function droppedNotice(names, query) {
  const said = (/** @type {string} */ name) => (query.get(name) ?? "").slice(0, LONGEST_FILTER)
  const filters = names.map(name => h("code", {}, said(name) ? `${name}=${said(name)}` : name))
  const list = filters.flatMap((filter, index) => (index === 0 ? [filter] : [", ", filter]))
  return notice("caution", t("failed.dropped_title"), h("p", { class: "wrap-anywhere" }, ...list))
}

/** Nothing more is on its way: what stands there as if something were goes. */
export function endWaiting() {
  for (const waiting of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[aria-busy="true"]'))) {
    waiting.removeAttribute("aria-busy")
    if (waiting.id === "waiting" || waiting.matches(".skeleton")) waiting.hidden = true
  }
}

/** Which permission is missing and who can give it. @param {string} permission "tenants:write" @param {string} [title] */
export function forbiddenCard(permission, title = t("failed.forbidden_title")) {
  return notice(
    "info",
    title,
    h("p", {}, t("failed.permission"), " ", h("code", {}, permission)),
    h("p", {}, t("failed.permission_from")),
  )
}

/** @param {string} title @param {string} text @param {...Child} actions */
export function emptyCard(title, text, ...actions) {
  return h(
    "div",
    { class: "grid justify-items-center gap-2 px-6 py-14 text-center" },
    h("h2", { class: "text-lg" }, title),
    h("p", { class: "max-w-prose text-soft" }, text),
    actions.length > 0 && h("div", { class: "mt-2 flex flex-wrap justify-center gap-2" }, ...actions),
  )
}
