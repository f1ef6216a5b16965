// Changing one's mind: Back from the payment page, "Change details", a second tab; and what the page says while nobody
// can sign up.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { AxeBuilder, LANGUAGES, openBrowser, openContext, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */

/** @type {import("./support.mjs").Browser} */
let browser
before(async () => {
  browser = await openBrowser()
})
after(() => browser?.close())

const TEST_CARD = { card_number: "4242 4242 4242 4242", card_expiry: "12 / 34", card_cvc: "123" }

/** Who it is, as the form asks. @param {Page} page @param {string} name */
async function introduce(page, name) {
  await page.fill("#company", `Company ${name}`)
  await page.fill("#name", "Ada Visitor")
  await page.fill("#email", `ada@${name}.example`)
  await page.selectOption("#country", "ES")
}

for (const language of LANGUAGES) {
  test(`Back from the payment page and yearly instead of monthly is one sign-up, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    const name = `back-${language}-${Date.now().toString(36)}`
    await page.goto(`${SERVER}/?plan=starter`)
    await settled(page)
    await introduce(page, name)
    await page.fill("#subdomain", name)
    await page.locator("#subdomain-state .text-positive").waitFor()
    await page.click("#continue")
    await page.waitForSelector("[name=card_number]")
    const monthly = page.url()

    await page.goBack()
    await settled(page)
    await page.locator("#own-sign-up .notice").waitFor()
    // One's own name is not taken, also when it is typed again.
    await page.fill("#subdomain", "")
    await page.fill("#subdomain", name)
    await page.locator("#subdomain-state .text-positive").waitFor()
    assert.equal(await page.locator("#subdomain-state .text-negative").count(), 0)
    await screenshot(page, `signup-${language}-1-back`)
    await page.locator("input[name=interval][value=year]").locator("..").click()
    await page.fill("#company", `Company ${name} Ltd`)
    await page.click("#continue")
    await page.waitForSelector("[name=card_number]")
    assert.notEqual(page.url(), monthly)
    assert.match((await page.locator(".summary .amount").innerText()).replace(/[^\d]/g, ""), /^19000/)

    // The old page has ended.
    const old = await context.newPage()
    assert.equal((await old.goto(monthly))?.status(), 410)
    await old.close()

    // A second tab means the same order, and so does the set-up page.
    const second = await context.newPage()
    await second.goto(`${SERVER}/`)
    await settled(second)
    await second.locator("#own-sign-up .notice").waitFor()
    assert.equal(await second.inputValue("#company"), `Company ${name} Ltd`)
    assert.equal(await second.inputValue("#email"), `ada@${name}.example`)
    assert.equal(await second.locator("input[name=interval]:checked").getAttribute("value"), "year")
    assert.equal(await second.locator("input[name=plan]:checked").getAttribute("value"), "starter")
    await second.getByRole("link", { name: words("own.progress") }).click()
    await second.waitForURL(/\/setup\//)
    await second.locator("#order").getByText(`Company ${name} Ltd`).waitFor()
    const setup = second.url()
    await screenshot(second, `signup-${language}-2-setup`)
    await second.getByRole("link", { name: words("setup.change_details") }).click()
    await second.waitForURL(/\/(\?.*)?#sign-up$/)
    await settled(second)
    assert.equal(await second.inputValue("#subdomain"), name)
    await second.selectOption("#currency", "usd")
    await second.click("#continue")
    await second.waitForSelector("[name=card_number]")

    // The first tab's payment page is over; its set-up page knows the new order and pays it.
    await page.goto(setup)
    await settled(page)
    assert.match(await page.locator("#order").innerText(), /\$|USD/)
    await page.getByRole("link", { name: new RegExp(words("setup.pay", { amount: "" }).trim()) }).click()
    await page.waitForSelector("[name=card_number]")
    for (const [field, value] of Object.entries(TEST_CARD)) await page.fill(`[name=${field}]`, value)
    await page.fill("[name=cardholder_name]", "Ada Visitor")
    await page.click("#pay")
    await page.waitForURL(/\/setup\/[^/]+\?session_id=/)
    await page.locator("#open-tenant").waitFor({ timeout: 120_000 })

    // Paid: the form begins anew.
    await second.goto(`${SERVER}/`)
    await settled(second)
    assert.equal(await second.locator("#own-sign-up .notice").count(), 0)
    await context.close()
  })

  test(`somebody else on the same device starts another sign-up, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language, width: 390 })
    const page = await context.newPage()
    const name = `afresh-${language}-${Date.now().toString(36)}`
    await page.goto(`${SERVER}/`)
    await settled(page)
    await introduce(page, name)
    await page.fill("#subdomain", name)
    await page.click("#continue")
    await page.waitForSelector("[name=card_number]")
    await page.goto(`${SERVER}/`)
    await settled(page)
    await page.locator("#subdomain-state .text-positive").waitFor()
    await screenshot(page, `signup-${language}-3-phone`)
    await page.getByRole("button", { name: words("own.afresh") }).click()
    assert.equal(await page.locator("#own-sign-up .notice").count(), 0)
    assert.equal(await page.inputValue("#email"), "")
    await page.reload()
    await settled(page)
    assert.equal(await page.inputValue("#company"), "")
    await context.close()
  })

  test(`who waits for a bank is not asked to order again, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    const name = `debit-${language}-${Date.now().toString(36)}`
    await page.goto(`${SERVER}/`)
    await settled(page)
    await introduce(page, name)
    await page.selectOption("#currency", "eur")
    await page.fill("#subdomain", name)
    await page.click("#continue")
    await page.waitForSelector("[name=card_number]")
    await page.check("[name=method][value=bank_debit]")
    await page.check("[name=bank_result][value=waits]")
    await page.fill("[name=cardholder_name]", "Ada Visitor")
    await page.click("#pay")
    await page.waitForURL(/\/setup\//)
    await page.getByRole("heading", { name: words("setup.payment_processing") }).waitFor()

    const second = await context.newPage()
    await second.goto(`${SERVER}/`)
    await settled(second)
    await second.locator("#own-sign-up .notice").getByText(words("own.waits_for_bank")).waitFor()
    await second.fill("#subdomain", name)
    await second.locator("#subdomain-state").getByText(words("subdomain.ordered")).waitFor()
    await screenshot(second, `signup-${language}-5-waits-for-bank`)
    await second.getByRole("link", { name: words("own.progress") }).click()
    await second.waitForURL(/\/setup\//)
    await context.close()
  })

  test(`while all places are taken the page says so before the form, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    await page.route("**/api/plans", async route => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...(await answer.json()), availability: "full" } })
    })
    await page.goto(`${SERVER}/`)
    await settled(page)
    await page.getByRole("heading", { name: words("closed_title.full") }).waitFor()
    assert.equal(await page.locator("#sign-up-form").isVisible(), false)
    await screenshot(page, `signup-${language}-4-full`)
    const { violations } = await new AxeBuilder({ page }).include("#waiting").analyze()
    assert.deepEqual(violations, [])
    await page.fill("#waiting-email", "not an address")
    await page.getByRole("button", { name: words("waiting.send") }).click()
    await page.locator("#waiting-errors [role=alert]").waitFor()
    await page.fill("#waiting-email", `eve-${language}@example.com`)
    await page.getByRole("button", { name: words("waiting.send") }).click()
    await page.getByRole("status").getByText(words("waiting.thanks")).waitFor()
    await screenshot(page, `signup-${language}-5-waiting`)
    await context.close()
  })
}
