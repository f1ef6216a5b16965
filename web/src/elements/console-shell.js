// The frame of every console page: who is signed in, the drawer, the user menu and the end of the session.

import { fill, h, setText } from "../lib/dom.js"
import { formatDate, formatFullDateTime } from "../lib/format.js"
import { language, t } from "../lib/messages.js"
import { ifMatch, logOut, me, staffRequest } from "../lib/session.js"
import { endWaiting, failedCard, forbiddenCard, notice } from "./feedback.js"
import { watchVersion } from "./newer-version.js"
import { startPreferences } from "./preferences.js"
import { watchSession } from "./session-end.js"

const PROFILE = "/admin/settings/profile"

/** @typedef {import("../lib/session.js").Me} Me */

/** Resolves when the visitor is known to be staff; else the login page follows. @returns {Promise<Me>} */
export async function startConsole() {
  startPreferences()
  connectDrawer()
  datePrints()
  try {
    const user = await me()
    followLanguage(user)
    showUser(user)
    showAllowed(user)
    if (user.read_only) showReadOnly()
    watchSession(user, showAboveContent)
    watchVersion(user.version, showAboveContent)
    askForSecondFactor(user)
    requirePermission(user)
    showPinnedViews()
    return user
  } catch (problem) {
    if (!(problem instanceof Forbidden)) {
      showAboveContent(failedCard(problem, () => location.reload()))
      endWaiting()
    }
    throw problem
  }
}

/** The pages speak the language of the profile, and another choice changes the profile. @param {Me} user */
function followLanguage(user) {
  if (user.locale && user.locale !== language) {
    const address = new URL(location.href)
    address.searchParams.set("lang", user.locale)
    location.replace(address)
  }
  for (const link of document.querySelectorAll("a[data-language]")) {
    link.addEventListener("click", async event => {
      event.preventDefault()
      const { href, dataset } = /** @type {HTMLAnchorElement} */ (link)
      try {
        const { version } = await staffRequest("GET", "/api/settings/profile")
        const headers = ifMatch({ version })
        await staffRequest("PATCH", "/api/settings/profile", { body: { locale: dataset.language }, headers })
        location.assign(href)
      } catch (problem) {
        showAboveContent(failedCard(problem))
      }
    })
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
  if (!place) return
  place.classList.add("grid", "gap-3")
  place.append(node)
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
    ["[data-user-initial]", Array.from(user.name || user.email)[0].toUpperCase()],
    ["[data-version]", user.version],
  ]) {
    for (const element of document.querySelectorAll(selector)) element.textContent = text
  }
  const environments = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-environment]"))
  for (const element of environments) element.hidden = user.environment !== "sandbox"
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
  document.querySelector(".settings-nav")?.classList.remove("invisible")
  document.querySelector('.settings-nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" })
}

/** Views that somebody pinned stand below the page of their list. Without them the navigation is whole. */
async function showPinnedViews() {
  /** @type {{ data: import("./data-table/views.js").View[] } | null} */
  const pinned = await staffRequest("GET", "/api/views").catch(() => null)
  const entries = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-lists]"))
  for (const entry of entries) {
    const paths = new Map(
      (entry.dataset.lists ?? "").split(" ").map(pair => /** @type {[string, string]} */ (pair.split(":"))),
    )
    const links = (pinned?.data ?? []).filter(({ list }) => paths.has(list))
    entry.append(
      ...links.map(({ id, list, name }) =>
        h(
          "a",
          { class: "rail-link rail-view", href: `${paths.get(list)}?view=${id}`, title: name, translate: "no" },
          h("span", { class: "rail-text truncate" }, name),
        ),
      ),
    )
  }
}

/** The role asks for a second factor: first that is said, then nothing else is open. @param {Me} user */
function askForSecondFactor(user) {
  if (!user.second_factor_due_at) return
  const here = location.pathname === PROFILE
  if (Date.parse(user.second_factor_due_at) <= Date.now()) {
    if (!here && document.getElementById("main")?.dataset.needs) location.replace(PROFILE)
    showAboveContent(notice("negative", t("second_factor.overdue"), h("p", {}, t("second_factor.overdue_text"))))
    return
  }
  showAboveContent(
    notice(
      "caution",
      t("second_factor.due", { date: formatDate(new Date(user.second_factor_due_at)) }),
      h("p", {}, t("second_factor.due_text")),
      !here && h("p", {}, h("a", { href: `${PROFILE}#second-factors` }, t("second_factor.add"))),
    ),
  )
}

class Forbidden extends Error {}

/** A page that this person may not see says so instead of showing itself. @param {Me} user */
function requirePermission(user) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"))
  const { needs } = main.dataset
  if (!needs || user.scopes.includes(needs)) return
  const above = document.getElementById("above-content")
  const navigation = main.querySelector(".settings-nav")
  const title = h("h1", { class: "page-title", tabindex: "-1" }, t("failed.forbidden_title"))
  fill(main, above, navigation, title, h("div", { class: "mt-5 max-w-2xl" }, forbiddenCard(needs, "")))
  throw new Forbidden(needs)
}
