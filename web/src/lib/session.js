// Who is signed in. The cookies carry the session; the CSRF token lives only in this page's memory. The access
// token lives for minutes and is renewed unseen; several tabs take turns, so that one renewal serves all of them.

import { ApiProblem, request } from "./api.js"

/**
 * @typedef {{ id: string, email: string, name: string, role: string, scopes: string[], locale: string | null,
 *             csrf_token: string, session_expires_at: string, second_factor: boolean,
 *             second_factor_due_at: string | null, read_only: boolean, sends_mail: boolean, environment: string, version: string }} Me
 */

/** @type {Promise<Me> | undefined} */
let known
let renewals = 0
/** The page holds somebody's work: it asks for a new log-in without going away. @type {(() => Promise<void>) | undefined} */
let logInAgain
/** @type {Promise<void> | undefined} */
let loggingIn

/** @param {() => Promise<void>} ask resolves when somebody has logged in again */
export function onSessionOver(ask) {
  logInAgain = ask
}

/** @returns {Promise<Me>} */
export function me() {
  known ??= renewing(() => request("GET", "/api/admin/me")).catch(problem => {
    known = undefined
    throw problem
  })
  return known
}

/** A request of the console: a session that ended leads to the login page and back here afterwards. @type {typeof request} */
export function staffRequest(method, path, options = {}) {
  return renewing(async () => {
    if (method === "GET") return await request(method, path, options)
    const send = async () =>
      request(method, path, { ...options, headers: { ...options.headers, "X-CSRF-Token": (await me()).csrf_token } })
    try {
      return await send()
    } catch (problem) {
      // Somebody logged in anew in another tab: the session is another one, and so is its token.
      if (!(problem instanceof ApiProblem) || problem.code !== "cross_site_request") throw problem
      known = undefined
      return await send()
    }
  })
}

/**
 * Runs a request; when its access token had run out, renews it and runs the request once more.
 * @template Answer @param {() => Promise<Answer>} run @returns {Promise<Answer>}
 */
async function renewing(run) {
  const before = renewals
  try {
    return await run()
  } catch (problem) {
    if (!isLoggedOut(problem)) throw problem
    if (renewals === before && !(await renew()) && !(await loggedInAgain())) throw problem
    return await run()
  }
}

/** True when somebody has logged in again; false when the login page follows. @returns {Promise<boolean>} */
async function loggedInAgain() {
  if (!logInAgain) {
    leaveForLogin()
    return false
  }
  loggingIn ??= logInAgain().finally(() => {
    loggingIn = undefined
  })
  await loggingIn
  known = undefined
  return true
}

/** @param {unknown} problem */
function isLoggedOut(problem) {
  return (
    problem instanceof ApiProblem &&
    problem.status === 401 &&
    ["authentication_required", "invalid_token"].includes(problem.code)
  )
}

/** What a change of this version has to say. @param {{ version: number }} read */
export const ifMatch = ({ version }) => ({ "If-Match": `"${version}"` })

/** Gets a new access token; false when only a new log-in helps. @returns {Promise<boolean>} */
export async function renew() {
  const run = async () => {
    try {
      await request("POST", "/api/admin/refresh")
      renewals += 1
      return true
    } catch (problem) {
      if (isLoggedOut(problem)) return false
      throw problem
    }
  }
  return navigator.locks ? await navigator.locks.request("session", run) : await run()
}

/** For a socket that was closed because its access token had run out: true when it may connect again. */
export async function renewOrLeave() {
  return (await renew()) || (await loggedInAgain())
}

export function leaveForLogin() {
  const here = location.pathname + location.search
  location.assign(`/login?next=${encodeURIComponent(here)}`)
}

export async function logOut() {
  await staffRequest("POST", "/api/admin/logout")
  logInAgain = undefined
  location.assign("/login")
}
