// Settings that staff change while the program runs: forms from the server's description, two people at once, what is
// refused, what visitors see of it, and who may only look.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { invite, LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */

const { asStaff, asVisitor } = useBrowser()

/** @param {Page} page @param {string} path */
async function open(page, path) {
  await page.goto(SERVER + path)
  await settled(page)
}

/** @param {Page} page @param {(key: string) => string} words */
async function save(page, words) {
  await page.click("#save")
  await page.locator(".saved-bar", { hasText: words("config.saved") }).waitFor()
  assert.equal(await page.locator("#save-bar").isVisible(), false)
}

/** @param {import("./support.mjs").BrowserContext} context @param {string} name */
const stored = async (context, name) =>
  await (await context.request.get(`${SERVER}/api/settings/groups/${name}`)).json()

for (const language of LANGUAGES) {
  test(`the organisation in two tabs, ${language}`, async () => {
    const words = await wordsIn(language)
    const stamp = Date.now().toString(36)
    const office = await asStaff({ language })
    const [first, second] = [await office.newPage(), await office.newPage()]
    await open(first, "/admin/settings/organisation")
    await open(second, "/admin/settings/organisation")
    assert.equal(await first.getByLabel(words("field.organisation.legal_name")).isVisible(), true)
    assert.equal(await first.locator("#save-bar").isVisible(), false)

    await first.fill("[name=legal_name]", `Acme ${stamp} SL`)
    await first.fill("[name=address]", `Calle Ñandú ${stamp}\nMadrid`)
    await first.selectOption("[name=reporting_zone]", "Europe/Madrid")
    await first.locator("#changes li", { hasText: words("field.organisation.address") }).waitFor()
    await screenshot(first, `settings-organisation-${language}`)
    await save(first, words)

    // The other tab knows nothing of it: what does not contradict comes together, what does is asked about.
    await second.fill("[name=legal_name]", `Other ${stamp} SA`)
    await second.fill("[name=vat_id]", `ESB${stamp}`)
    await second.click("#save")
    const question = second.getByRole("dialog")
    await question.getByText(words("config.merge_theirs", { value: `Acme ${stamp} SL` })).waitFor()
    await screenshot(second, `settings-merge-${language}`)
    await question.getByText(words("config.merge_theirs", { value: `Acme ${stamp} SL` })).click()
    await question.locator("[data-action]").click()
    await second.locator(".saved-bar", { hasText: words("config.saved") }).waitFor()
    const now = await stored(office, "organisation")
    assert.equal(now.legal_name, `Acme ${stamp} SL`)
    assert.equal(now.vat_id, `ESB${stamp}`)
    assert.equal(now.address, `Calle Ñandú ${stamp}\nMadrid`)
    assert.equal(now.reporting_zone, "Europe/Madrid")

    // Nothing is lost by leaving: the browser asks.
    await second.fill("[name=vat_id]", "ESX")
    const asked = second.waitForEvent("dialog")
    await second.close({ runBeforeUnload: true })
    const dialog = await asked
    assert.equal(dialog.type(), "beforeunload")
    await dialog.accept()

    const visitor = await asVisitor({ language })
    const page = await visitor.newPage()
    await open(page, "/")
    await page.locator("footer", { hasText: `Acme ${stamp} SL` }).waitFor()
    await visitor.close()
    await office.close()
  })

  test(`what visitors see of the branding, ${language}`, async () => {
    const words = await wordsIn(language)
    const office = await asStaff({ language, width: 390 })
    const page = await office.newPage()
    await open(page, "/admin/settings/branding")
    const name = `Ñandú & <b>Söhne</b> ${Date.now().toString(36)}`
    await page.fill("[name=name]", name)
    await page.fill("[name=accent_colour]", "#ffee00")
    await page.click("#save")
    await page.locator("[name=accent_colour][aria-invalid]").waitFor()
    await page.getByText(words("field_problem.too_light")).first().waitFor()
    assert.match(await page.title(), /^Error:/)
    await page.click("#form-errors a")
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "accent_colour")
    await screenshot(page, `settings-branding-${language}`)
    assert.equal(await page.inputValue("[name=name]"), name, "what was typed is still there")
    await page.fill("[name=accent_colour]", "#7a1fa2")
    await save(page, words)

    const visitor = await asVisitor({ language })
    for (const address of ["/login", "/"]) {
      const seen = await visitor.newPage()
      await open(seen, address)
      assert.equal(await seen.locator("header .brand").innerText(), name)
      assert.ok((await seen.title()).endsWith(name))
      await screenshot(seen, `settings-branded-${language}-${address === "/" ? "landing" : "login"}`)
      await seen.close()
    }
    const login = await visitor.newPage()
    await open(login, "/login")
    const colour = await login
      .locator(".button-primary")
      .first()
      .evaluate(one => getComputedStyle(one).backgroundColor)
    assert.equal(colour, "rgb(122, 31, 162)")
    await visitor.close()

    await page.fill("[name=name]", "Onboarding System")
    await page.fill("[name=accent_colour]", "")
    await save(page, words)
    await office.close()
  })

  test(`hours at the foot of public pages, ${language}`, async () => {
    const words = await wordsIn(language)
    const office = await asStaff({ language })
    const page = await office.newPage()
    await open(page, "/admin/settings/working-hours")
    const days = page.locator("fieldset[name=days] input")
    for (const day of [0, 1, 2]) await days.nth(day).check()
    await page.selectOption("[name=begins_minute]", "1200")
    await page.selectOption("[name=ends_minute]", "615")
    await page.click("#save")
    await page.locator("[name=ends_minute][aria-invalid]").waitFor()
    await page.selectOption("[name=begins_minute]", "495")
    await screenshot(page, `settings-hours-${language}`)
    await save(page, words)

    const landing = await office.newPage()
    await open(landing, "/")
    const hours = await landing.locator("#hours").innerText()
    assert.match(hours, /08:15.*10:15/)
    assert.ok(hours.includes(language === "es" ? "de lunes a miércoles" : "Monday to Wednesday"), hours)
    for (const day of [0, 1, 2]) await days.nth(day).uncheck()
    await save(page, words)
    await landing.reload()
    await settled(landing)
    assert.equal(await landing.locator("#hours").innerText(), "")
    await office.close()
  })

  test(`periods of retention, ${language}`, async () => {
    const words = await wordsIn(language)
    const office = await asStaff({ language })
    const page = await office.newPage()
    await open(page, "/admin/settings/retention")
    await page.fill("[name=mails]", "3")
    await page.fill("[name=jobs_dead]", "60")
    await page.click("#save")
    await page.locator("[name=mails][aria-invalid]").waitFor()
    assert.equal(await page.locator("[name=jobs_dead][aria-invalid]").count(), 0)
    await page.fill("[name=mails]", "30")
    await save(page, words)
    const { chosen } = await stored(office, "retention")
    assert.deepEqual(Object.fromEntries(chosen.map((/** @type {any} */ one) => [one.rule_name, one.days])), {
      mails: 30,
      jobs_dead: 60,
    })
    await page.locator("details summary", { hasText: words("retention_page.kept") }).click()
    await page.getByText(words("retention_why.audit_logs")).waitFor()
    await screenshot(page, `settings-retention-${language}`)
    await page.fill("[name=mails]", "")
    await page.fill("[name=jobs_dead]", "")
    await save(page, words)
    assert.deepEqual((await stored(office, "retention")).chosen, [])
    await office.close()
  })
}

test("an auditor looks at settings and changes none; finance is told who gives the permission", async () => {
  const words = await wordsIn("en")
  const office = await asStaff({ language: "en" })
  const { csrf_token: csrf } = await (await office.request.get(`${SERVER}/api/admin/me`)).json()
  for (const role of ["auditor", "finance"]) {
    const person = { email: `${role}-${Date.now().toString(36)}@example.com`, password: "a password of their own" }
    const link = await invite(office.request, csrf, person.email, role)
    const home = await asVisitor({ language: "en" })
    const page = await home.newPage()
    await page.goto(SERVER + link)
    await settled(page)
    await page.fill("#password", person.password)
    await page.click("#accept")
    await page.waitForURL(`${SERVER}/admin`)
    await open(page, "/admin/settings/organisation")
    if (role === "auditor") {
      await page.getByText(words("settings.read_only")).waitFor()
      assert.equal(await page.locator("[name=legal_name]").isDisabled(), true)
      await open(page, "/admin/settings/retention")
      assert.equal(await page.locator("[name=mails]").isDisabled(), true)
    } else {
      await page.getByRole("heading", { name: words("failed.forbidden_title") }).waitFor()
      await page.locator("main code", { hasText: "settings:read" }).waitFor()
    }
    await home.close()
  }
  await office.close()
})

test("names of one long word, and of characters that turn the direction, keep to their place", async () => {
  const words = await wordsIn("en")
  const office = await asStaff({ language: "en" })
  const page = await office.newPage()
  const long = "Donaudampfschifffahrtselektrizitatenhauptbetriebswerkbaufirm"
  const use = async (/** @type {string} */ group, /** @type {string} */ field, /** @type {string} */ value) => {
    await open(page, `/admin/settings/${group}`)
    const before = await page.inputValue(`[name=${field}]`)
    await page.fill(`[name=${field}]`, value)
    await page.locator("#save-bar").waitFor()
    return before
  }
  // A sentence goes on as it began, whatever was typed into it.
  await use("organisation", "legal_name", "Acme \u202eLS")
  const change = page.locator("#changes li")
  assert.deepEqual((await change.locator("bdi").allTextContents()).slice(1), ["Acme \u202eLS"])
  await page.click("#discard")

  const legalName = await use("organisation", "legal_name", long)
  await save(page, words)
  const brand = await use("branding", "name", long)
  await save(page, words)
  const visitor = await asVisitor({ language: "en", width: 320 })
  const seen = await visitor.newPage()
  // The reference of the whole API is a heavy page.
  seen.setDefaultTimeout(120_000)
  for (const address of ["/", "/docs", "/login"]) {
    await open(seen, address)
    if (address === "/docs") await seen.locator(".opblock").first().waitFor()
    const sideways = await seen.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.equal(sideways, 0, address)
    const small = await seen.evaluate(() =>
      [...document.querySelectorAll(".swagger-ui :is(a, button, select)")]
        .filter(target => target.checkVisibility())
        .map(target => ({ name: `${target.tagName} ${target.className}`, box: target.getBoundingClientRect() }))
        .filter(({ box }) => box.width < 24 || box.height < 24)
        .map(({ name, box }) => `${name} ${box.width}×${box.height}`),
    )
    assert.deepEqual(small, [], address)
  }
  await visitor.close()
  await use("organisation", "legal_name", legalName)
  await save(page, words)
  await use("branding", "name", brand)
  await save(page, words)
  await office.close()
})
