// Somebody is invited, sets a password, sees what their role allows and no more, and is removed while they look.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { invitationOf, LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

const { browser, asStaff, asVisitor } = useBrowser()

for (const language of LANGUAGES) {
  test(`invited, in, limited, removed; in ${language}`, async () => {
    const words = await wordsIn(language)
    const stamp = Date.now().toString(36)
    const person = { name: `Fina ${stamp}`, email: `fina-${stamp}@example.com` }
    const office = await asStaff({ language })
    const team = await office.newPage()
    /** @param {string} step */
    const picture = step => screenshot(team, `team-${language}-${step}`)

    await team.goto(`${SERVER}/admin/settings/team`)
    await settled(team)
    await team.click("#invite")
    await team.fill("dialog [name=name]", person.name)
    await team.fill("dialog [name=email]", "nonsense")
    await team.selectOption("dialog [name=role]", "finance")
    await team.selectOption("dialog [name=locale]", language)
    await team.click("dialog [data-action]")
    await team.locator("dialog [name=email][aria-invalid]").waitFor()
    await team.fill("dialog [name=email]", person.email)
    await picture("1-invite")
    await team.click("dialog [data-action]")
    // This server sends no mail, and says so: the link is to be copied from the mail that is kept.
    await team.locator("#done", { hasText: words("team.kept") }).waitFor()
    const kept = await team.locator("#done a").getAttribute("href")
    const mail = await office.request.get(`${SERVER}${kept?.replace("/admin/", "/api/")}`)
    assert.equal((await mail.json()).recipient, person.email)
    await team.locator("#invitations tbody tr", { hasText: person.email }).waitFor()
    await picture("2-invited")

    const home = await asVisitor({ language, width: 390 })
    const page = await home.newPage()
    const link = await invitationOf(office.request, person.email)
    await page.goto(SERVER + link)
    await settled(page)
    assert.equal(await page.inputValue("#email"), person.email)
    await page.fill("#password", "short")
    await page.click("#accept")
    await page.locator("#password[aria-invalid]").waitFor()
    await page.fill("#password", "a long password of hers")
    await page.click("#accept")
    await page.waitForURL(`${SERVER}/admin`)
    await settled(page)

    await page.goto(`${SERVER}/admin/tenants`)
    await settled(page)
    assert.equal(await page.locator("#new-tenant").isVisible(), false, "finance makes no tenants")
    await page.goto(`${SERVER}/admin/settings/team`)
    await page.getByRole("heading", { name: words("failed.forbidden_title") }).waitFor()
    await page.locator("main code", { hasText: "team:read" }).waitFor()
    assert.equal(await page.locator('.settings-nav a[href="/admin/settings/team"]').isVisible(), false)
    await screenshot(page, `team-${language}-3-forbidden`)

    const again = await asVisitor({ language })
    const late = await again.newPage()
    await late.goto(SERVER + link)
    await late.getByText(words("problem.invitation_not_found")).waitFor()
    await again.close()

    await team.fill("[name=q]", person.email)
    const row = team.locator("#rows tr", { hasText: person.email })
    await row.waitFor()
    await row.locator(".menu-column").getByRole("button").click()
    await team.getByRole("button", { name: words("team.remove") }).click()
    const question = team.getByRole("alertdialog")
    await question.waitFor()
    assert.equal(
      await question.locator(":focus").textContent(),
      words("dialog.cancel"),
      "the safe button has the focus",
    )
    await picture("4-remove")
    await question.locator("[data-action]").click()
    await team.locator("#done", { hasText: words("team.removed", { name: person.name }) }).waitFor()
    await page.goto(`${SERVER}/admin/tenants`)
    await page.waitForURL(/\/login/)
    await home.close()
    await office.close()
  })
}

test("a key is shown once, opens the API, and is gone when it is revoked", async () => {
  const words = await wordsIn("en")
  const context = await asStaff({ language: "en" })
  const page = await context.newPage()
  const name = `Key ${Date.now().toString(36)}`
  await page.goto(`${SERVER}/admin/settings/api-keys`)
  await settled(page)
  await page.click("#new-key")
  await page.fill("dialog [name=name]", name)
  await page.check('dialog [value="tenants:read"]')
  await page.click("dialog [data-action]")
  const key = await page.locator("dialog [name=key]").inputValue()
  assert.match(key, /^ob_test_/)
  await screenshot(page, "api-key-shown")
  await page.click("dialog [data-action]")
  const row = page.locator("#rows tr", { hasText: name })
  await row.waitFor()
  assert.equal((await page.content()).includes(key), false)

  const program = await (await browser()).newContext({
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { Authorization: `Bearer ${key}` },
  })
  assert.equal((await program.request.get(`${SERVER}/api/tenants`)).status(), 200)
  assert.equal((await program.request.get(`${SERVER}/api/dashboard/metrics`)).status(), 403)
  await row.getByRole("button", { name: words("api_keys.revoke") }).click()
  await page.getByRole("alertdialog").locator("[data-action]").click()
  await page.locator("#rows .answer-row #done", { hasText: words("api_keys.revoked", { name }) }).waitFor()
  assert.equal((await program.request.get(`${SERVER}/api/tenants`)).status(), 401)
  await program.close()
  await context.close()
})
