// Pages lose nothing and say what is so: a secret stays until it is kept, a wrong filter is named and left out, times have
// a zone, the profile's language is the pages', the trail's badge counts, nothing is on its way where no mail is sent, and
// what fails outside is told in the reader's language.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { execute } from "../support/database.mjs"
import { newPerson } from "../support/staff.mjs"
import { showSignUp } from "./states.mjs"
import { LANGUAGES, logIn, openBrowser, openContext, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */

/** What only a server that sends mail may say. */
const PROMISES =
  /on its way|we write to you|told by (e-)?mail|invitation was sent|en camino|te escrib|avisa.{0,12} por correo|recibir. un correo/i

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

/** @type {import("./support.mjs").Browser} */
let browser

before(async () => {
  browser = await openBrowser()
})

after(() => browser?.close())

for (const language of LANGUAGES) {
  test(`a key that is shown once stays until somebody says that it is kept, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { context, page } = await enter(`kept-${language}`, { language, width: 390 })
    await page.goto(`${SERVER}/admin/settings/api-keys`)
    await settled(page)
    await page.click("#new-key")
    const dialog = page.locator("dialog[open]")
    await dialog.locator("[name=name]").fill(`robot-${language}`)
    await dialog.locator("[type=checkbox]:not([disabled])").first().check()
    await dialog.locator("[data-action]").click()
    const key = dialog.locator("[name=key]")
    await key.waitFor()
    await screenshot(page, `honest-${language}-key`)
    // The second Escape in a row closes a dialog without asking it.
    for (let press = 0; press < 4; press += 1) await page.keyboard.press("Escape")
    assert.equal(await key.isVisible(), true)
    assert.equal(await dialog.getByRole("button", { name: words("dialog.cancel") }).count(), 0)
    await dialog.getByRole("button", { name: words("api_keys.made_done") }).click()
    await dialog.waitFor({ state: "detached" })
    await page.locator("#rows tr", { hasText: `robot-${language}` }).waitFor()
    await context.close()
  })

  test(`an address with a filter that is not understood shows the list without it, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { context, page } = await enter(`filters-${language}`, { language })
    for (const address of [
      "/admin/tenants?state=nonsense&sort=nonsense",
      "/admin/tenants?cursor=nonsense",
      "/admin/tenants?cursor=%00zz",
      "/admin/mails?state=nonsense",
      "/admin/mails?cursor=nonsense",
      "/admin/settings/audit?from=nonsense",
      "/admin/settings/audit?to=0000-99-99&cursor=nonsense",
      "/admin/settings/security?state=nonsense",
      "/admin/tenants/findings?cursor=nonsense",
    ]) {
      await page.goto(SERVER + address)
      const problem = page.locator("#list-problem", { hasText: words("failed.dropped_title") })
      await problem.waitFor()
      assert.match(await problem.innerText(), /=nonsense|to=0000|zz$/m, address)
      await page.locator("#list").waitFor()
      assert.doesNotMatch(page.url(), /state=nonsense.*sort|from=nonsense/, address)
    }
    await screenshot(page, `honest-${language}-filter`)
    await context.close()
  })

  test(`the trail's badge says how many rows and until when, in ${language}`, async () => {
    const { context, page } = await enter(`badge-${language}`, { language })
    for (const [verified, expected] of [
      [{ last: null, age_seconds: null, newer_rows: 3 }, /3/],
      [{ last: report(0), age_seconds: 5, newer_rows: 12 }, /12/],
      [{ last: report(1234), age_seconds: 5, newer_rows: 1 }, /1[.,]?234.*(UTC|GMT|CET|[+-]\d)/s],
    ]) {
      await page.route("**/api/audit/verification", route => route.fulfill({ json: verified }))
      await page.goto(`${SERVER}/admin/settings/audit`)
      const badge = page.locator("#verification-badge")
      await badge.waitFor()
      assert.match(await page.locator("#verification").innerText(), /** @type {RegExp} */ (expected))
      const rows = /** @type {any} */ (verified).last?.rows ?? 0
      assert.equal(await badge.evaluate(element => element.classList.contains("tone-positive")), rows > 0)
    }
    await screenshot(page, `honest-${language}-badge`)
    await page.locator("#rows time").first().waitFor()
    const clocks = await page.locator("#rows time").allInnerTexts()
    assert.ok(clocks.length > 0)
    for (const clock of clocks) assert.match(clock, /\d:\d\d:\d\d (UTC|GMT|CES?T)/)
    await context.close()
  })
}

for (const language of LANGUAGES) {
  test(`without a mail server the public pages promise no mail, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language, width: 390 })
    const page = await context.newPage()
    await page.route("**/api/plans", async route => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...(await answer.json()), availability: "paused" } })
    })
    await page.goto(`${SERVER}/`)
    await page.locator("#waiting").waitFor()
    await promisesNothing(page)
    await page.fill("#waiting-email", `eva-${language}@example.com`)
    await page.getByRole("button", { name: words("waiting.send") }).click()
    await page.getByRole("status").getByText(words("waiting.thanks")).waitFor()
    await promisesNothing(page)
    await screenshot(page, `honest-${language}-waiting`)

    const name = `unmailed-${language}-${Date.now().toString(36)}`
    const person = { company: name, name: "Ada", email: `ada@${name}.example`, country: "ES", locale: language }
    const order = { subdomain: name, plan: "starter", interval: "month", currency: "eur" }
    const headers = { Origin: SERVER, "Idempotency-Key": name }
    const signUp = await context.request.post(`${SERVER}/api/checkout`, { data: { ...person, ...order }, headers })
    assert.equal(signUp.status(), 201, await signUp.text())
    const { status_url: setup } = await signUp.json()
    await page.goto(setup)
    await page.locator("#way-back input").waitFor()
    assert.equal(await page.inputValue("#way-back input"), setup, "the link of the page is there to be copied")
    await promisesNothing(page)
    await screenshot(page, `honest-${language}-setup`)
    await page.goto(`${SERVER}/pay/${name}`)
    await settled(page)
    await promisesNothing(page)
    await context.close()
  })

  test(`without a mail server staff get the link to hand over, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { context, page } = await enter(`unmailed-${language}`, { language, width: 390 })
    const email = `ines-${language}-${Date.now().toString(36)}@example.com`
    await page.goto(`${SERVER}/admin/settings/team`)
    await settled(page)
    await page.click("#invite")
    await page.fill("dialog [name=name]", "Inés")
    await page.fill("dialog [name=email]", email)
    await promisesNothing(page)
    await page.click("dialog [data-action]")
    await page.locator("#done", { hasText: words("team.kept") }).waitFor()
    await promisesNothing(page)
    await page.getByRole("button", { name: `${words("team.resend")} ${email}` }).click()
    await page.locator("#done", { hasText: words("team.kept") }).waitFor()
    await promisesNothing(page)
    await page.locator("#done a").click()
    await page.locator("#kept input").first().waitFor()
    assert.match(await page.locator("#kept input").first().inputValue(), /^https:.*\/invitation\/\S+$/)
    await screenshot(page, `honest-${language}-kept-mail`)
    await page.goto(`${SERVER}/admin/mails`)
    await page.locator("#kept-note .notice").waitFor()
    await promisesNothing(page)
    await context.close()
  })
}

for (const [language, advice, found] of [
  [
    "en",
    "Look at the server’s name, port, user and password.",
    "The disk of /srv/data has 7 MiB left; 64 MiB is the least.",
  ],
  [
    "es",
    "Revisa el nombre del servidor, el puerto, el usuario y la contraseña.",
    "Al disco de /srv/data le quedan 7 MiB; el mínimo son 64 MiB.",
  ],
]) {
  test(`what fails outside is told in ${language}, and what to do about it`, async () => {
    const { context, page } = await enter(`outside-${language}`, {
      language: language === "es" ? "es" : "en",
      width: 390,
    })
    const columns = "node, name, setting, building, failed, detail, advice, since, checked_at"
    const failing = (/** @type {string} */ name, /** @type {string} */ more) =>
      `'elsewhere', '${name}', '${name}_setting', false, true, 'SMTP: refused in English', 'Do this in English', now(), now()${more}`
    await execute(DATA_DIR, `INSERT INTO readiness (${columns}) VALUES (${failing("smtp", "")})`)
    try {
      await page.goto(`${SERVER}/admin`)
      const card = page.locator("#attention")
      await card.getByText(advice).waitFor()
      assert.equal(await card.locator("code[lang=en]").innerText(), "SMTP: refused in English")
      assert.doesNotMatch(await card.innerText(), /Do this in English/)

      const parameters = JSON.stringify({ path: "/srv/data", free: "7", least: "64" })
      const more = `, 'disk_full', '${parameters}'`
      await execute(DATA_DIR, `INSERT INTO readiness (${columns}, code, parameters) VALUES (${failing("disk", more)})`)
      await page.goto(`${SERVER}/admin`)
      await card.getByText(found).waitFor()
      assert.equal(await card.locator("code[lang=en]").count(), 1, "what has words is not said in English too")
      await screenshot(page, `honest-${language}-outside`)
    } finally {
      await execute(DATA_DIR, "DELETE FROM readiness WHERE node = 'elsewhere'")
    }
    await context.close()
  })
}

for (const [language, why, note] of [
  ["en", "No tenant needs it.", "Its tenant’s state is: Purged."],
  ["es", "Ningún tenant lo necesita.", "El estado de su tenant es: Eliminado."],
]) {
  test(`what the reconciler found is told in ${language}`, async () => {
    const { context, page } = await enter(`found-${language}`, {
      language: language === "es" ? "es" : "en",
      width: 390,
    })
    const name = `left-over-${language}`
    await execute(
      DATA_DIR,
      `INSERT INTO world_findings (kind, provisioner, subject, name, message)
       VALUES ('orphan', 'elsewhere', 'database', '${name}',
               '{"code":"tenant_is","parameters":{"state":"purged"},"text":"its tenant is purged"}')`,
    )
    await page.goto(`${SERVER}/admin/tenants/findings`)
    const row = page.locator("#rows tr", { hasText: name })
    await row.getByText(why).waitFor()
    await row.locator("summary").click()
    await row.getByText(note).waitFor()
    await screenshot(page, `honest-${language}-found`)
    await context.close()
  })
}

for (const language of LANGUAGES) {
  test(`a customer whose system cannot be opened reads of no tenant, in ${language}`, async () => {
    const context = await openContext(browser, { language, width: 390 })
    const page = await context.newPage()
    await showSignUp(page, "live")
    await page.route("**/api/signups/shown/open", route =>
      route.fulfill({ status: 503, json: { status: 503, code: "world_unreachable", detail: "of a tenant" } }),
    )
    await page.goto(`${SERVER}/setup/shown`)
    await page.locator("#open-tenant").click()
    await page.getByText(/machine|máquina/).waitFor()
    assert.doesNotMatch(await page.locator("main").innerText(), /tenant|inquilino/i)
    await context.close()
  })
}

test("the pages speak the language of the profile, and another choice changes the profile", async () => {
  const { context, page, person } = await enter("language", { language: "en" })
  assert.equal(await page.locator("html").getAttribute("lang"), "en")
  await page.goto(`${SERVER}/admin/settings/profile`)
  await settled(page)
  await page.selectOption("#locale", "es")
  await page.locator("#profile-form [type=submit]").click()
  await page.waitForFunction(() => document.documentElement.lang === "es")
  await context.close()

  const elsewhere = await openContext(browser, { language: "en" })
  const other = await elsewhere.newPage()
  await logIn(other, person)
  assert.equal(await other.locator("html").getAttribute("lang"), "es", "a new device follows the profile")
  await elsewhere.clearCookies({ name: "lang" })
  await other.goto(`${SERVER}/admin/tenants?state=live`)
  await other.waitForFunction(() => document.documentElement.lang === "es")
  assert.match(other.url(), /state=live/)

  await settled(other)
  await other.evaluate(() => {
    const link = document.querySelector("a[data-language=en]")
    if (link instanceof HTMLElement) link.click()
  })
  await other.waitForFunction(() => document.documentElement.lang === "en")
  await settled(other)
  await other.goto(`${SERVER}/admin/settings/profile`)
  await settled(other)
  assert.equal(await other.inputValue("#locale"), "en")
  await elsewhere.close()
})

/** @param {number} rows */
const report = rows => ({
  at: "2026-11-29T08:30:00Z",
  finding: "whole",
  rows,
  anchors: 1,
  first_broken_id: null,
  anchor_at: null,
})

/** Somebody of the staff, signed in. @param {string} name @param {Parameters<typeof openContext>[1]} visitor */
async function enter(name, visitor) {
  const person = await newPerson(DATA_DIR, name, "owner")
  const context = await openContext(browser, visitor)
  const page = await context.newPage()
  await logIn(page, person)
  return { person, context, page }
}

/** @param {Page} page */
async function promisesNothing(page) {
  const closed = await page.locator("details p").allInnerTexts()
  for (const text of [await page.locator("body").innerText(), ...closed]) assert.doesNotMatch(text, PROMISES)
}
