// Staff sign in here and return to the page they came from. Failures never say whether an account exists.

import { clearErrors, showErrors } from "../elements/form-errors.js"
import { startPreferences } from "../elements/preferences.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, setText } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const form = byId("login-form", HTMLFormElement)
const errors = byId("form-errors", HTMLDivElement)
const button = byId("log-in", HTMLButtonElement)
const password = byId("password", HTMLInputElement)
const showPassword = byId("show-password", HTMLButtonElement)
let busy = false

startPreferences()
form.addEventListener("submit", submit)
showPassword.addEventListener("click", togglePassword)

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault()
  if (busy) return
  clearErrors(errors, form)
  setBusy(true)
  const data = new FormData(form)
  try {
    const body = { email: String(data.get("email")).trim(), password: String(data.get("password")) }
    await request("POST", "/api/admin/login", { body })
    location.assign(destination())
  } catch (problem) {
    setBusy(false)
    if (!(problem instanceof ApiProblem)) throw problem
    if (problem.status === 429) countDown(problem.retryAfter || 30)
    showErrors(errors, form, problem)
  }
}

// Only a path of this site: "//other.example" and "/\other.example" are other sites to a browser.
function destination() {
  const next = new URLSearchParams(location.search).get("next") ?? ""
  if (!next.startsWith("/")) return "/admin"
  const address = new URL(next, location.origin)
  return address.origin === location.origin ? address.pathname + address.search + address.hash : "/admin"
}

/** @param {number} seconds */
function countDown(seconds) {
  const end = Date.now() + seconds * 1000
  setBusy(true)
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000)
    if (left > 0) setText(button, t("login.wait", { seconds: left }))
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
  if (now) button.setAttribute("aria-disabled", "true")
  else button.removeAttribute("aria-disabled")
  setText(button, now ? t("login.checking") : t("login.submit"))
}

function togglePassword() {
  const visible = password.type === "text"
  password.type = visible ? "password" : "text"
  showPassword.setAttribute("aria-pressed", String(!visible))
  setText(showPassword, visible ? t("login.show") : t("login.hide"))
}
