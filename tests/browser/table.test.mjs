// A table of the console in use: order, columns, pages, ticks and keys; and in bad luck: an address that names what is not
// there, a socket that is lost, two tabs, much paper, and code that does not run.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { before, describe, test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { execute, rows } from "../support/database.mjs"
import { until } from "../support/until.mjs"
import { SERVER, screenshot, settled, wordsIn } from "./support.mjs"
import { showTenants } from "./table-states.mjs"

/** @typedef {import("./support.mjs").Page} Page */

const { browser, asStaff } = useBrowser()
const words = await wordsIn("en")
const SHEETS = process.env.ONBOARDING_SCREENSHOTS && `${process.env.ONBOARDING_SCREENSHOTS}/table.pdf`
const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

/** @param {number} total @param {string} [search] @param {number} [width] */
async function open(total, search = "", width = 1440) {
  const context = await asStaff({ language: "en", width })
  const page = await context.newPage()
  const shown = await showTenants(page, total)
  await page.goto(`${SERVER}/admin/tenants${search}`)
  await settled(page)
  return { context, page, shown }
}

/** @param {Page} page */
const names = page => page.locator("#rows th a.table-name").allTextContents()
/** @param {Page} page */
const heads = page => page.locator("thead th:not(.menu-column)").allInnerTexts()
/** @param {Page} page */
const exportButton = page => page.getByRole("button", { name: words("table.export"), exact: true })
/** @param {Page} page @param {string} format */
async function chooseFile(page, format) {
  await exportButton(page).click()
  await page.getByRole("button", { name: words(format), exact: true }).click()
}
/** @param {Page} page @param {string} part */
const addressHas = (page, part) => page.waitForURL(url => url.search.includes(part))

describe("in use", () => {
  test("a head sorts up, down and not at all; the address says so, and Back goes back", async () => {
    const { context, page, shown } = await open(30)
    const head = page.locator("thead th").first()
    const sort = head.locator(".sort-button")
    for (const [order, address] of [
      ["ascending", "sort=subdomain"],
      ["descending", "sort=-subdomain"],
    ]) {
      await sort.click()
      await addressHas(page, address)
      await page.locator(`thead th[aria-sort=${order}]`).waitFor()
      assert.equal(await head.getAttribute("aria-sort"), order)
    }
    await sort.click()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await page.locator("thead th:not([aria-sort])").first().and(head).waitFor()
    await settled(page)
    assert.equal(await page.locator("thead [aria-sort]").count(), 1, "one column says the order")
    assert.equal(shown.asked.at(-1)?.get("sort"), "-created_at")
    await page.goBack()
    await addressHas(page, "sort=-subdomain")
    await page.locator("thead th[aria-sort=descending]").first().and(head).waitFor()
    await context.close()
  })

  test("columns are chosen and moved by buttons, stay after a reload, and go into the file", async () => {
    const { context, page } = await open(30)
    await page.getByRole("button", { name: words("table.view"), exact: true }).click()
    await page.locator("#column-plan").uncheck()
    await page.locator("#column-customer_id").check()
    await page.locator("#column-up-health").focus()
    await page.keyboard.press("Enter")
    assert.equal(await page.evaluate(() => document.activeElement?.id), "column-up-health", "the focus stays")
    await screenshot(page, "table-columns")
    const expected = ["Subdomain", "Company", "Health", "State", "Last backup", "MRR", "Created", "Customer ID"]
    assert.deepEqual(
      (await heads(page)).map(text => text.trim()),
      expected,
    )
    await page.reload()
    await settled(page)
    assert.deepEqual(
      (await heads(page)).map(text => text.trim()),
      expected,
    )

    const asked = page.waitForRequest("**/api/tenants/export?*")
    const download = page.waitForEvent("download")
    await chooseFile(page, "table.csv")
    const parameters = new URL((await asked).url()).searchParams
    assert.match(
      parameters.get("columns") ?? "",
      /^subdomain,company,customer_email,health,state,.*,created_at,customer_id$/,
    )
    assert.deepEqual([parameters.get("format"), parameters.get("sort")], ["csv", "-created_at"])
    assert.ok(parameters.get("zone"))
    assert.match((await download).suggestedFilename(), /^tenants-.*\.csv$/)

    await page.getByRole("button", { name: words("table.view"), exact: true }).click()
    await page.getByRole("button", { name: words("table.usual") }).click()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await page.locator("thead th", { hasText: "Plan" }).waitFor()
    assert.equal((await heads(page))[2].trim(), "Plan")
    await context.close()
  })

  test("Back from a row restores where one was", async () => {
    const { context, page } = await open(100, "?limit=100")
    await page.evaluate(() => scrollTo({ top: 3000, behavior: "instant" }))
    const name = (await names(page))[50]
    await page.getByRole("link", { name, exact: true }).click()
    await page.waitForURL(/\/admin\/tenants\/ten_/)
    await page.goBack()
    await page.waitForFunction(() => Math.abs(scrollY - 3000) < 400)
    await context.close()
  })

  test("pages lead there and back, and a tick stays with its row", async () => {
    const { context, page } = await open(60, "?limit=25")
    const first = await names(page)
    await page.locator("#rows input").nth(1).check()
    await page.click("#next")
    await addressHas(page, "cursor=25")
    await settled(page)
    assert.equal(new Set([...first, ...(await names(page))]).size, 50)
    assert.equal(await page.locator("#rows input:checked").count(), 0)
    await page.check("#select-page")
    await page.locator("#bulk-bar, .bulk-bar", { hasText: words("bulk.clear") }).waitFor()
    assert.match(await page.locator(".bulk-bar").innerText(), /26/)
    await page.click("#previous")
    await page.waitForURL(url => !url.search.includes("cursor"))
    await settled(page)
    assert.deepEqual(await names(page), first)
    assert.equal(await page.locator("#rows input:checked").count(), 1)
    assert.equal(await page.locator("#rows input").nth(1).isChecked(), true)
    await context.close()
  })

  test("ticking a page of 100 changes boxes, not rows", async () => {
    const { context, page } = await open(300, "?limit=100")
    await page.evaluate(() => {
      for (const row of document.querySelectorAll("#rows tr")) Object.assign(row, { sameAsBefore: true })
    })
    await page.check("#select-page")
    assert.equal(await page.locator("#rows input:checked").count(), 100)
    await page.click("#select-all")
    assert.match(await page.locator(".bulk-bar").innerText(), /300/)
    const same = await page.evaluate(() =>
      [...document.querySelectorAll("#rows tr")].every(row => /** @type {any} */ (row).sameAsBefore),
    )
    assert.equal(same, true)
    await page.locator("#rows input").first().uncheck()
    assert.match(await page.locator(".bulk-bar").innerText(), /299/)
    assert.equal(
      await page.locator("#select-page").evaluate(box => /** @type {HTMLInputElement} */ (box).indeterminate),
      true,
    )
    await context.close()
  })

  test("keys go from row to row, tick and open; none of them while somebody types", async () => {
    const { context, page } = await open(30)
    const all = await names(page)
    const focused = () => page.evaluate(() => document.activeElement?.textContent)
    await page.keyboard.press("j")
    assert.equal(await focused(), all[0])
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    assert.equal(await focused(), all[1])
    await page.keyboard.press("x")
    assert.equal(await page.locator("#rows input").nth(1).isChecked(), true)
    await page.keyboard.press("f")
    assert.equal(await page.evaluate(() => document.activeElement?.id), "q")
    await page.keyboard.type("jxkf")
    assert.equal(await page.inputValue("#q"), "jxkf")
    assert.equal(await page.locator("#rows input:checked").count(), 1)
    await page.locator("#rows th a").nth(2).focus()
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/admin\/tenants\/ten_/)
    await context.close()
  })

  test("the dot opens a row's menu and leads into it; the arrows go through it, Esc leads back to the row", async () => {
    const { context, page, shown } = await open(30)
    shown.provisioner = "incus"
    await page.reload()
    await settled(page)
    const [first] = await names(page)
    const focused = () => page.evaluate(() => document.activeElement?.textContent)
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await page.keyboard.press(".")
    const items = page.locator("[popover]:popover-open .menu-item")
    const texts = await items.allTextContents()
    assert.ok(texts.length > 1)
    assert.equal(await focused(), texts[0])
    await page.keyboard.press("ArrowDown")
    assert.equal(await focused(), texts[1])
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    assert.equal(await focused(), texts.at(-1))
    await page.keyboard.press("Escape")
    assert.equal(await items.count(), 0)
    assert.equal(await focused(), first)
    assert.equal(await page.locator("#rows input:checked").count(), 1, "what was ticked stays")
    await context.close()
  })

  test("whoever switches keys of one letter off has none of them, here and after a reload", async () => {
    const { context, page } = await open(30)
    const focused = () => page.evaluate(() => document.activeElement?.tagName)
    await page.getByLabel(words("user.menu"), { exact: true }).click()
    const box = page.getByRole("checkbox", { name: words("shortcuts.title") })
    assert.equal(await box.isChecked(), true)
    await screenshot(page, "shortcuts")
    await box.uncheck()
    await page.keyboard.press("Escape")
    for (const reloads of [false, true]) {
      if (reloads) {
        await page.reload()
        await settled(page)
      }
      await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur())
      for (const key of ["j", "f", "x", "."]) await page.keyboard.press(key)
      assert.equal(await focused(), "BODY")
    }
    await page.getByLabel(words("user.menu"), { exact: true }).click()
    await box.check()
    await page.keyboard.press("Escape")
    await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur())
    await page.keyboard.press("j")
    assert.equal(await focused(), "A")
    await context.close()
  })

  test("filters are chips that go one by one; typing adds nothing to the history", async () => {
    const { context, page, shown } = await open(30)
    const before = await page.evaluate(() => history.length)
    await page.locator("#q").pressSequentially("acme & co", { delay: 5 })
    await addressHas(page, "q=acme+%26+co")
    assert.equal(await page.evaluate(() => history.length), before)
    await page.selectOption("[name=state]", "live")
    await addressHas(page, "state=live")
    await page.selectOption("[name=state]", "suspended")
    await addressHas(page, "state=live,suspended")
    assert.equal(await page.evaluate(() => history.length), before + 3, "what was typed, then two choices")
    const chip = (/** @type {string} */ filter) =>
      page.getByRole("button", { name: words("table.remove_filter", { filter }) })
    await chip(`State: ${words("state.live")}`).click()
    await page.waitForURL(url => url.searchParams.get("state") === "suspended")
    assert.equal(await page.evaluate(() => document.activeElement?.id), "q", "the focus is not lost")
    await page
      .locator("#chips")
      .getByRole("button", { name: words("table.clear_all") })
      .click()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await settled(page)
    assert.equal(await page.locator("#chips > *").count(), 0)
    assert.equal(shown.asked.at(-1)?.has("state"), false)
    await context.close()
  })

  test("a value in a row narrows the list to its like, and Back takes that away", async () => {
    const { context, page, shown } = await open(30)
    const value = page
      .locator("#rows tr")
      .first()
      .getByRole("button", { name: words("state.live"), exact: true })
    assert.equal(
      await value.getAttribute("title"),
      words("table.only", { filter: "State", value: words("state.live") }),
    )
    await value.click()
    await addressHas(page, "state=live")
    await page.locator("#chips .chip", { hasText: words("state.live") }).waitFor()
    await settled(page)
    assert.equal(shown.asked.at(-1)?.get("state"), "live")
    assert.equal(await value.count(), 0, "narrowed by it already")
    await page.goBack()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await value.focus()
    await page.keyboard.press("Enter")
    await addressHas(page, "state=live")
    await context.close()
  })

  test("what is typed and then submitted is one step: Back leads to before, also with the focus in the field", async () => {
    const { context, page, shown } = await open(30)
    await page.locator("#q").pressSequentially("acme", { delay: 5 })
    await addressHas(page, "q=acme")
    await page.keyboard.press("Enter")
    await page.waitForFunction(() => history.state?.before === undefined)
    await page.goBack()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await settled(page)
    assert.equal(await page.evaluate(() => document.activeElement?.id), "q")
    assert.equal(await page.inputValue("#q"), "")
    assert.equal(shown.asked.at(-1)?.has("q"), false)
    await page.goForward()
    await addressHas(page, "q=acme")
    assert.equal(await page.inputValue("#q"), "acme")
    await context.close()
  })

  test("Back to another question leaves nothing ticked", async () => {
    const { context, page } = await open(300)
    await page.selectOption("[name=state]", "live")
    await addressHas(page, "state=live")
    await settled(page)
    await page.check("#select-page")
    await page.click("#select-all")
    await page.goBack()
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await settled(page)
    assert.equal(await page.locator(".bulk-bar").isVisible(), false)
    assert.equal(await page.locator("#rows input:checked").count(), 0)
    await context.close()
  })

  test("Esc takes the filters away, but not what somebody has ticked, or what an open menu wants", async () => {
    const { context, page } = await open(30, "?state=live&plan=team")
    const isFiltered = () => page.url().includes("state=live")
    await page.locator("#rows input").first().check()
    await page.keyboard.press("Escape")
    assert.equal(isFiltered(), true)
    await page.locator("#rows input").first().uncheck()
    await exportButton(page).click()
    await page.keyboard.press("Escape")
    assert.equal(isFiltered(), true)
    await page.locator("#chips button").first().focus()
    await page.keyboard.press("Escape")
    await page.waitForURL(`${SERVER}/admin/tenants`)
    assert.equal(await page.evaluate(() => document.activeElement?.id), "q", "the focus is not lost")
    await context.close()
  })

  test("heads stay in sight, where the page scrolls and where the table does", async () => {
    for (const [width, search] of /** @type {[number, string][]} */ ([
      [1440, "?limit=100"],
      [760, "?limit=100&show=live_at,customer_id"],
    ])) {
      const { context, page } = await open(100, search, width)
      const box = page.locator("#list .scroller")
      const top = () =>
        page
          .locator("thead th")
          .nth(1)
          .evaluate(head => head.getBoundingClientRect().top)
      await page.evaluate(() => scrollTo({ top: 1500, behavior: "instant" }))
      await box.evaluate(element => element.scrollTo(60, 900))
      const bar = await page.locator(".top-bar").evaluate(element => element.getBoundingClientRect().bottom)
      const row = await page.evaluate(() => document.querySelector("#rows tr")?.getBoundingClientRect().top ?? 0)
      assert.ok(row < 0, `rows are scrolled at ${width}: ${row}`)
      assert.ok((await top()) >= bar - 2 && (await top()) < 300, `at ${width}: ${await top()}`)
      await page.locator("#rows th a").nth(60).focus()
      await page.keyboard.press("k")
      const link = await page.evaluate(() => document.activeElement?.getBoundingClientRect().top ?? 0)
      const head = await page
        .locator("thead th")
        .nth(1)
        .evaluate(element => element.getBoundingClientRect().bottom)
      assert.ok(link >= head, `what has the focus is not below the heads at ${width}: ${link}, ${head}`)
      await screenshot(page, `table-heads-${width}`)
      await context.close()
    }
  })

  test("nobody loses the focus: at the last page, and when new rows are shown", async () => {
    const { context, page, shown } = await open(60, "?limit=50")
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.tagName)
    await page.click("#next")
    await addressHas(page, "cursor=50")
    await settled(page)
    assert.equal(await focused(), "previous")
    await page.click("#previous")
    await page.waitForURL(url => !url.search.includes("cursor"))
    await settled(page)
    assert.equal(await focused(), "next")
    shown.newer = 3
    await page.evaluate(() => /** @type {any} */ (document.querySelector("data-table")).look())
    const announced = page.locator("#show-new", { hasText: "3" })
    await announced.focus()
    await page.evaluate(() => scrollTo({ top: 200, behavior: "instant" }))
    await page.keyboard.press("Enter")
    await announced.waitFor({ state: "hidden" })
    await settled(page)
    assert.equal(await page.evaluate(() => document.activeElement?.matches("#list .scroller")), true)
    assert.ok((await page.evaluate(() => scrollY)) >= 100, "the page stays where it is")
    await context.close()
  })

  test("who came by a link to a later page is led to the first one, and told so", async () => {
    const { context, page } = await open(60, "?limit=25&cursor=50")
    const previous = page.locator("#previous")
    assert.equal((await previous.innerText()).trim(), words("table.first"))
    await previous.click()
    await page.waitForURL(`${SERVER}/admin/tenants?limit=25`)
    await settled(page)
    assert.equal((await previous.innerText()).trim(), words("table.previous"))
    await page.click("#next")
    await addressHas(page, "cursor=25")
    await settled(page)
    assert.equal((await previous.innerText()).trim(), words("table.previous"))
    await context.close()
  })

  test("one tenant is named where something is done with it, in words for one", async () => {
    const spanish = await wordsIn("es")
    const context = await asStaff({ language: "es" })
    const page = await context.newPage()
    await showTenants(page, 30)
    await page.route("**/api/tenants/batch/preview?**", route =>
      route.fulfill({ json: { matching: 1, selectable: 1, capped: false, skipped: [] } }),
    )
    await page.goto(`${SERVER}/admin/tenants`)
    await settled(page)
    await page.locator("#rows input").nth(1).check()
    await page.click("#bulk-suspend")
    const question = page.getByRole("alertdialog", { name: "¿Suspender tenant-9999?" })
    await question.getByText("Se detiene y su dirección indica que está en pausa.").waitFor()
    assert.equal(await question.locator("[data-action]").innerText(), "Suspender tenant-9999")
    await screenshot(page, "bulk-one-es")
    await question.getByRole("button", { name: spanish("dialog.cancel") }).click()
    await page.locator("#rows input").nth(2).check()
    await page.click("#bulk-suspend")
    const two = page.getByRole("alertdialog", { name: "¿Suspender 2 tenants?" })
    await two.getByText("Se detienen").waitFor()
    assert.equal(await two.locator("[data-action]").innerText(), "Suspender 2 tenants")
    await context.close()
  })

  test("what can be done with none of them cannot be confirmed, and why is said at the button", async () => {
    const { context, page } = await open(30)
    let selectable = 0
    let began = 0
    const why = { code: "job_of_schedule", parameters: {} }
    await page.route("**/api/tenants/batch/preview?**", route =>
      route.fulfill({ json: { matching: 2, selectable, skipped: [{ why, count: 2 - selectable }] } }),
    )
    await page.route("**/api/tenants/batch", route => {
      began += 1
      return route.fulfill({ status: 500, json: {} })
    })
    await page.locator("#rows input").nth(1).check()
    await page.locator("#rows input").nth(2).check()
    await page.click("#bulk-change_plan")
    const question = page.getByRole("alertdialog")
    const confirm = question.locator("[data-action]")
    await question.locator("[data-action][aria-disabled=true]").waitFor()
    const said = await confirm.evaluate(
      button => document.getElementById(button.getAttribute("aria-describedby") ?? "")?.innerText,
    )
    assert.match(said ?? "", /It can’t be done with any of them/)
    await confirm.dispatchEvent("click")
    assert.equal(began, 0)
    await screenshot(page, "bulk-none")
    selectable = 1
    await question.locator("[name=to_plan]").dispatchEvent("change")
    await question.locator("[data-action]:not([aria-disabled]):not([aria-describedby])").waitFor()
    await context.close()
  })

  test("the trail is asked from midnight here until the midnight after", async () => {
    const context = await asStaff({ language: "en" })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/settings/audit`)
    await settled(page)
    const asked = page.waitForRequest(request => /\/api\/audit\?.*from=.*to=/.test(request.url()))
    await page.fill("[name=from]", "2026-03-28")
    await page.fill("[name=to]", "2026-03-29")
    const parameters = new URL((await asked).url()).searchParams
    const moments = await page.evaluate(() =>
      [new Date("2026-03-28T00:00"), new Date("2026-03-30T00:00")].map(day => day.toISOString()),
    )
    assert.deepEqual([parameters.get("from"), parameters.get("to")], moments)
    assert.equal(new URL(page.url()).search, "?from=2026-03-28&to=2026-03-29")
    await page.locator("#chips", { hasText: "28 Mar 2026" }).waitFor()
    await context.close()
  })

  test("on a phone a row is a card: its name, then how it stands, and nothing to the side", async () => {
    const { context, page } = await open(30, "", 390)
    const order = await page
      .locator("#rows tr")
      .first()
      .evaluate(row =>
        [...row.children]
          .filter(cell => cell.checkVisibility() && !cell.matches(".menu-column"))
          .map(cell => ({
            head: cell.getAttribute("data-head") ?? cell.tagName,
            top: cell.getBoundingClientRect().top,
          }))
          .sort((one, other) => one.top - other.top)
          .map(({ head }) => head),
      )
    assert.equal(order[0], "TH")
    assert.deepEqual(
      order
        .filter(head => head !== "TD")
        .slice(1, 3)
        .sort(),
      ["Health", "State"],
    )
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.equal(wide, 0)
    await page.getByRole("button", { name: words("table.view"), exact: true }).click()
    await page.selectOption("#table-sort", "subdomain")
    await addressHas(page, "sort=subdomain")
    await screenshot(page, "table-cards")
    await context.close()
  })
})

describe("in bad luck", () => {
  test("an address that names columns, filters and values that are not there shows the rest and says so", async () => {
    const { context, page, shown } = await open(
      30,
      "?hide=gone,plan&move=gone:plan&state=melting,live&status=x&limit=25",
    )
    const said = page.locator("#list-problem", { hasText: words("failed.dropped_title") })
    await said.waitFor()
    for (const part of ["hide=gone", "move=gone:plan", "state=melting,live", "status=x"])
      assert.ok((await said.innerText()).includes(part), part)
    await page.waitForURL(`${SERVER}/admin/tenants?state=live&limit=25&hide=plan`)
    assert.equal(shown.asked.at(-1)?.get("state"), "live")
    assert.equal((await heads(page)).includes("Plan"), false)
    await context.close()
  })

  test("what the page and what the server does not understand are said together", async () => {
    const { context, page } = await open(30)
    await page.route(
      url => url.pathname === "/api/tenants" && url.searchParams.get("cursor") === "zzz",
      route =>
        route.fulfill({
          status: 422,
          json: { status: 422, code: "validation_failed", errors: [{ pointer: "?cursor", code: "invalid" }] },
        }),
    )
    await page.goto(`${SERVER}/admin/tenants?foo=1&health=purple&cursor=zzz`)
    const said = page.locator("#list-problem", { hasText: words("failed.dropped_title") })
    await said.waitFor()
    for (const part of ["foo=1", "health=purple", "cursor=zzz"])
      assert.ok((await said.innerText()).includes(part), part)
    await page.waitForURL(`${SERVER}/admin/tenants`)
    await context.close()
  })

  test("rows that are not those that were asked for say so; when the network is back, the others come", async () => {
    const { context, page, shown } = await open(300)
    shown.fails = 1
    await page.selectOption("[name=state]", "live")
    await page.locator("#list-problem .notice").waitFor()
    assert.equal(await page.locator("#list").getAttribute("data-stale"), "")
    assert.equal(await page.locator("#count").innerText(), words("table.stale"))
    await page.locator("#rows input").first().check()
    assert.equal(await page.locator("#select-all").count(), 0, "nobody knows how many match")
    await screenshot(page, "table-stale")
    await page.evaluate(() => dispatchEvent(new Event("online")))
    await page.locator("#list-problem .notice").waitFor({ state: "detached" })
    assert.equal(await page.locator("#list").getAttribute("data-stale"), null)
    assert.match(await page.locator("#count").innerText(), /300/)
    await context.close()
  })

  test("a file that takes its time says so, until it is there", async () => {
    const { context, page } = await open(30)
    let release = () => {}
    const held = new Promise(resolve => {
      release = () => resolve(undefined)
    })
    await page.route("**/api/tenants/export?*", async route => {
      await held
      return route.fulfill({ body: "a", headers: { "Content-Disposition": 'attachment; filename="tenants.csv"' } })
    })
    await chooseFile(page, "table.csv")
    const line = page.locator("[data-preparing]", { hasText: words("table.preparing") })
    await line.waitFor()
    await page.locator("[role=status]", { hasText: words("table.preparing") }).waitFor({ state: "attached" })
    await screenshot(page, "export-preparing")
    const download = page.waitForEvent("download")
    release()
    await download
    await line.waitFor({ state: "detached" })
    await context.close()
  })

  test("new rows only announce themselves; a lost socket takes nothing away", async () => {
    const context = await asStaff({ language: "en" })
    const page = await context.newPage()
    const shown = await showTenants(page, 30)
    let tell = () => {}
    let lose = () => {}
    await page.routeWebSocket(/\/ws\/metrics/, socket => {
      let number = 0
      tell = () => {
        number += 1
        socket.send(
          JSON.stringify({
            type: "metrics",
            data: { as_of: "2026-11-29T10:00:00Z", activity: [{ id: String(number) }] },
          }),
        )
      }
      lose = () => socket.close()
      tell()
    })
    await page.route("**/api/dashboard/metrics", route => route.fulfill({ status: 503, json: {} }))
    await page.goto(`${SERVER}/admin/tenants`)
    await settled(page)
    await page.locator("live-state[data-state=live]").waitFor()
    const before = await names(page)
    shown.newer = 12
    tell()
    const announced = page.locator("#show-new", { hasText: "12" })
    await announced.waitFor()
    lose()
    await page.locator("live-state[data-state=reconnecting]").waitFor()
    assert.equal(await announced.isVisible(), true)
    assert.deepEqual(await names(page), before, "no row has moved")
    await announced.click()
    await page.waitForFunction(first => document.querySelector("#rows th a")?.textContent !== first, before[0])
    assert.equal((await names(page))[12], before[0])
    assert.equal(await announced.isVisible(), false)
    await context.close()
  })

  test("a server that comes back as a newer one says so once, and the page stays as it is", async () => {
    const context = await asStaff({ language: "en" })
    const page = await context.newPage()
    await showTenants(page, 30)
    let lose = () => {}
    await page.routeWebSocket(/\/ws\/metrics/, socket => {
      lose = () => socket.close()
    })
    let version = ""
    await page.route("**/api/admin/me", async route => {
      const answer = await route.fetch()
      const user = await answer.json()
      return route.fulfill({ response: answer, json: { ...user, version: version || user.version } })
    })
    await page.route("**/api/dashboard/metrics", route => route.fulfill({ status: 503, json: {} }))
    await page.goto(`${SERVER}/admin/tenants`)
    await settled(page)
    const live = page.locator("live-state[data-state=live]")
    const said = page.locator("#above-content .notice")
    await live.waitFor()
    const again = async () => {
      const asked = page.waitForResponse("**/api/admin/me")
      lose()
      await page.locator("live-state[data-state=reconnecting]").waitFor()
      await live.waitFor()
      return asked
    }
    await again()
    assert.equal(await said.count(), 0, "it is the same")
    version = "9.9.9"
    await again()
    await said.filter({ hasText: words("live.newer", { version }) }).waitFor()
    assert.equal((await names(page)).length, 30)
    await said.getByRole("button", { name: words("failed.reload") }).click()
    await said.waitFor({ state: "detached" })
    await live.waitFor()
    await context.close()
  })

  test("when the number that matched has moved, it is said before anything is done", async () => {
    const { context, page } = await open(300, "?state=live&limit=25")
    /** @type {any[]} */
    const sent = []
    await page.route("**/api/tenants/batch", route => {
      sent.push(route.request().postDataJSON())
      return sent.length === 1
        ? route.fulfill({ status: 409, json: { status: 409, code: "count_moved", count: 311 } })
        : route.fulfill({ status: 202, json: { id: "bat_1" } })
    })
    await page.route("**/api/tenants/batch/preview?**", route =>
      route.fulfill({ json: { matching: 311, selectable: 311, capped: false, skipped: [] } }),
    )
    await page.route("**/api/tenant-batches/bat_1*", route =>
      route.fulfill({ json: { state: "done", total: 310, done: 310, running: 0, ok: 310, failed: 0, skipped: 0 } }),
    )
    await page.check("#select-page")
    await page.click("#select-all")
    await page.locator("#rows input").first().uncheck()
    await page.click("#bulk-backup")
    await page.getByRole("dialog").locator("[data-action]").click()
    const moved = page.getByRole("dialog", { name: /311/ })
    await moved.getByText(words("bulk.moved", { before: "299", count: "311" })).waitFor()
    await moved.locator("[data-action]").click()
    await page.locator("[data-batch=over]").waitFor()
    const { filter, exclude, expected_count: expected } = sent[1]
    assert.deepEqual([filter, exclude, expected], [{ state: "live" }, ["ten_10000"], 311])
    assert.equal(sent[0].expected_count, 299)
    assert.equal(await page.locator("#rows input:checked").count(), 0)
    await context.close()
  })

  test("a file that is refused leaves the page where it is, and says so beside the button", async () => {
    const { context, page } = await open(30)
    await page.route("**/api/tenants/export?*", route =>
      route.fulfill({ status: 503, json: { status: 503, code: "export_not_written", request_id: "req_1" } }),
    )
    await chooseFile(page, "table.csv")
    const said = page.locator(".notice", { hasText: "req_1" })
    await said.waitFor()
    assert.ok((await said.innerText()).includes(words("problem.export_not_written")))
    const [button, place] = await Promise.all([exportButton(page).boundingBox(), said.boundingBox()])
    assert.ok(button && place && place.y - button.y < 100)
    assert.equal((await names(page)).length, 30)
    await page.unroute("**/api/tenants/export?*")
    const download = page.waitForEvent("download")
    await chooseFile(page, "table.csv")
    await download
    assert.equal(await said.count(), 0, "what is over is not said any more")
    await context.close()
  })

  test("two tabs keep their own views", async () => {
    const { context, page } = await open(60, "?limit=25")
    const other = await context.newPage()
    await showTenants(other, 60)
    await other.goto(`${SERVER}/admin/tenants?state=live&hide=plan`)
    await settled(other)
    await page.click("#next")
    await addressHas(page, "cursor=25")
    await other.reload()
    await settled(other)
    assert.equal(new URL(other.url()).search, "?state=live&hide=plan")
    assert.equal(await page.locator("thead th", { hasText: "Plan" }).count(), 1)
    await context.close()
  })

  test("500 rows go on paper with their filters, and the screen has its page again", async () => {
    const { context, page } = await open(730, "?state=live&limit=25")
    await page.evaluate(() => {
      window.print = () => {
        Object.assign(window, { onPaper: document.querySelectorAll("#rows tr").length })
        setTimeout(() => dispatchEvent(new Event("afterprint")))
      }
    })
    await chooseFile(page, "table.print")
    await page.waitForFunction(() => "onPaper" in window && document.querySelectorAll("#rows tr").length === 25)
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).onPaper), 500)
    await page.emulateMedia({ media: "print" })
    assert.equal(await page.locator("#chips .chip").isVisible(), true)
    assert.equal(await page.locator("#filters, form[role=search]").isVisible(), false)
    await context.close()
  })

  test("500 rows need few sheets, and no cell is broken into many lines", async () => {
    const { context, page } = await open(730, "?state=live&limit=25")
    await page.evaluate(() => {
      window.print = () => Object.assign(window, { isReady: true })
    })
    await chooseFile(page, "table.print")
    await page.waitForFunction(() => "isReady" in window)
    const paper = await page.pdf({ format: "A4", preferCSSPageSize: true, path: SHEETS })
    const sheets = paper.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0
    assert.ok(sheets > 5 && sheets <= 16, `${sheets} sheets`)
    await context.close()
  })

  test("what could not be loaded says so, keeps what is there, and can be tried again", async () => {
    const { context, page, shown } = await open(60, "?limit=25")
    shown.fails = 1
    await page.click("#next")
    const problem = page.locator("#list-problem .notice")
    await problem.waitFor()
    assert.equal((await names(page)).length, 25)
    await problem.getByRole("button", { name: words("failed.retry") }).click()
    await problem.waitFor({ state: "detached" })
    assert.equal((await names(page))[0], "tenant-9975")
    await context.close()
  })

  test("an answer that breaks off has failed: the page is not busy for ever, and what is there stays", async () => {
    const { context, page, shown } = await open(60, "?limit=25")
    const problem = page.locator("#list-problem .notice", { hasText: words("problem.no_connection") })
    shown.breaks = 1
    await page.click("#next")
    await problem.waitFor()
    await settled(page)
    assert.equal((await names(page)).length, 25)
    shown.breaks = 1
    await page.reload()
    await problem.waitFor()
    await settled(page)
    await problem.getByRole("button", { name: words("failed.retry") }).click()
    await problem.waitFor({ state: "detached" })
    assert.equal((await names(page))[0], "tenant-9975")
    await context.close()
  })

  test("what is there stays while an answer takes its time, and a line says that one is on its way", async () => {
    const { context, page } = await open(60, "?limit=25")
    let release = () => {}
    const held = new Promise(resolve => {
      release = () => resolve(undefined)
    })
    await page.route("**/api/tenants?*", async route => {
      await held
      return route.fallback()
    })
    const line = () => page.locator("#list").evaluate(list => Number(getComputedStyle(list, "::before").opacity || 0))
    await page.click("#next")
    await addressHas(page, "cursor=25")
    await until("the line is seen", async () => (await line()) === 1)
    assert.equal((await names(page)).length, 25)
    release()
    await settled(page)
    assert.equal(await page.locator("#list").evaluate(list => getComputedStyle(list, "::before").content), "none")
    await context.close()
  })

  test("where nobody knows who is there, the page says so and waits for nothing", async () => {
    const context = await asStaff({ language: "en" })
    for (const address of ["/admin", "/admin/tenants", "/admin/settings/profile", "/admin/settings/roles"]) {
      const page = await context.newPage()
      await page.route("**/api/admin/me", route =>
        route.fulfill({ status: 503, json: { status: 503, code: "unexpected", request_id: "req_1" } }),
      )
      await page.goto(SERVER + address)
      await page.locator("#above-content .notice", { hasText: "req_1" }).waitFor()
      await settled(page)
      assert.equal(await page.locator(".skeleton:visible").count(), 0, address)
      await page.unrouteAll()
      await page
        .locator("#above-content")
        .getByRole("button", { name: words("failed.retry") })
        .click()
      await page.locator("#above-content .notice").waitFor({ state: "detached" })
      await settled(page)
      await page.close()
    }
    await context.close()
  })

  test("an empty list, one without a match and one that failed are three things", async () => {
    const { context, page, shown } = await open(0)
    await page.getByText(words("tenants.none")).waitFor()
    await page.fill("#q", "nobody")
    await page.getByText(words("table.no_match"), { exact: true }).waitFor()
    await page
      .locator("#list")
      .getByRole("button", { name: words("table.clear_all") })
      .click()
    await page.getByText(words("tenants.none")).waitFor()
    shown.fails = 1
    await page.fill("#q", "somebody")
    await page.locator("#list-problem .notice").waitFor()
    assert.equal(await page.locator("#list").isVisible(), false, "nobody knows whether there are any")
    await context.close()
  })

  test("a page whose code does not come, or may not run, says so", async () => {
    const context = await asStaff({ language: "en" })
    const page = await context.newPage()
    await page.route(/\/assets\/tenants-.*\.js/, route => route.abort())
    await page.goto(`${SERVER}/admin/tenants`)
    await page.locator("#not-started").waitFor({ state: "visible" })
    await page.unrouteAll()
    await page.locator("#not-started a").click()
    await settled(page)
    assert.equal(await page.locator("#not-started").count(), 0)
    await context.close()

    const without = await (await browser()).newContext({
      ignoreHTTPSErrors: true,
      javaScriptEnabled: false,
      locale: "es-ES",
    })
    const plain = await without.newPage()
    await plain.goto(`${SERVER}/login`)
    await plain.locator("#not-started", { hasText: "JavaScript" }).waitFor({ state: "visible" })
    await without.close()
  })
})

const LONG = 12_000
const KIND = "tests.long_list"

/**
 * The jobs as a list that is too long to wait for. @param {string} [search]
 * @param {{ language?: "en" | "es", width?: number }} [look]
 */
async function openLong(search = `?kind=${KIND}&limit=25`, { language = "en", width = 1440 } = {}) {
  const context = await asStaff({ language, width })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin/jobs${search}`)
  await settled(page)
  return { context, page, line: page.locator("[data-order]") }
}

/** What the API says of exports. @param {Page} page @param {string} method @param {string} path @param {unknown} [data] */
async function exports(page, method, path, data) {
  const { csrf_token: token } = await (await page.request.get(`${SERVER}/api/admin/me`)).json()
  return page.request.fetch(`${SERVER}/api/exports${path}`, {
    method,
    data,
    headers: { Origin: SERVER, "X-CSRF-Token": token },
  })
}

/** Room for five more. @param {Page} page */
async function deleteAll(page) {
  const { data } = await (await exports(page, "GET", "")).json()
  for (const { id } of data) await exports(page, "DELETE", `/${id}`)
}

/** As long as it is held, the server seems to be writing. @param {Page} page */
async function holdBack(page) {
  const held = { asked: 0, fails: 0, release: () => page.unroute(/\/api\/exports\/exp_\d+$/) }
  await page.route(/\/api\/exports\/exp_\d+$/, async route => {
    if (route.request().method() !== "GET") return route.continue()
    held.asked += 1
    if (held.fails > 0) {
      held.fails -= 1
      return route.abort()
    }
    const answer = await route.fetch()
    if (!answer.ok()) return route.fulfill({ response: answer })
    const order = { ...(await answer.json()), state: "running", rows_done: 10_000, rows_total: LONG }
    return route.fulfill({ response: answer, json: order })
  })
  return held
}

describe("files that are too long to wait for", () => {
  before(() =>
    execute(
      DATA_DIR,
      `INSERT INTO jobs (kind, payload, state, attempt, finished_at)
       SELECT '${KIND}', '{}', 'done', 1, now() FROM generate_series(1, ${LONG})`,
    ),
  )

  for (const language of /** @type {const} */ (["en", "es"])) {
    test(`one is ordered, followed over pages and a reload, and is whole when it comes; in ${language}`, async () => {
      const words = await wordsIn(language)
      const { context, page, line } = await openLong(undefined, { language, width: language === "es" ? 390 : 1440 })
      const held = await holdBack(page)
      await page.getByRole("button", { name: words("table.export"), exact: true }).click()
      await page.getByRole("button", { name: words("table.csv"), exact: true }).click()
      await page.locator("[data-order=under_way]", { hasText: /10[.,]000/ }).waitFor()
      await addressHas(page, "export=exp_")
      await page.locator("[role=status]", { hasText: /10[.,]000/ }).waitFor({ state: "attached" })
      await screenshot(page, `export-${language}-running`)
      await page.click("#next")
      await addressHas(page, "cursor=")
      await addressHas(page, "export=exp_")
      await settled(page)
      assert.equal(await line.count(), 1)
      await page.reload()
      await page.locator("[data-order=under_way]", { hasText: /10[.,]000/ }).waitFor()
      held.fails = 1
      await page.locator("[data-order=under_way]", { hasText: words("export_order.lost") }).waitFor()
      await page.locator("[data-order=under_way]", { hasText: /10[.,]000/ }).waitFor()

      const download = page.waitForEvent("download")
      await held.release()
      const file = await download
      const name = file.suggestedFilename()
      assert.match(name, /^jobs-.*\.csv$/)
      const text = await readFile(await file.path(), "utf8")
      assert.equal(
        text.match(new RegExp(`${KIND}\\b.*\\r?\\n`, "g"))?.length,
        LONG + 1,
        "every row, and the filter above",
      )
      await line.filter({ hasText: words("export_order.saved", { file: name }) }).waitFor()
      await screenshot(page, `export-${language}-saved`)

      // What was not waited for is offered, as by the link in a mail.
      await page.reload()
      await page.locator("[data-order=ready]", { hasText: /12[.,]000/ }).waitFor()
      const again = page.waitForEvent("download")
      await line.getByRole("button", { name: words("export_order.download") }).click()
      assert.equal(await readFile(await (await again).path(), "utf8"), text)
      const id = new URL(page.url()).searchParams.get("export") ?? ""
      await line.getByRole("button", { name: words("export_order.delete") }).click()
      await line.filter({ hasText: words("export_order.deleted") }).waitFor()
      assert.equal((await exports(page, "GET", `/${id}`)).status(), 404)
      assert.equal(new URL(page.url()).searchParams.has("export"), false)
      await page.keyboard.press("Enter")
      await line.waitFor({ state: "detached" })
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), words("table.export"))
      await context.close()
    })
  }

  test("one is taken back while it is written", async () => {
    const { context, page, line } = await openLong()
    const held = await holdBack(page)
    await chooseFile(page, "table.json")
    const cancel = line.getByRole("button", { name: words("export_order.cancel") })
    await cancel.waitFor()
    const id = new URL(page.url()).searchParams.get("export") ?? ""
    await cancel.click()
    await line.filter({ hasText: words("export_order.cancelled") }).waitFor()
    assert.equal((await exports(page, "GET", `/${id}`)).status(), 404)
    assert.equal(new URL(page.url()).search, `?kind=${KIND}&limit=25`)
    const { asked } = held
    await page.waitForTimeout(1500)
    assert.equal(held.asked, asked, "nobody asks for it any more")
    await context.close()
  })

  test("an address that names what is not there, or another's, says so and names it no more", async () => {
    const { context, page, line } = await openLong(`?kind=${KIND}&export=exp_999999,nonsense`)
    await line
      .filter({ hasText: words("export_order.gone") })
      .nth(1)
      .waitFor()
    await page.waitForURL(`${SERVER}/admin/jobs?kind=${KIND}`)
    assert.equal(await page.locator("#list-problem .notice").count(), 0)
    await context.close()
  })

  test("why the server could not write it is said", async () => {
    const { context, page, line } = await openLong()
    await page.route(/\/api\/exports\/exp_\d+$/, async route => {
      const answer = await route.fetch()
      return route.fulfill({
        response: answer,
        json: { ...(await answer.json()), state: "failed", error_code: "permission_lost" },
      })
    })
    await chooseFile(page, "table.csv")
    await line.filter({ hasText: words("export_error.permission_lost") }).waitFor()
    assert.equal(await line.getAttribute("data-order"), "over")
    await context.close()
  })

  test("a sixth is refused in words, and there is room again when one of the five is deleted", async () => {
    const { context, page, line } = await openLong()
    let downloads = 0
    page.on("download", () => {
      downloads += 1
    })
    await deleteAll(page)
    for (let number = 0; number < 5; number += 1)
      await exports(page, "POST", "", { list: "jobs", filters: `kind=${KIND}` })
    await chooseFile(page, "table.csv")
    await page.locator(".notice", { hasText: words("problem.too_many_exports") }).waitFor()
    assert.equal(await line.count(), 5)
    await page.locator("[data-order=ready]").nth(4).waitFor()
    assert.equal(downloads, 0, "nobody waits for them here")
    assert.equal(new URL(page.url()).search, `?kind=${KIND}&limit=25`)
    await screenshot(page, "export-too-many")
    const first = line.first()
    await first.getByRole("button", { name: words("export_order.delete") }).click()
    await first.filter({ hasText: words("export_order.deleted") }).waitFor()
    const download = page.waitForEvent("download")
    await chooseFile(page, "table.csv")
    await download
    assert.equal(await page.locator(".notice", { hasText: words("problem.too_many_exports") }).count(), 0)
    await deleteAll(page)
    await context.close()
  })
})

describe("jobs that gave up", () => {
  test("are tried again or discarded, and what stands in the way is said before", async () => {
    const kind = "tests.gave_up"
    await execute(
      DATA_DIR,
      `INSERT INTO jobs (kind, payload, state, attempt, finished_at, last_error, schedule)
       SELECT '${kind}', '{}', state, 1, now(), 'no', schedule
         FROM (VALUES ('dead'::job_state, NULL), ('dead', 'tests.round'), ('done', NULL)) AS jobs (state, schedule)`,
    )
    const { context, page } = await openLong(`?kind=${kind}`)
    await page.check("#select-page")
    await page.click("#bulk-retry")
    const question = page.getByRole("dialog", { name: /Try 3 jobs again/ })
    await question.getByText(words("bulk.would", { selectable: "1", matching: "3" })).waitFor()
    for (const why of ["reason.job_not_dead", "reason.job_of_schedule"]) await question.getByText(words(why)).waitFor()
    await screenshot(page, "jobs-retry")
    await question.getByRole("button", { name: words("dialog.cancel") }).click()

    await page.click("#bulk-discard")
    const danger = page.getByRole("alertdialog")
    await danger.getByText(words("bulk.would", { selectable: "2", matching: "3" })).waitFor()
    const reason = danger.locator("[name=reason]")
    await reason.fill("r".repeat(501))
    await danger.locator("[data-action]").click()
    await danger.locator("[name=reason][aria-invalid=true]").waitFor()
    const wrong = danger.locator(".field-error", { hasText: words("field_problem.too_long", { max: "500" }) })
    await wrong.waitFor()
    assert.equal((await reason.inputValue()).length, 501, "what was typed is kept")
    await reason.fill("of another time")
    await danger.locator("[data-action]").click()
    await page.locator("[data-batch=over]", { hasText: words("reason.job_not_dead") }).waitFor()
    await settled(page)
    assert.equal(await page.locator("#rows tr").count(), 1)
    const left = await rows(DATA_DIR, `SELECT state FROM jobs WHERE kind = '${kind}'`)
    assert.deepEqual(left, [{ state: "done" }])
    await context.close()
  })
})
