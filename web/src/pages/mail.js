// One mail of the outbox, as the text it is.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { copyField } from "../elements/copy-field.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { mailPreview } from "../elements/mail-preview.js"
import { exactTime } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {import("./mails.js").Mail & { body: string, html: string, status_code: string | null,
 *   server_answer: string | null, message_id: string | null, put_off: number, useful_until: string }} WholeMail
 */

let sendsMail = false
const look = mailPreview(t("mail.look"))
const id = location.pathname.split("/").filter(Boolean).at(-1) ?? ""

startConsole().then(
  user => {
    sendsMail = user.sends_mail
    return load()
  },
  () => {},
)

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
  fill(byId("look", HTMLElement), look.frame)
  look.show(mail.html)
  fill(byId("badge", HTMLElement), h("status-badge", { kind: "mail", value: mail.state }))
  fill(byId("kept", HTMLElement), isKept(mail) && keptNotice(mail))
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const facts = [
    [t("mails.recipient"), mail.recipient],
    [t("mails.template"), label("mail_template", mail.template)],
    [t("mails.language"), label("language", mail.locale)],
    [t("mails.created"), exactTime(mail.created_at)],
    [mail.state === "kept" ? t("mail.kept_at") : t("mail.sent_at"), mail.sent_at ? exactTime(mail.sent_at) : "–"],
    [t("mail.id"), h("code", {}, mail.id)],
  ]
  if (mail.state === "suppressed") facts.push([t("mail.why"), label("suppression_reason", mail.last_error ?? "")])
  else if (mail.last_error) facts.push([t("mail.last_error"), verbatim(mail.last_error)])
  if (mail.status_code) facts.push([t("mail.status_code"), h("code", {}, mail.status_code)])
  if (mail.state === "sent" && mail.server_answer) facts.push([t("mail.server_answer"), verbatim(mail.server_answer)])
  if (mail.put_off > 0) facts.push([t("mail.put_off"), mail.put_off])
  if (isWaiting(mail)) facts.push([t("mail.useful_until"), exactTime(mail.useful_until)])
  if (mail.message_id) facts.push([t("mail.message_id"), h("code", { class: "wrap-anywhere" }, mail.message_id)])
  fill(
    byId("facts", HTMLElement),
    h("dl", { class: "facts numbers" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  )
}

/** What the mail server said. @param {string} words */
const verbatim = words => h("code", { class: "wrap-anywhere", lang: "en", translate: "no" }, words)

/** @param {WholeMail} mail */
const isWaiting = ({ state }) => sendsMail && (state === "queued" || state === "handed")

// For a moment it is still under way into the outbox.
/** @param {WholeMail} mail */
const isKept = ({ state }) => state === "kept" || (state === "queued" && !sendsMail)

/** Nobody got it, so somebody has to hand over what stands in it. @param {WholeMail} mail */
function keptNotice({ body }) {
  const links = [...new Set(body.match(/https?:\/\/\S*[^\s.,;:)]/g) ?? [])]
  return notice(
    "info",
    t("mail.kept_title"),
    h("p", {}, t("mail.kept_text")),
    ...links.map(link => copyField(t("mail.link"), link)),
  )
}
