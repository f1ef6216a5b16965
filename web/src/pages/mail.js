// One mail of the outbox, as the text it is.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard } from "../elements/feedback.js"
import { exactTime } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("./mails.js").Mail & { body: string }} WholeMail */

const id = location.pathname.split("/").filter(Boolean).at(-1) ?? ""

startConsole().then(load, () => {})

async function load() {
  const problemPlace = byId("problem", HTMLElement)
  try {
    draw(await staffRequest("GET", `/api/mails/${encodeURIComponent(id)}`))
    fill(problemPlace)
  } catch (problem) {
    const missing = problem instanceof ApiProblem && [404, 422].includes(problem.status)
    const back = h("a", { class: "button", href: "/admin/mails" }, t("mail.back"))
    fill(
      problemPlace,
      missing ? emptyCard(t("mail.missing"), t("tenant.missing_text"), back) : failedCard(problem, load),
    )
  }
  byId("headline", HTMLElement).hidden = false
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
}

/** @param {WholeMail} mail */
function draw(mail) {
  document.title = `${mail.subject} · ${t("product")}`
  byId("content", HTMLElement).hidden = false
  for (const name of ["subject", "body", "breadcrumb"]) byId(name, HTMLElement).lang = mail.locale
  setText(byId("subject", HTMLElement), mail.subject)
  setText(byId("breadcrumb", HTMLElement), mail.subject)
  setText(byId("body", HTMLElement), mail.body)
  fill(byId("badge", HTMLElement), h("status-badge", { kind: "mail", value: mail.state }))
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const facts = [
    [t("mails.recipient"), mail.recipient],
    [t("mails.template"), label("mail_template", mail.template)],
    [t("mails.language"), label("language", mail.locale)],
    [t("mails.created"), exactTime(mail.created_at)],
    [mail.state === "kept" ? t("mail.kept_at") : t("mail.sent_at"), mail.sent_at ? exactTime(mail.sent_at) : "–"],
    [t("mail.id"), h("code", {}, mail.id)],
  ]
  if (mail.last_error) facts.push([t("mail.last_error"), h("code", { lang: "en" }, mail.last_error)])
  fill(
    byId("facts", HTMLElement),
    h("dl", { class: "facts numbers" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  )
}
