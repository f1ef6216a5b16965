// One's own name, language, password and second factors.

import { beside, sayNothing } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { EditedForm } from "../elements/edited-form.js"
import { endWaiting, failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor } from "../elements/form-dialog.js"
import { clearErrors, showErrors } from "../elements/form-errors.js"
import { showRecoveryCodes } from "../elements/recovery-codes.js"
import { dangerousRequest, NotConfirmed } from "../elements/step-up.js"
import { timeText } from "../elements/time-text.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatDate } from "../lib/format.js"
import { label, language, languageName, t } from "../lib/messages.js"
import { createPasskey, PasskeyExists, passkeysWork } from "../lib/passkeys.js"
import { ifMatch, staffRequest } from "../lib/session.js"

/**
 * @typedef {{ email: string, name: string, role: string, locale: string | null, password_changed_at: string,
 *             version: number }} Profile
 * @typedef {{ totp_since: string | null, totp_last_used_at: string | null, passkeys: number,
 *             recovery_codes_left: number, required: boolean, due_at: string | null }} Factors
 * @typedef {{ id: string, name: string, created_at: string, last_used_at: string | null }} Passkey
 */

const FEW_CODES = 3

const passwordForm = byId("password-form", HTMLFormElement)
const nameInput = byId("name", HTMLInputElement)
const localeSelect = byId("locale", HTMLSelectElement)

const edited = new EditedForm({
  form: byId("profile-form", HTMLFormElement),
  values: () => ({ name: nameInput.value.trim(), locale: localeSelect.value }),
  write: ({ name, locale }) => {
    nameInput.value = name
    localeSelect.value = locale
  },
  title: member => (member === "name" ? t("profile.name") : t("profile.locale")),
  words: (member, value) => (member === "name" ? value : languageName(value)),
  load: async () => stored(await readProfile()),
  save: async ({ values: body, version }) =>
    stored(await staffRequest("PATCH", "/api/settings/profile", { body, headers: ifMatch({ version }) })),
  saved: async () => {
    if (localeSelect.value === language)
      beside(byId("profile-form", HTMLFormElement))(notice("positive", t("profile.saved")))
    else location.assign(`?lang=${localeSelect.value}`)
  },
})

startConsole().then(
  () => {
    passwordForm.addEventListener("submit", changePassword)
    byId("add-passkey", HTMLButtonElement).addEventListener("click", event => doing(addPasskey, event))
    byId("add-passkey", HTMLButtonElement).hidden = !passkeysWork()
    byId("no-passkeys", HTMLParagraphElement).hidden = passkeysWork()
    load()
  },
  () => {},
)

async function load() {
  try {
    await Promise.all([loadProfile(), loadFactors()])
    fill(byId("problem", HTMLDivElement))
  } catch (problem) {
    fill(byId("problem", HTMLDivElement), failedCard(problem, load))
    endWaiting()
  }
}

/** @returns {Promise<Profile>} */
const readProfile = () => staffRequest("GET", "/api/settings/profile")

/** @param {Profile} read */
const stored = ({ name, locale, version }) => ({ values: { name, locale: locale ?? language }, version })

async function loadProfile() {
  const read = await readProfile()
  setText(byId("email", HTMLElement), read.email)
  setText(byId("role", HTMLElement), label("role", read.role))
  edited.show(stored(read))
  byId("password-username", HTMLInputElement).value = read.email
  const changed = formatDate(new Date(read.password_changed_at))
  setText(byId("password-changed", HTMLElement), t("profile.password_changed", { date: changed }))
}

/** Where the last button was. @type {import("../elements/answer.js").Say} */
let answer

/** @param {string} sentence */
const say = sentence => answer(notice("positive", sentence))

/** Runs what a button starts; what comes of it is said in the button's card. @param {() => Promise<void>} work @param {Event} event */
async function doing(work, event) {
  answer = beside(/** @type {Element} */ (event.currentTarget).closest(".card") ?? document.body)
  sayNothing()
  try {
    await work()
  } catch (problem) {
    if (problem instanceof NotConfirmed) return
    if (!(problem instanceof ApiProblem)) throw problem
    sayProblem(problem.sentence)
  }
}

/** @param {string} sentence */
function sayProblem(sentence) {
  const text = notice("negative", sentence)
  text.setAttribute("role", "alert")
  answer(text)
}

/** @param {SubmitEvent} event */
async function changePassword(event) {
  event.preventDefault()
  const errors = byId("password-errors", HTMLDivElement)
  sayNothing()
  clearErrors(errors, passwordForm)
  const { current_password, new_password } = Object.fromEntries(new FormData(passwordForm))
  try {
    await staffRequest("POST", "/api/settings/password", { body: { current_password, new_password } })
    passwordForm.reset()
    await loadProfile()
    beside(passwordForm)(notice("positive", t("profile.password_done")))
  } catch (problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    if (problem.code === "wrong_password") problem.errors = [{ pointer: "/current_password", code: "wrong_password" }]
    showErrors(errors, passwordForm, problem)
  }
}

async function loadFactors() {
  const [factors, passkeys] = await Promise.all([
    staffRequest("GET", "/api/settings/2fa"),
    staffRequest("GET", "/api/settings/passkeys"),
  ])
  showTotp(factors)
  showRecovery(factors)
  showPasskeys(passkeys.data)
}

/** @param {string} text @param {() => Promise<void>} work @param {string} [style] */
const actionButton = (text, work, style = "button") =>
  h("button", { type: "button", class: style, onclick: (/** @type {Event} */ event) => doing(work, event) }, text)

/** @param {HTMLElement} place @param {...import("../lib/dom.js").Child} content */
function show(place, ...content) {
  fill(place, ...content)
  place.removeAttribute("aria-busy")
}

/** @param {Factors} factors */
function showTotp({ totp_since: since, totp_last_used_at: used }) {
  const place = byId("totp", HTMLDivElement)
  if (!since) {
    show(place, h("p", { class: "text-soft" }, t("totp.none")), h("div", {}, actionButton(t("totp.add"), addTotp)))
    return
  }
  const date = formatDate(new Date(since))
  const lastUse = used && ` ${t("totp.last_used", { time: formatDate(new Date(used)) })}`
  show(
    place,
    h("p", {}, t("totp.since", { date }), lastUse),
    h(
      "div",
      { class: "flex flex-wrap gap-2" },
      actionButton(t("totp.replace"), addTotp),
      actionButton(t("totp.remove"), removeTotp, "button button-danger-quiet"),
    ),
  )
}

async function addTotp() {
  /** @type {{ uri: string, key: string, qr_image: string }} */
  const begun = await dangerousRequest("POST", "/api/settings/2fa/totp")
  const code = inputFor("POST /api/settings/2fa/totp/confirm", "code", {
    class: "input numbers",
    inputmode: "numeric",
    autocomplete: "one-time-code",
  })
  /** @type {string[]} */
  let codes = []
  const added = await formDialog({
    title: t("totp.add"),
    lead: t("totp.scan"),
    fields: [
      h("img", {
        src: begun.qr_image,
        alt: t("totp.qr"),
        class: "size-48 justify-self-center rounded-lg",
        width: 192,
        height: 192,
      }),
      h(
        "p",
        { class: "grid gap-1" },
        h("span", { class: "field-label" }, t("totp.key")),
        h("code", { class: "wrap-anywhere" }, begun.key),
      ),
      field(t("totp.code"), code),
    ],
    action: t("totp.confirm"),
    submit: async () => {
      try {
        const answer = await staffRequest("POST", "/api/settings/2fa/totp/confirm", { body: { code: code.value } })
        codes = answer.recovery_codes
      } catch (problem) {
        code.value = ""
        throw problem
      }
    },
  })
  if (!added) return
  await showRecoveryCodes(codes)
  await loadFactors()
  say(t("totp.added"))
}

async function removeTotp() {
  const removed = await formDialog({
    title: `${t("totp.remove")}?`,
    lead: t("totp.remove_lead"),
    fields: [],
    action: t("totp.remove"),
    danger: true,
    submit: () => dangerousRequest("DELETE", "/api/settings/2fa/totp"),
  })
  if (!removed) return
  await loadFactors()
  say(t("totp.removed"))
}

/** @param {Factors} factors */
function showRecovery({ recovery_codes_left: left, totp_since, passkeys }) {
  const place = byId("recovery", HTMLDivElement)
  if (!totp_since && passkeys === 0) {
    show(place, h("p", { class: "text-soft" }, t("recovery.none")))
    return
  }
  const few = left < FEW_CODES
  const count = t("recovery.left", { count: left })
  show(
    place,
    few ? notice("caution", count, h("p", {}, t("recovery.few"))) : h("p", {}, count),
    h("div", {}, actionButton(t("recovery.renew"), renewCodes)),
  )
}

async function renewCodes() {
  /** @type {string[]} */
  let codes = []
  const renewed = await formDialog({
    title: t("recovery.renew_title"),
    lead: t("recovery.renew_lead"),
    fields: [],
    action: t("recovery.renew"),
    danger: true,
    submit: async () => {
      codes = (await dangerousRequest("POST", "/api/settings/2fa/recovery-codes")).recovery_codes
    },
  })
  if (!renewed) return
  await showRecoveryCodes(codes)
  await loadFactors()
}

/** @param {Passkey[]} passkeys */
function showPasskeys(passkeys) {
  const place = byId("passkeys", HTMLDivElement)
  if (passkeys.length === 0) {
    show(place, h("p", { class: "text-soft" }, t("passkey.none")))
    return
  }
  const head = [t("field.name"), t("passkey.created"), t("passkey.last_used")]
  show(
    place,
    h(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-label": t("passkey.title") },
      h(
        "table",
        { class: "table" },
        h("caption", { class: "sr-only" }, t("passkey.title")),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...head.map((text, index) => h("th", { scope: "col", class: index === 0 && "sticky-column" }, text)),
            h("th", { scope: "col" }, h("span", { class: "sr-only" }, t("passkey.actions"))),
          ),
        ),
        h("tbody", {}, ...passkeys.map(passkeyRow)),
      ),
    ),
  )
}

/** @param {Passkey} passkey */
function passkeyRow(passkey) {
  return h(
    "tr",
    { "data-id": passkey.id },
    h(
      "th",
      { scope: "row", class: "sticky-column" },
      h("span", { class: "table-name block", title: passkey.name }, passkey.name),
    ),
    h("td", {}, timeText(passkey.created_at)),
    h("td", {}, passkey.last_used_at ? timeText(passkey.last_used_at) : t("passkey.never")),
    h(
      "td",
      { class: "align-end" },
      h(
        "span",
        { class: "inline-flex gap-2" },
        actionButton(t("passkey.rename"), () => renamePasskey(passkey), "button button-small"),
        actionButton(t("passkey.remove"), () => removePasskey(passkey), "button button-small button-danger-quiet"),
      ),
    ),
  )
}

/** @param {string} [value] */
const passkeyName = (value = "") => inputFor("POST /api/settings/passkeys", "name", { value })

async function addPasskey() {
  const name = passkeyName()
  /** @type {string[]} */
  let codes = []
  let cancelled = false
  const added = await formDialog({
    title: t("passkey.add"),
    lead: t("passkey.add_lead", { host: location.host }),
    fields: [field(t("field.name"), name, h("p", { class: "hint" }, t("passkey.name_hint")))],
    action: t("passkey.create"),
    submit: async () => {
      cancelled = false
      const { challenge, public_key } = await dangerousRequest("POST", "/api/settings/passkeys/options")
      const credential = await askForPasskey(public_key)
      if (!credential) {
        cancelled = true
        return
      }
      const body = { challenge, name: name.value.trim(), credential }
      codes = (await staffRequest("POST", "/api/settings/passkeys", { body })).recovery_codes
    },
  })
  if (!added) return
  if (cancelled) {
    sayProblem(t("passkey.cancelled"))
    return
  }
  await showRecoveryCodes(codes)
  await loadFactors()
  say(t("passkey.added"))
}

/** @param {import("../lib/passkeys.js").CreationOptions} options */
async function askForPasskey(options) {
  try {
    return await createPasskey(options)
  } catch (error) {
    if (!(error instanceof PasskeyExists)) throw error
    sayProblem(t("passkey.exists"))
    throw new NotConfirmed()
  }
}

/** @param {Passkey} passkey */
async function renamePasskey(passkey) {
  const name = passkeyName(passkey.name)
  const renamed = await formDialog({
    title: t("passkey.rename_title"),
    fields: [field(t("field.name"), name)],
    action: t("passkey.save"),
    submit: () => staffRequest("PATCH", `/api/settings/passkeys/${passkey.id}`, { body: { name: name.value.trim() } }),
  })
  if (renamed) await loadFactors()
}

/** @param {Passkey} passkey */
async function removePasskey(passkey) {
  const removed = await formDialog({
    title: t("passkey.remove_title", { name: passkey.name }),
    lead: t("passkey.remove_lead"),
    fields: [],
    action: t("passkey.remove_action", { name: passkey.name }),
    danger: true,
    submit: () => dangerousRequest("DELETE", `/api/settings/passkeys/${passkey.id}`),
  })
  if (!removed) return
  await loadFactors()
  say(t("passkey.removed"))
}
