// Saved views on the page of their list: kept, opened, begun with, pinned, deleted; and those that the list has outgrown.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { SERVER, screenshot, settled, wordsIn } from "./support.mjs"
import { showTenants } from "./table-states.mjs"
import { keepViews } from "./view-states.mjs"

const { asStaff } = useBrowser()
const words = await wordsIn("en")

/** @param {Record<string, any>[]} views @param {string} [search] */
async function open(views, search = "") {
  const context = await asStaff({ language: "en" })
  const page = await context.newPage()
  const shown = await showTenants(page, 30)
  const kept = await keepViews(page, views)
  await page.goto(`${SERVER}/admin/tenants${search}`)
  await settled(page)
  return { context, page, kept, shown }
}

const SUSPENDED = { name: "Who stands still", query: "state=suspended&sort=company", page_size: 25 }
const menu = (/** @type {import("./support.mjs").Page} */ page) =>
  page.getByRole("button", { name: words("views.title") })

test("what is seen is kept under a name, opened again by it, and gone when it is deleted", async () => {
  const { context, page, kept } = await open([], "?state=live&hide=plan&limit=25")
  await menu(page).click()
  await page.click("#save-view")
  await page.fill("dialog[open] [name=name]", "Those that run")
  await page.locator("dialog[open] [data-action]").click()
  await page.locator("dialog[open]").waitFor({ state: "detached" })
  assert.deepEqual([kept[0].query, kept[0].columns.hidden, kept[0].list], ["state=live", ["plan"], "tenants"])
  await page.goto(`${SERVER}/admin/tenants`)
  await settled(page)
  await menu(page).click()
  await screenshot(page, "views")
  await page.getByRole("link", { name: "Those that run" }).click()
  await page.waitForURL(`${SERVER}/admin/tenants?state=live&limit=25&hide=plan`)
  await settled(page)
  await menu(page).click()
  await page.locator("[aria-current=true]", { hasText: "Those that run" }).waitFor()
  await page.getByRole("button", { name: words("views.delete", { name: "Those that run" }) }).click()
  await page.getByRole("alertdialog").locator("[data-action]").click()
  await page.waitForFunction(() => !document.querySelector("data-table a[href*='view=view_']"))
  assert.equal(kept.length, 0)
  await context.close()
})

test("a list begins with one's default; an address with filters beats it, and all rows are a choice", async () => {
  const { context, page } = await open([{ ...SUSPENDED, is_default: true }])
  await page.waitForURL(`${SERVER}/admin/tenants?state=suspended&sort=company&limit=25`)
  await page.goto(`${SERVER}/admin/tenants?q=acme`)
  await settled(page)
  assert.equal(new URL(page.url()).search, "?q=acme")
  await menu(page).click()
  await page.getByRole("link", { name: words("views.usual") }).click()
  const chips = page.locator("#chips > *")
  for (const leave of [() => page.reload(), () => page.goto(`${SERVER}/admin/mails`).then(() => page.goBack())]) {
    await page.waitForURL(`${SERVER}/admin/tenants?view=none`)
    await settled(page)
    assert.equal(await chips.count(), 0)
    assert.equal(await page.locator("#list-problem .notice").count(), 0)
    await leave()
  }
  await page.waitForURL(`${SERVER}/admin/tenants?view=none`)
  await page.locator("data-table a[href*='view=view_']").waitFor({ state: "attached" })
  await page.selectOption("[name=state]", "live")
  await chips.first().waitFor()
  await page
    .locator("#chips")
    .getByRole("button", { name: words("table.clear_all") })
    .click()
  await page.waitForURL(`${SERVER}/admin/tenants?view=none`)
  await context.close()
})

test("a pinned view stands in the navigation, on every page", async () => {
  const { context, page, kept } = await open([SUSPENDED])
  await menu(page).click()
  await page.getByRole("button", { name: words("views.pin", { name: SUSPENDED.name }) }).click()
  await page.locator("[aria-pressed=true]").waitFor()
  assert.equal(kept[0].pinned, true)
  await page.goto(`${SERVER}/admin/mails`)
  await page.getByRole("navigation").getByRole("link", { name: SUSPENDED.name }).click()
  await page.waitForURL(/\/admin\/tenants\?state=suspended/)
  await context.close()
})

test("who presses one mark says nothing of the other, and keeps the focus", async () => {
  const { context, page, kept } = await open([SUSPENDED])
  await menu(page).click()
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))
  const star = words("views.begin", { name: SUSPENDED.name })
  kept[0].pinned = true // in another tab
  await page.getByRole("button", { name: star }).press("Enter")
  await page.locator("[aria-pressed=true]").nth(1).waitFor()
  assert.deepEqual([kept[0].pinned, kept[0].is_default], [true, true])
  assert.equal(await focused(), star)
  await page.getByRole("button", { name: words("views.delete", { name: SUSPENDED.name }) }).press("Enter")
  await page.getByRole("alertdialog").locator("[data-action]").click()
  await page.waitForFunction(() => !document.querySelector("data-table a[href*='view=view_']"))
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), words("views.title"))
  await context.close()
})

test("what the list no longer knows is named and left out; a view that is gone says so", async () => {
  const dropped = { filters: ["shape"], columns: ["colour"] }
  const { context, page, shown } = await open([{ ...SUSPENDED, dropped }], "?view=view_1")
  const said = page.locator("#list-problem", { hasText: words("failed.dropped_title") })
  await said.waitFor()
  assert.match(await said.innerText(), /shape, colour/)
  assert.equal(shown.asked.at(-1)?.get("state"), "suspended")
  await page.goto(`${SERVER}/admin/tenants?view=view_9`)
  await page.locator("#list-problem", { hasText: "view=view_9" }).waitFor()
  await page.waitForURL(`${SERVER}/admin/tenants`)
  await context.close()
})

test("two tabs that keep one view anew do not overwrite each other", async () => {
  const { context, page, kept } = await open([SUSPENDED], "?state=live")
  await menu(page).click()
  await page.getByRole("link", { name: SUSPENDED.name }).waitFor()
  await page.click("#save-view")
  await page.selectOption("dialog[open] [name=as]", "view_1")
  kept[0].version = 2
  await page.locator("dialog[open] [data-action]").click()
  await page.locator("dialog[open]").getByText(words("problem.version_outdated")).first().waitFor()
  assert.equal(kept[0].query, SUSPENDED.query)
  await context.close()
})
