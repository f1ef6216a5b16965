// The main walk, in each language: a visitor signs up, pays, watches the tenant being built and opens it;
// then staff sign in, find it on the dashboard and in the list, and sign out.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { LANGUAGES, openBrowser, openContext, SERVER, STAFF, screenshot, settled, wordsIn } from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */
/** @typedef {import("./support.mjs").Language} Language */

const BUILT_WITHIN = 60_000
const TEST_CARD = { card_number: "4242 4242 4242 4242", card_expiry: "12 / 34", card_cvc: "123" }

/** @type {import("./support.mjs").Browser} */
let browser

before(async () => {
  browser = await openBrowser()
})

after(() => browser?.close())

for (const language of LANGUAGES) {
  test(`from the public page to a running tenant and its place in the console, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    const customer = {
      company: `${language === "es" ? "Panadería" : "Bakery"} ${Date.now().toString(36)}`,
      subdomain: `journey-${language}-${Date.now().toString(36)}`,
    }
    /** @param {string} step */
    const picture = step => screenshot(page, `journey-${language}-${step}`)

    await chooseAndFill(page, words, customer)
    await picture("1-sign-up")
    await continueToPayment(page)
    await picture("2-payment")
    await pay(page)
    await watchUntilLive(page, words, customer)
    await picture("3-live")
    await openTenant(page, customer)
    await picture("4-tenant")

    await signIn(page)
    await picture("5-dashboard")
    await findInConsole(page, words, customer)
    await picture("6-tenants")
    await signOut(page)
    await context.close()
  })

  test(`mistakes in the sign-up are explained in ${language} and nothing typed is lost`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language, width: 390 })
    const page = await context.newPage()
    await page.goto(`${SERVER}/?plan=starter&interval=year&currency=usd`)
    await settled(page)
    await page.fill("#company", "Half & Done")
    await page.click("#continue")
    const summary = page.locator("#form-errors [role=alert]")
    await summary.waitFor()
    assert.equal(await page.locator("#form-errors [role=alert]:focus").count(), 1, "the summary has the focus")
    assert.match(await page.title(), new RegExp(`^${words("form.title_error", { title: "" })}`))
    await summary.getByRole("link").first().click()
    assert.notEqual(await page.locator(":focus").getAttribute("aria-invalid"), null, "its link leads to the field")
    assert.equal(await page.inputValue("#company"), "Half & Done")
    await screenshot(page, `journey-${language}-mistakes`)

    await page.reload()
    await settled(page)
    assert.equal(await page.inputValue("#company"), "Half & Done")
    assert.equal(await page.locator("input[name=plan]:checked").getAttribute("value"), "starter")
    assert.equal(await page.locator("input[name=interval]:checked").getAttribute("value"), "year")
    await context.close()
  })

  test(`a wrong password is refused in ${language} without saying more`, async () => {
    const words = await wordsIn(language)
    const context = await openContext(browser, { language })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/tenants?state=live`)
    await page.waitForURL(/\/login\?next=/)
    await settled(page)
    await page.fill("#email", `nobody-${language}@example.com`)
    await page.fill("#password", "not the password")
    await page.click("#log-in")
    const summary = page.locator("#form-errors [role=alert]")
    await summary.waitFor()
    assert.match(await summary.innerText(), new RegExp(words("problem.invalid_credentials")))

    await page.fill("#email", STAFF.email)
    await page.fill("#password", STAFF.password)
    await page.click("#log-in")
    await page.waitForURL(`${SERVER}/admin/tenants?state=live`)
    await context.close()
  })
}

/** @typedef {Awaited<ReturnType<typeof wordsIn>>} Words */
/** @typedef {{ company: string, subdomain: string }} Customer */

/** @param {Page} page @param {Words} words @param {Customer} customer */
async function chooseAndFill(page, words, customer) {
  await page.goto(`${SERVER}/`)
  await settled(page)
  await page.getByRole("button", { name: words("plans.choose", { plan: "Starter" }) }).click()
  await page.fill("#company", customer.company)
  await page.fill("#name", "Ada Visitor")
  await page.fill("#email", `ada@${customer.subdomain}.example`)
  await page.selectOption("#country", "ES")
  await page.fill("#subdomain", customer.subdomain)
  await page.locator("#subdomain-state .text-positive", { hasText: customer.subdomain }).waitFor()
  const due = (await page.locator("#summary-due").innerText()).replace(/[^\d]/g, "")
  assert.equal(
    (await page.locator("#continue").innerText()).replace(/[^\d]/g, ""),
    due,
    "the button names what is due today",
  )
}

/** @param {Page} page */
async function continueToPayment(page) {
  await page.click("#continue")
  await page.waitForSelector("[name=card_number]")
}

/** @param {Page} page */
async function pay(page) {
  for (const [name, value] of Object.entries(TEST_CARD)) await page.fill(`[name=${name}]`, value)
  await page.fill("[name=cardholder_name]", "Ada Visitor")
  await page.click("#pay")
  await page.waitForURL(/\/setup\/[^/]+\?session_id=/)
}

/** @param {Page} page @param {Words} words @param {Customer} customer */
async function watchUntilLive(page, words, customer) {
  const open = page.locator("#open-tenant")
  await open.waitFor({ timeout: BUILT_WITHIN })
  assert.match(await page.locator("#headline").innerText(), new RegExp(customer.subdomain))
  await page.reload()
  await open.waitFor()
  const done = await page.locator("step-list .step-state", { hasText: words("step_state.done") }).count()
  assert.equal(done, 7, "all seven steps are done, also after a reload")
}

/** @param {Page} page @param {Customer} customer */
async function openTenant(page, customer) {
  await page.click("#open-tenant")
  await page.waitForURL(new RegExp(`^https?://${customer.subdomain}\\..*/access/`))
  await page.getByText(customer.company).first().waitFor()
  await page.getByRole("button").click()
  await page.getByRole("textbox").waitFor() // only the owner has somewhere to write
}

/** @param {Page} page */
async function signIn(page) {
  await page.goto(`${SERVER}/admin`)
  await page.waitForURL(/\/login/)
  await settled(page)
  await page.fill("#email", STAFF.email)
  await page.fill("#password", STAFF.password)
  await page.click("#log-in")
  await page.waitForURL(`${SERVER}/admin`)
  await page.locator("#tiles .figure").first().waitFor()
  await page.locator("live-state[data-state=live]").waitFor()
}

/** @param {Page} page @param {Words} words @param {Customer} customer */
async function findInConsole(page, words, customer) {
  await page
    .getByRole("navigation", { name: words("nav.console") })
    .getByRole("link", { name: words("tenants.title") })
    .click()
  await page.waitForURL(`${SERVER}/admin/tenants`)
  await page.fill("#q", customer.subdomain)
  const row = page.locator("tbody tr", { hasText: customer.company })
  await row.waitFor()
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1)
  // The filter stands in the address.
  await page.waitForURL(new RegExp(`q=${customer.subdomain}`))
  assert.match(await row.innerText(), new RegExp(words("state.live")))
  await row.getByRole("link", { name: customer.subdomain, exact: true }).click()
  await page.waitForURL(/\/admin\/tenants\/ten_/)
  await page.locator("#tenant-name", { hasText: customer.subdomain }).waitFor()
  await page.goBack()
  await row.waitFor()
}

/** @param {Page} page */
async function signOut(page) {
  await page.locator("header summary").click()
  await page.click("#log-out")
  await page.waitForURL(/\/login/)
  await page.goto(`${SERVER}/admin`)
  await page.waitForURL(/\/login\?next=/)
}
