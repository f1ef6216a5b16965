// The frame of every console page: who is signed in, the drawer, the user menu and the end of the session.

import { fill, h, setText } from "../lib/dom.js"
import { formatClock, formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { leaveForLogin, logOut, me } from "../lib/session.js"
import { failedCard, forbiddenCard, notice } from "./feedback.js"
import { startPreferences } from "./preferences.js"

const WARN_BEFORE_END = 5 * 60_000
const LONGEST_TIMER = 2 ** 31 - 1

/** @typedef {import("../lib/session.js").Me} Me */

/** Resolves when the visitor is known to be staff; else the login page follows. @returns {Promise<Me>} */
export async function startConsole() {
  startPreferences()
  connectDrawer()
  datePrints()
  try {
    const user = await me()
    showUser(user)
    showAllowed(user)
    if (user.read_only) showReadOnly()
    watchSession(user)
    requirePermission(user)
    return user
  } catch (problem) {
    if (!(problem instanceof Forbidden)) showAboveContent(failedCard(problem, () => location.reload()))
    throw problem
  }
}

// Above everything else and on every page, for as long as it lasts.
function showReadOnly() {
  const banner = notice("caution", t("read_only.title"), h("p", {}, t("read_only.text")))
  banner.setAttribute("role", "status")
  document.querySelector(".console-main")?.prepend(h("div", { class: "p-3", id: "read-only" }, banner))
}

/** @param {Node} node */
function showAboveContent(node) {
  const place = document.getElementById("above-content")
  if (place) fill(place, node)
}

// On paper stands when it was true, and where.
function datePrints() {
  addEventListener("beforeprint", () => {
    const place = document.getElementById("printed")
    if (place)
      setText(place, t("print.as_of", { time: formatFullDateTime(new Date().toISOString()), address: location.href }))
  })
}

function connectDrawer() {
  const drawer = /** @type {HTMLDialogElement} */ (document.getElementById("drawer"))
  document.getElementById("open-drawer")?.addEventListener("click", () => drawer.showModal())
  document.getElementById("close-drawer")?.addEventListener("click", () => drawer.close())
  drawer.addEventListener("click", event => {
    if (event.target === drawer) drawer.close()
  })
}

/** @param {Me} user */
function showUser(user) {
  for (const [selector, text] of [
    ["[data-user-name]", user.name || user.email],
    ["[data-user-email]", user.email],
    ["[data-user-initial]", (user.name || user.email).slice(0, 1).toUpperCase()],
    ["[data-version]", user.version],
  ]) {
    for (const element of document.querySelectorAll(selector)) element.textContent = text
  }
  const environments = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-environment]"))
  for (const element of environments) element.hidden = user.environment !== "sandbox"
  const scoped = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-scope]"))
  for (const element of scoped) element.hidden = !user.scopes.includes(element.dataset.scope ?? "")
  document.getElementById("log-out")?.addEventListener("click", async () => {
    try {
      await logOut()
    } catch (problem) {
      showAboveContent(failedCard(problem))
    }
  })
}

/** What needs a permission is in the page, hidden, until it is known who is there. @param {Me} user */
function showAllowed(user) {
  const guarded = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-scope]"))
  for (const element of guarded) element.hidden = !user.scopes.includes(element.dataset.scope ?? "")
  document.querySelector('.settings-nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" })
}

class Forbidden extends Error {}

/** A page that this person may not see says so instead of showing itself. @param {Me} user */
function requirePermission(user) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"))
  const { needs } = main.dataset
  if (!needs || user.scopes.includes(needs)) return
  const navigation = main.querySelector(".settings-nav")
  const title = h("h1", { class: "page-title", tabindex: "-1" }, t("failed.forbidden_title"))
  fill(main, navigation, title, h("div", { class: "mt-5 max-w-2xl" }, forbiddenCard(needs)))
  throw new Forbidden(needs)
}

/** @param {Me} user */
function watchSession(user) {
  const end = Date.parse(user.session_expires_at)
  at(end, leaveForLogin)
  at(end - WARN_BEFORE_END, () => {
    const next = encodeURIComponent(location.pathname + location.search)
    showAboveContent(
      notice(
        "caution",
        t("session.ends_at", { time: formatClock(end) }),
        h("p", {}, h("a", { href: `/login?next=${next}` }, t("session.sign_in_again"))),
      ),
    )
  })
}

/** @param {number} time @param {() => void} action */
function at(time, action) {
  const wait = time - Date.now()
  if (wait < LONGEST_TIMER) setTimeout(action, Math.max(0, wait))
}
