// Getting in: with a password alone, with an authenticator app, with recovery codes, with a passkey (Chromium's virtual
// authenticator); proving it again before a dangerous action; and a session that ends without taking the work along.

import assert from "node:assert/strict"
import { createHmac } from "node:crypto"
import { after, before, test } from "node:test"
import { execute } from "../support/database.mjs"
import { newPerson } from "../support/staff.mjs"
import {
  LANGUAGES,
  logIn,
  openBrowser,
  openContext,
  SERVER,
  screenshot,
  settled,
  typePassword,
  wordsIn,
} from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */
/** @typedef {import("./support.mjs").Language} Language */
/** @typedef {import("../support/staff.mjs").Person} Person */

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

/** @type {import("./support.mjs").Browser} */
let browser

before(async () => {
  browser = await openBrowser()
})

after(() => browser?.close())

for (const language of LANGUAGES) {
  test(`an authenticator app is set up and asked for, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `totp-${language}`, "admin")
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    /** @param {string} step */
    const picture = step => screenshot(page, `identity-totp-${language}-${step}`)
    await logIn(page, person)
    await page.goto(`${SERVER}/admin/settings/profile`)
    await settled(page)
    await picture("1-profile")

    await page.getByRole("button", { name: words("totp.add") }).click()
    const dialog = page.locator("dialog[open]")
    const picturePath = dialog.getByRole("img", { name: words("totp.qr") })
    await picturePath.waitFor()
    assert.ok(await picturePath.evaluate(image => /** @type {HTMLImageElement} */ (image).naturalWidth > 0))
    const key = (await dialog.locator("code").innerText()).trim()
    await picture("2-scan")
    await dialog.locator("[name=code]").fill("000000")
    await dialog.getByRole("button", { name: words("totp.confirm") }).click()
    await dialog.getByRole("alert").waitFor()
    await dialog.locator("[name=code]").fill(codeOf(key))
    await dialog.getByRole("button", { name: words("totp.confirm") }).click()
    const codes = dialog.locator("ol code")
    await codes.first().waitFor()
    assert.equal(await codes.count(), 10)
    const recoveryCode = await codes.first().innerText()
    await picture("3-codes")
    // Escape does not lose them, nor does a second one, about which a dialog is not asked.
    for (let press = 0; press < 3; press += 1) await page.keyboard.press("Escape")
    assert.equal(await codes.count(), 10)
    await dialog.getByRole("button", { name: words("recovery.kept") }).click()
    await page.locator(".card:has(#totp) #done", { hasText: words("totp.added") }).waitFor()
    await picture("4-added")
    await context.close()

    const phone = await openContext(browser, { language, width: 390 })
    const other = await phone.newPage()
    await typePassword(other, person, "/login?next=/admin/settings/sessions")
    const code = other.locator("#code")
    await code.waitFor()
    assert.equal(await code.getAttribute("autocomplete"), "one-time-code")
    assert.equal(await other.locator("#code:focus").count(), 1, "the code can be typed at once")
    await screenshot(other, `identity-totp-${language}-5-second-step`)
    await code.fill("000000")
    await other.locator("#second-errors [role=alert]").waitFor()
    await code.fill(nextCode(key))
    await other.waitForURL(`${SERVER}/admin/settings/sessions`)
    await other.locator("#sessions tbody tr").nth(1).waitFor()
    await screenshot(other, `identity-totp-${language}-6-sessions`)

    // The phone is lost: a recovery code helps, once.
    await other.context().clearCookies()
    await typePassword(other, person, "/login")
    await other.locator("#other-way").click()
    await other.locator("#recovery").fill(recoveryCode.toLowerCase())
    await other.locator("#continue").click()
    await other.waitForURL(`${SERVER}/admin`)
    await other.context().clearCookies()
    await typePassword(other, person, "/login")
    await other.locator("#other-way").click()
    await other.locator("#recovery").fill(recoveryCode)
    await other.locator("#continue").click()
    await other.locator("#second-errors [role=alert]").waitFor()
    await phone.close()
  })

  test(`a passkey is added, signs in alone, and stands in as second factor, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `passkey-${language}`, "admin")
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    await addAuthenticator(page)
    await logIn(page, person)
    await page.goto(`${SERVER}/admin/settings/profile`)
    await settled(page)
    await page.locator("#add-passkey").click()
    const dialog = page.locator("dialog[open]")
    await dialog.locator("[name=name]").fill("Laptop")
    await dialog.getByRole("button", { name: words("passkey.create") }).click()
    await dialog.getByRole("button", { name: words("recovery.kept") }).click()
    const row = page.locator("#passkeys tbody tr")
    await row.waitFor()
    assert.match(await row.innerText(), /Laptop/)
    await screenshot(page, `identity-passkey-${language}-1-added`)

    await context.clearCookies()
    await page.goto(`${SERVER}/login`)
    await page.locator("#log-in-passkey").click()
    await page.waitForURL(`${SERVER}/admin`)

    await context.clearCookies()
    await typePassword(page, person, "/login")
    await page.locator("#use-passkey").waitFor()
    await screenshot(page, `identity-passkey-${language}-2-second-step`)
    await page.locator("#use-passkey").click()
    await page.waitForURL(`${SERVER}/admin`)

    await page.goto(`${SERVER}/admin/settings/profile`)
    await row.getByRole("button", { name: words("passkey.rename") }).click()
    await dialog.locator("[name=name]").fill("Ordenador")
    await dialog.getByRole("button", { name: words("passkey.save") }).click()
    await page.locator("#passkeys tbody tr", { hasText: "Ordenador" }).waitFor()

    // Minutes later, removing it asks again, and the passkey itself is proof enough.
    await longAgo(person)
    await row.getByRole("button", { name: words("passkey.remove"), exact: true }).click()
    await dialog.getByRole("button", { name: words("passkey.remove_action", { name: "Ordenador" }) }).click()
    const stepUp = page.locator("dialog[open][aria-labelledby=step-up-title]")
    await stepUp.waitFor()
    await screenshot(page, `identity-passkey-${language}-3-step-up`)
    await stepUp.getByRole("button", { name: words("step_up.passkey") }).click()
    await page.locator(".card:has(#passkeys) #done", { hasText: words("passkey.removed") }).waitFor()
    assert.equal(await row.count(), 0)
    await context.close()
  })

  test(`a dangerous action asks for the password, and goes on or stays undone, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `step-up-${language}`, "admin")
    const context = await openContext(browser, { language, width: 390 })
    const page = await context.newPage()
    await logIn(page, person)
    await page.goto(`${SERVER}/admin/settings/profile`)
    await settled(page)
    await longAgo(person)
    const add = page.getByRole("button", { name: words("totp.add") })
    await add.click()
    const stepUp = page.locator("dialog[open][aria-labelledby=step-up-title]")
    await stepUp.waitFor()
    await screenshot(page, `identity-step-up-${language}-1`)
    await page.keyboard.press("Escape")
    await stepUp.waitFor({ state: "detached" })
    assert.equal(await page.locator("#problem").innerText(), "", "nothing was done, nothing is said")

    await add.click()
    await stepUp.locator("[name=password]").fill("not it")
    await page.keyboard.press("Enter")
    await stepUp.locator("[name=password][aria-invalid]").waitFor()
    await stepUp.locator("[name=password]").fill(person.password)
    await page.keyboard.press("Enter")
    await page.getByRole("img", { name: words("totp.qr") }).waitFor()
    await context.close()
  })

  test(`a session that ends takes no work along, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `end-${language}`, "admin")
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    await logIn(page, person)
    await page.goto(`${SERVER}/admin/settings/profile`)
    await settled(page)
    await page.fill("#name", "Ada in the middle of something")
    await endSessions(person)
    await page.click("#save")
    const over = page.locator("dialog[open][aria-labelledby=session-over]")
    await over.waitFor()
    await screenshot(page, `identity-end-${language}-1`)
    const opened = context.waitForEvent("page")
    await over.getByRole("link", { name: words("session.sign_in_tab") }).click()
    const tab = await opened
    await tab.fill("#email", person.email)
    await tab.fill("#password", person.password)
    await tab.click("#log-in")
    await tab.locator("#back-title").waitFor()
    await screenshot(tab, `identity-end-${language}-2`)
    await tab.close()
    // The page goes on where it was: what was to be saved is saved.
    await over.waitFor({ state: "detached" })
    await page.locator(".card:has(#profile-form) #done", { hasText: words("profile.saved") }).waitFor()
    assert.equal(await page.inputValue("#name"), "Ada in the middle of something")
    assert.equal(await page.locator("[data-user-name]").first().textContent(), person.email)
    await page.reload()
    await settled(page)
    assert.equal(await page.inputValue("#name"), "Ada in the middle of something")
    await context.close()
  })

  test(`a profile changed in two tabs shows both, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `profile-${language}`, "admin")
    const context = await openContext(browser, { language })
    const [page, other] = [await context.newPage(), await context.newPage()]
    await logIn(page, person)
    for (const tab of [page, other]) {
      await tab.goto(`${SERVER}/admin/settings/profile`)
      await settled(tab)
      assert.equal(await tab.locator("#save-bar").isVisible(), false, "nothing is changed yet")
    }
    await other.fill("#name", "Theirs")
    await other.click("#save")
    await other.locator("#done", { hasText: words("profile.saved") }).waitFor()
    await page.fill("#name", "Mine")
    await page.click("#save")
    const question = page.getByRole("dialog")
    await question.getByText(words("config.merge_theirs", { value: "Theirs" })).waitFor()
    await screenshot(page, `identity-profile-${language}`)
    await question.locator("[data-action]").click()
    await page.locator("#done", { hasText: words("profile.saved") }).waitFor()
    await other.reload()
    await settled(other)
    assert.equal(await other.inputValue("#name"), "Mine")
    await context.close()
  })

  test(`sessions are listed and ended, in ${language}`, async () => {
    const words = await wordsIn(language)
    const person = await newPerson(DATA_DIR, `sessions-${language}`, "admin")
    const here = await openContext(browser, { language })
    const there = await openContext(browser, { language })
    const page = await here.newPage()
    const other = await there.newPage()
    await logIn(other, person)
    await logIn(page, person)
    await page.goto(`${SERVER}/admin/settings/sessions`)
    await settled(page)
    const own = page.locator("#sessions tbody tr", { hasText: words("sessions.current") })
    assert.match(await own.innerText(), /Chrome/)
    await page
      .locator("#sessions tbody tr")
      .filter({ hasNotText: words("sessions.current") })
      .getByRole("button")
      .click()
    const answer = page.locator("#sessions .answer-row #done", { hasText: words("sessions.ended") })
    await answer.waitFor()
    assert.equal(await answer.locator(":focus").count(), 1, "whoever does not see it is led to it")
    assert.equal(await page.locator("#sessions tr[data-id]").count(), 1)
    await other.reload()
    await other.waitForURL(/\/login\?next=/)
    await here.close()
    await there.close()
  })
}

test("a role that needs a second factor warns first, then opens nothing else", async () => {
  const words = await wordsIn("en")
  const person = await newPerson(DATA_DIR, "enforced", "auditor")
  const context = await openContext(browser, { language: "en" })
  const page = await context.newPage()
  try {
    await enforce("auditor", 7)
    await logIn(page, person)
    await settled(page)
    await page.locator("#above-content .tone-caution").waitFor()
    await screenshot(page, "identity-enforced-1-grace")
    await enforce("auditor", 0)
    await page.waitForFunction(async () => (await (await fetch("/api/admin/me")).json()).scopes.length === 1, null, {
      polling: 250,
    })
    await page.goto(`${SERVER}/admin`)
    await page.waitForURL(`${SERVER}/admin/settings/profile`)
    await page.locator("#above-content", { hasText: words("second_factor.overdue") }).waitFor()
    await settled(page)
    await screenshot(page, "identity-enforced-2-overdue")
  } finally {
    await execute(DATA_DIR, "UPDATE roles SET second_factor_required = false WHERE name = 'auditor'")
    await context.close()
  }
})

/** @param {string} role @param {number} days */
async function enforce(role, days) {
  await execute(
    DATA_DIR,
    `UPDATE roles SET second_factor_required = true, grace_days = ${days}, required_since = now() - interval '1 minute'
      WHERE name = '${role}';
     UPDATE staff SET created_at = now() - interval '1 minute' WHERE role = '${role}';
     NOTIFY onboarding, 'identity'`,
  )
}

/** The last proof of who this is lies longer back than dangerous actions believe. @param {Person} person */
function longAgo({ email }) {
  return execute(
    DATA_DIR,
    `UPDATE sessions SET confirmed_at = confirmed_at - interval '6 minutes'
      WHERE staff_id = (SELECT id FROM staff WHERE email = '${email}')`,
  )
}

/** From somewhere else, as an owner or the clock would. @param {Person} person */
async function endSessions(person) {
  const context = await openContext(browser, { language: "en" })
  const { request } = context
  const origin = { Origin: SERVER }
  const answer = await request.post(`${SERVER}/api/admin/login`, { data: person, headers: origin })
  const { csrf_token: csrf } = await answer.json()
  const ended = await request.delete(`${SERVER}/api/settings/sessions`, {
    headers: { ...origin, "X-CSRF-Token": csrf },
  })
  assert.equal(ended.status(), 200, await ended.text())
  await context.close()
}

/** Chromium's own authenticator in software: a built-in one that checks its person. @param {Page} page */
async function addAuthenticator(page) {
  const session = await page.context().newCDPSession(page)
  await session.send("WebAuthn.enable")
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

/** TOTP (RFC 6238) of a key in base32. @param {string} key */
function codeOf(key, step = Math.floor(Date.now() / 30_000)) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
  const bits = [...key.replaceAll(" ", "")].map(letter => letters.indexOf(letter).toString(2).padStart(5, "0")).join("")
  const seed = Buffer.from(bits.match(/.{8}/g)?.map(byte => Number.parseInt(byte, 2)) ?? [])
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const digest = createHmac("sha1", seed).update(counter).digest()
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, "0")
}

// The code that confirmed the app is used up; the one of the step after it is accepted already.
/** @param {string} key */
function nextCode(key) {
  return codeOf(key, Math.floor(Date.now() / 30_000) + 1)
}
