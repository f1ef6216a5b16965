// A customer opens their own page with a link by mail, stays for less, cancels, thinks better of it, and gives another card.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { execute, rows, value } from "../support/database.mjs"
import { until } from "../support/until.mjs"
import { signUpAndPay } from "./paying.mjs"
import { LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""
const OTHER_CARD = { card_number: "5555 5555 5555 4444", card_expiry: "11 / 35", card_cvc: "321" }

const OFFER = `INSERT INTO settings_groups (name, version, content) VALUES ('win_back', 1, '{"offers": true}')
  ON CONFLICT (name) DO NOTHING`

const { asVisitor } = useBrowser()

/** @param {string} email */
const newestLink = email =>
  until("the link is mailed", async () => {
    const mails = await rows(
      DATA_DIR,
      `SELECT substring(body FROM '/portal/[A-Za-z0-9_-]+') AS path FROM mails
        WHERE template = 'portal_link' AND recipient = '${email}'`,
    )
    return mails.at(-1)?.path
  })

for (const language of LANGUAGES) {
  test(`a customer's page is opened by mail, once, and does what it says, in ${language}`, async () => {
    const words = await wordsIn(language)
    const tenant = await signUpAndPay(asVisitor, `portal-${language}`)
    const email = `ada@${tenant.name}.example`
    const context = await asVisitor({ language, width: 390 })
    const page = await context.newPage()
    const picture = (/** @type {string} */ step) => screenshot(page, `portal-${language}-${step}`)

    await page.goto(`${SERVER}/portal`)
    await settled(page)
    await page.fill("#ask-email", email)
    await page.click("#ask-send")
    await page.locator("#ask-done .notice").waitFor()
    const path = await newestLink(email)

    await page.goto(SERVER + path)
    await settled(page)
    await page.getByRole("button", { name: words("portal_link.open") }).click()
    await page.waitForURL(`${SERVER}/portal`)
    await page.locator("#tenants .card").waitFor()
    assert.match(await page.locator("#tenants").innerText(), new RegExp(tenant.name))
    await page.getByText(words("portal_standing.runs")).waitFor()
    await page.getByText("•••• 4242").waitFor()
    await picture("1-open")
    const download = page.waitForEvent("download")
    await page
      .getByRole("button", { name: words("portal.pdf"), exact: false })
      .first()
      .click()
    assert.match((await download).suggestedFilename(), /^invoice-.*\.pdf$/)

    // What is offered stands beside the end, is taken once, and hinders nothing.
    await execute(DATA_DIR, OFFER)
    await page.reload()
    await page.getByRole("button", { name: words("portal.cancel") }).click()
    await page.locator("dialog #stay").waitFor()
    await picture("2-offer")
    await page.locator("dialog #stay").click()
    await page.getByText(words("portal.stayed", { name: tenant.name })).waitFor()
    const taken = `SELECT percent_off FROM portal_stay_offers WHERE stripe_subscription_id = '${tenant.subscription}'`
    assert.equal(await value(DATA_DIR, taken), 20)

    await page.getByRole("button", { name: words("portal.cancel") }).click()
    assert.equal(await page.locator("dialog #stay").count(), 0)
    await page.locator("dialog [data-action]").click()
    await page.locator("dialog [name=feedback][aria-invalid]").waitFor()
    await page.selectOption("dialog [name=feedback]", "unused")
    await picture("2-cancel")
    await page.locator("dialog [data-action]").click()
    await page.getByRole("button", { name: words("portal.resume") }).waitFor()
    const ends = `SELECT cancel_at_period_end FROM subscriptions WHERE tenant_id = ${tenant.number}`
    assert.equal(await value(DATA_DIR, ends), true)
    await picture("3-cancelled")
    await page.getByRole("button", { name: words("portal.resume") }).click()
    await page.getByRole("button", { name: words("portal.cancel") }).waitFor()
    assert.equal(await value(DATA_DIR, ends), false)

    await page.click("#another-card")
    await page.waitForURL(url => url.origin !== new URL(SERVER).origin)
    for (const [field, text] of Object.entries(OTHER_CARD)) await page.fill(`[name=${field}]`, text)
    await page.fill("[name=cardholder_name]", "Ada Visitor")
    await page.click("#pay")
    await page.waitForURL(`${SERVER}/portal**`)
    await page.getByText(words("portal.card_given"), { exact: true }).waitFor()
    assert.match(await page.locator("#card li").first().innerText(), /4444/)
    await picture("4-card")

    // Three of its plan, paid at once; then one of them, from the next period on.
    const replan = () => page.getByRole("button", { name: words("portal.change_plan") }).click()
    await replan()
    await page.check("dialog [name=plan][value=team]")
    await page.fill("dialog [name=quantity]", "101")
    await page.locator("dialog [data-action]").click()
    await page.locator("dialog [name=quantity][aria-invalid]").waitFor()
    await page.fill("dialog [name=quantity]", "3")
    await picture("5-quantity")
    await page.locator("dialog [data-action]").click()
    await page.getByRole("heading", { name: "3 × Team" }).waitFor()
    await picture("6-price")
    await page.getByRole("button", { name: words("portal.plan_confirm_now") }).click()
    await page.getByText(words("portal.plan_changed", { name: tenant.name, plan: "3 × Team" })).waitFor()
    const users = `SELECT max_users FROM tenants WHERE id = ${tenant.number}`
    await until("its limits follow", async () => (await value(DATA_DIR, users)) === 75)
    await replan()
    await page.check("dialog [name=plan][value=team]")
    await page.fill("dialog [name=quantity]", "1")
    await page.locator("dialog [data-action]").click()
    await page.getByRole("heading", { name: "3 × Team" }).waitFor()
    await page.locator("dialog [data-action]").last().click()
    await page.getByRole("button", { name: words("plan_order.take_back") }).waitFor()
    await picture("7-later")
    const told = `SELECT count(*)::int FROM mails WHERE template = 'plan_ordered' AND recipient = '${email}'`
    assert.equal(await value(DATA_DIR, told), 1)
    await page.getByRole("button", { name: words("plan_order.take_back") }).click()
    await page.getByRole("button", { name: words("portal.change_plan") }).waitFor()

    await page.click("#close")
    await page.locator("#ask-note .notice").waitFor()
    await page.reload()
    await page.locator("#ask-form").waitFor()

    // The link does not work a second time, here or anywhere.
    await page.goto(SERVER + path)
    await settled(page)
    await page.click("#open")
    await page.getByRole("button", { name: words("portal_link.again") }).click()
    await page.getByText(words("portal.kept")).waitFor()
    await picture("8-over")
    await context.close()
  })
}
