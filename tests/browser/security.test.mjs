// An owner keeps an address out, goes through read-only mode, reads and exports the trail of it, and revokes everything.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { until } from "../support/until.mjs"
import { LANGUAGES, openBrowser, openContext, SERVER, settled, signIn, wordsIn } from "./support.mjs"

/** @type {import("./support.mjs").Browser} */
let browser

before(async () => {
  browser = await openBrowser()
})

after(() => browser?.close())

for (const language of LANGUAGES) {
  test(`an incident from its beginning to its end; in ${language}`, async () => {
    const words = await wordsIn(language)
    // A session of its own: it is revoked at the end.
    const storageState = await signIn(browser)
    const context = await openContext(browser, { language, storageState })
    const page = await context.newPage()
    /** @param {Record<string, string>} fields */
    const fillDialog = async fields => {
      for (const [name, value] of Object.entries(fields)) await page.fill(`dialog [name=${name}]`, value)
      await page.click("dialog [data-action]")
    }
    const security = `${SERVER}/admin/settings/security`

    await page.goto(security)
    await settled(page)
    const address = `203.0.113.${language === "es" ? 8 : 9}`
    await page.click("#block")
    await fillDialog({ address })
    await page.waitForSelector('dialog [name=reason][aria-invalid="true"]')
    await fillDialog({ reason: "lists of passwords" })
    await page.waitForSelector(`#blocks code:text-is("${address}")`)

    await page.click("#read-only-card button")
    await fillDialog({ reason: "a stolen laptop" })
    await page.waitForSelector("#read-only")
    assert.ok((await page.textContent("#read-only"))?.includes(words("read_only.title")))
    await page.goto(`${SERVER}/admin`)
    await page.waitForSelector("#read-only")
    const refused = await context.request.post(`${SERVER}/api/checkout`, { data: {}, headers: { Origin: SERVER } })
    assert.equal(refused.status(), 503)

    await page.goto(security)
    await settled(page)
    await page.click("#read-only-card button")
    await fillDialog({ reason: "it was found" })
    await page.waitForSelector("#read-only", { state: "detached" })

    await page.goto(`${SERVER}/admin/settings/audit?action=incident.&q=stolen`)
    await settled(page)
    const row = page.locator("#rows > tr").first()
    assert.ok((await row.textContent())?.includes("a stolen laptop"))
    await row.locator("summary").click()
    assert.ok(await row.locator(".diff").isVisible())
    const download = page.waitForEvent("download")
    await page.getByRole("button", { name: words("table.export"), exact: true }).click()
    await page.getByRole("button", { name: words("table.csv"), exact: true }).click()
    assert.match((await download).suggestedFilename(), /^audit-.*\.csv$/)
    await page.fill("[name=action]", "audit.exported")
    await page.fill("[name=q]", "")
    await until("the export is in the trail", async () =>
      (await page.locator("#rows > tr").first().textContent())?.includes("audit.exported"),
    )

    await page.goto(security)
    await settled(page)
    await page.click("#revoke-card button")
    await fillDialog({ confirm: "revoke everything", reason: "to be sure" })
    await page.waitForURL(/\/login/)
    assert.equal((await context.request.get(`${SERVER}/api/admin/me`)).status(), 401)
    await context.close()
  })
}
