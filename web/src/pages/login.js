// Staff sign in here and return to the page they came from: with a password and what else their account asks for, or
// with a passkey alone. Failures never say whether an account exists.

import { notice } from "../elements/feedback.js"
import { clearErrors, showErrors } from "../elements/form-errors.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { passkeysWork, usePasskey } from "../lib/passkeys.js"

/**
 * @typedef {{ challenge: string, methods: ("totp" | "recovery_code" | "passkey")[], expires_in: number,
 *             public_key: import("../lib/passkeys.js").RequestOptions | null }} SecondFactor
 */

const CODE_LENGTH = 6

const form = byId("login-form", HTMLFormElement)
const errors = byId("form-errors", HTMLDivElement)
const button = byId("log-in", HTMLButtonElement)
const passkeyButton = byId("log-in-passkey", HTMLButtonElement)
const password = byId("password", HTMLInputElement)
const showPassword = byId("show-password", HTMLButtonElement)
const secondForm = byId("second-form", HTMLFormElement)
const secondErrors = byId("second-errors", HTMLDivElement)
const continueButton = byId("continue", HTMLButtonElement)
const code = byId("code", HTMLInputElement)
const recovery = byId("recovery", HTMLInputElement)
const otherWay = byId("other-way", HTMLButtonElement)

let busy = false
/** @type {SecondFactor | undefined} */
let asked
/** @type {"totp" | "recovery_code"} */
let typed = "totp"

startPreferences()
form.addEventListener("submit", submit)
showPassword.addEventListener("click", togglePassword)
passkeyButton.hidden = !passkeysWork()
passkeyButton.addEventListener("click", logInWithPasskey)
secondForm.addEventListener("submit", submitSecond)
byId("use-passkey", HTMLButtonElement).addEventListener("click", showPasskey)
byId("start-again", HTMLButtonElement).addEventListener("click", startAgain)
otherWay.addEventListener("click", () => showTyped(typed === "totp" ? "recovery_code" : "totp"))
code.addEventListener("input", () => {
  if (code.value.replace(/\D/g, "").length === CODE_LENGTH) secondForm.requestSubmit()
})

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault()
  if (busy) return
  const data = new FormData(form)
  const body = { email: String(data.get("email")).trim(), password: String(data.get("password")) }
  await attempt(errors, form, async () => {
    const answer = await request("POST", "/api/admin/login", { body })
    if (answer.second_factor) askSecond(answer.second_factor)
    else leave()
  })
}

async function logInWithPasskey() {
  if (busy) return
  await attempt(errors, form, async () => {
    const { challenge, public_key } = await request("GET", "/api/admin/login/passkey")
    const assertion = await usePasskey(public_key)
    if (!assertion) return sayCancelled(errors)
    await request("POST", "/api/admin/login/passkey", { body: { challenge, assertion } })
    leave()
  })
}

/** @param {SecondFactor} factor */
function askSecond(factor) {
  asked = factor
  show("second-step")
  const passkey = factor.methods.includes("passkey") && passkeysWork()
  byId("use-passkey", HTMLButtonElement).hidden = !passkey
  showTyped(factor.methods.includes("totp") ? "totp" : "recovery_code")
  if (passkey && !factor.methods.includes("totp")) byId("use-passkey", HTMLButtonElement).focus()
}

/** @param {typeof typed} method */
function showTyped(method) {
  typed = method
  clearErrors(secondErrors, secondForm)
  const methods = asked?.methods ?? []
  byId("code-field", HTMLDivElement).hidden = method !== "totp"
  byId("recovery-field", HTMLDivElement).hidden = method !== "recovery_code"
  otherWay.hidden = !methods.includes("totp") || !methods.includes("recovery_code")
  setText(otherWay, method === "totp" ? t("login.use_recovery") : t("login.use_code"))
  const input = method === "totp" ? code : recovery
  input.value = ""
  input.focus()
}

/** @param {SubmitEvent} event */
async function submitSecond(event) {
  event.preventDefault()
  const value = typed === "totp" ? code.value : recovery.value
  if (value.trim() && !busy) await sendSecond({ method: typed, code: value.trim() })
}

async function showPasskey() {
  const options = asked?.public_key
  if (busy || !options) return
  const assertion = await usePasskey(options)
  if (assertion) await sendSecond({ method: "passkey", assertion })
  else sayCancelled(secondErrors)
}

/** @param {Record<string, unknown>} shown */
async function sendSecond(shown) {
  const remember = byId("remember", HTMLInputElement).checked
  await attempt(secondErrors, secondForm, async () => {
    const body = { challenge: asked?.challenge, remember_device: remember, ...shown }
    await request("POST", "/api/admin/login/2fa", { body })
    leave()
  })
}

function startAgain() {
  asked = undefined
  password.value = ""
  show("first-step")
  password.focus()
}

/** @param {HTMLElement} place @param {HTMLFormElement} where @param {() => Promise<void>} work */
async function attempt(place, where, work) {
  clearErrors(place, where)
  setBusy(true)
  try {
    await work()
    setBusy(false)
  } catch (problem) {
    setBusy(false)
    if (!(problem instanceof ApiProblem)) throw problem
    code.value = ""
    if (problem.code === "challenge_expired" && where === secondForm) {
      startAgain()
      showErrors(errors, form, problem)
      return
    }
    if (problem.status === 429) countDown(problem.retryAfter || 30)
    showErrors(place, where, problem)
  }
}

/** @param {HTMLElement} place */
function sayCancelled(place) {
  const text = notice("info", "", h("p", {}, t("login.passkey_cancelled")))
  text.setAttribute("role", "status")
  fill(place, text)
}

function leave() {
  new BroadcastChannel("session").postMessage("logged in")
  const address = new URLSearchParams(location.search)
  if (address.get("return") === "tab") show("back-step")
  else location.assign(destination(address.get("next") ?? ""))
}

// Only a path of this site: "//other.example" and "/\other.example" are other sites to a browser.
/** @param {string} next */
function destination(next) {
  if (!next.startsWith("/")) return "/admin"
  const address = new URL(next, location.origin)
  return address.origin === location.origin ? address.pathname + address.search + address.hash : "/admin"
}

/** @param {"first-step" | "second-step" | "back-step"} step */
function show(step) {
  for (const id of ["first-step", "second-step", "back-step"]) byId(id, HTMLDivElement).hidden = id !== step
  if (step === "back-step") byId("back-title", HTMLHeadingElement).focus()
}

/** @param {number} seconds */
function countDown(seconds) {
  const end = Date.now() + seconds * 1000
  setBusy(true)
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000)
    if (left > 0) for (const each of [button, continueButton]) setText(each, t("login.wait", { seconds: left }))
    else {
      clearInterval(timer)
      setBusy(false)
    }
  }
  const timer = setInterval(tick, 250)
  tick()
}

/** @param {boolean} now */
function setBusy(now) {
  busy = now
  for (const each of [button, passkeyButton, continueButton]) {
    if (now) each.setAttribute("aria-disabled", "true")
    else each.removeAttribute("aria-disabled")
  }
  setText(button, now ? t("login.checking") : t("login.submit"))
  setText(continueButton, now ? t("login.checking") : t("login.continue"))
}

function togglePassword() {
  const visible = password.type === "text"
  password.type = visible ? "password" : "text"
  showPassword.setAttribute("aria-pressed", String(!visible))
  setText(showPassword, visible ? t("login.show") : t("login.hide"))
}
