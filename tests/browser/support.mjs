// What the browser tests share: the server under test, one browser, people who are signed in, and the pages' own words.

import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import { promisify } from "node:util"

const fromWeb = createRequire(new URL("../../web/package.json", import.meta.url))
const { chromium } = fromWeb("playwright-core")
export const { AxeBuilder } = fromWeb("@axe-core/playwright")

/** @typedef {import("../../web/node_modules/playwright-core").Browser} Browser */
/** @typedef {import("../../web/node_modules/playwright-core").BrowserContext} BrowserContext */
/** @typedef {import("../../web/node_modules/playwright-core").Page} Page */
/** @typedef {import("../../web/node_modules/playwright-core").ConsoleMessage} ConsoleMessage */
/** @typedef {import("../support/staff.mjs").Person} Person */
/** @typedef {"es" | "en"} Language */
/** @typedef {"light" | "dark"} Theme */

/** @type {Language[]} */
export const LANGUAGES = ["es", "en"]
const LOCALES = { es: "es-ES", en: "en-GB" }
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--ignore-certificate-errors",
]

/** Where the server answers, without a slash at the end. */
export const SERVER = setting("ONBOARDING_TEST_URL").replace(/\/$/, "")
export const STAFF = { email: setting("ONBOARDING_TEST_EMAIL"), password: setting("ONBOARDING_TEST_PASSWORD") }
const SCREENSHOTS = process.env.ONBOARDING_SCREENSHOTS

/** @param {string} name */
function setting(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set; ./test browser starts a server and sets it`)
  return value
}

/** @returns {Promise<Browser>} */
export function openBrowser() {
  const executablePath = process.env.ONBOARDING_CHROMIUM || "/usr/bin/chromium"
  if (!existsSync(executablePath))
    throw new Error(
      `there is no browser at ${executablePath}: run \`apt install chromium\`, or name one with ONBOARDING_CHROMIUM`,
    )
  return chromium.launch({ executablePath, args: FLAGS })
}

/**
 * @param {Browser} browser
 * @param {{ language: Language, theme?: Theme, width?: number, storageState?: Awaited<ReturnType<BrowserContext["storageState"]>> }} visitor
 */
export function openContext(browser, { language, theme = "light", width = 1440, storageState }) {
  return browser.newContext({
    locale: LOCALES[language],
    colorScheme: theme,
    viewport: { width, height: heightFor(width) },
    reducedMotion: "reduce",
    ignoreHTTPSErrors: true,
    storageState,
  })
}

/** @param {number} width */
export const heightFor = width => (width < 600 ? 844 : 900)

/** Signs in once over HTTP; the returned state lets many contexts share the session. @param {Browser} browser */
export async function signIn(browser) {
  const context = await openContext(browser, { language: "en" })
  const answer = await context.request.post(`${SERVER}/api/admin/login`, { data: STAFF, headers: { Origin: SERVER } })
  if (!answer.ok()) throw new Error(`sign-in failed with ${answer.status()}: ${await answer.text()}`)
  const state = await context.storageState()
  await context.close()
  return state
}

/** Types what somebody knows at an address that asks for it. @param {Page} page @param {Person} person @param {string} address */
export async function typePassword(page, person, address) {
  await page.goto(SERVER + address)
  await page.fill("#email", person.email)
  await page.fill("#password", person.password)
  await page.click("#log-in")
}

/** Signs in as a person does, who needs no second step. @param {Page} page @param {Person} person */
export async function logIn(page, person) {
  await typePassword(page, person, "/login")
  await page.waitForURL(`${SERVER}/admin`)
}

/**
 * Invites somebody as the staff of `request` and gives the path of the link in their mail.
 * @param {BrowserContext["request"]} request @param {string} csrf @param {string} email @param {string} role
 */
export async function invite(request, csrf, email, role) {
  const answer = await request.post(`${SERVER}/api/settings/invitations`, {
    data: { email, name: "Gina Gate", role, locale: "en" },
    headers: { Origin: SERVER, "X-CSRF-Token": csrf },
  })
  if (!answer.ok()) throw new Error(`the invitation failed with ${answer.status()}: ${await answer.text()}`)
  return await invitationOf(request, email)
}

/** The path of the link in the newest invitation to this address. @param {BrowserContext["request"]} request @param {string} email */
export async function invitationOf(request, email) {
  const { data } = await (await request.get(`${SERVER}/api/mails`)).json()
  const mail = data.find((/** @type {any} */ one) => one.recipient === email && one.template === "invitation")
  const { body } = await (await request.get(`${SERVER}/api/mails/${mail.id}`)).json()
  return new URL(/https?:\S+\/invitation\/\S+/.exec(body)?.[0] ?? "").pathname
}

/** Fonts are there and nothing on the page says that it is busy. @param {Page} page */
export async function settled(page) {
  await page.waitForFunction(() => document.readyState === "complete" && !document.querySelector('[aria-busy="true"]'))
  await page.evaluate(async () => {
    await document.fonts.ready
    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  })
}

/** @param {Page} page @param {string} name */
export async function screenshot(page, name) {
  if (!SCREENSHOTS) return
  await mkdir(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}

/** The words of the pages, from their own catalogue. @param {Language} language */
export async function wordsIn(language) {
  const file = new URL(`../../web/locales/${language}.json`, import.meta.url)
  /** @type {Record<string, string>} */
  const messages = JSON.parse(await readFile(file, "utf8"))
  /** @param {string} key @param {Record<string, string>} [values] */
  return (key, values = {}) => {
    if (typeof messages[key] !== "string") throw new Error(`no message ${key} in ${language}`)
    return messages[key].replace(/\{(\w+)\}/g, (_, name) => values[name])
  }
}

/** Builds the pages anew, for those that the server only shows when something is wrong. @param {string} folder */
export async function buildPages(folder) {
  const build = new URL("../../web/build.mjs", import.meta.url)
  await promisify(execFile)(process.execPath, [build.pathname, "--out", folder])
}
