// Who is signed in. The cookie carries the session; the CSRF token lives only in this page's memory.

import { ApiProblem, request } from "./api.js"

/**
 * @typedef {{ id: string, email: string, name: string, role: string, scopes: string[], locale: string | null,
 *             csrf_token: string, session_expires_at: string, environment: string, version: string }} Me
 */

/** @type {Promise<Me> | undefined} */
let known

/** @returns {Promise<Me>} */
export function me() {
  known ??= staffRequest("GET", "/api/admin/me").catch(problem => {
    known = undefined
    throw problem
  })
  return known
}

/** A request of the console: a session that ended leads to the login page and back here afterwards. @type {typeof request} */
export async function staffRequest(method, path, options = {}) {
  try {
    const headers = { ...options.headers }
    if (method !== "GET") headers["X-CSRF-Token"] = (await me()).csrf_token
    return await request(method, path, { ...options, headers })
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) leaveForLogin()
    throw problem
  }
}

export function leaveForLogin() {
  const here = location.pathname + location.search
  location.assign(`/login?next=${encodeURIComponent(here)}`)
}

export async function logOut() {
  await staffRequest("POST", "/api/admin/logout")
  location.assign("/login")
}
