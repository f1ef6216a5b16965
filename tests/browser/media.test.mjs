// The pages in other circumstances: on paper, at 200 % zoom, in colours forced by the system, without motion.

import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { after, before, describe, test } from "node:test"
import { promisify } from "node:util"
import { LANGUAGES, openBrowser, openContext, SERVER, settled, signIn } from "./support.mjs"
import { visualLint } from "./visual-lint.mjs"

/** @typedef {import("./support.mjs").Page} Page */

/** What is left of A4 between margins of 15 mm, in CSS pixels. */
const PAPER_WIDTH = 680

/** @type {import("./support.mjs").Browser} */
let browser
/** @type {Awaited<ReturnType<typeof signIn>>} */
let session

before(async () => {
  browser = await openBrowser()
  session = await signIn(browser)
})

after(() => browser?.close())

const PAGES = [
  { path: "/", staff: false },
  { path: "/login", staff: false },
  { path: "/admin", staff: true },
  { path: "/admin/tenants?limit=50", staff: true },
  { path: "/admin/mails", staff: true },
]

/** @param {(typeof PAGES)[number]} entry @param {Partial<Parameters<typeof openContext>[1]>} visitor */
async function open({ path, staff }, visitor) {
  const context = await openContext(browser, { language: "es", storageState: staff ? session : undefined, ...visitor })
  const page = await context.newPage()
  await page.goto(SERVER + path)
  await settled(page)
  return page
}

describe("on paper", () => {
  for (const language of LANGUAGES) {
    test(`the list of tenants prints every row, in ${language}`, async () => {
      const page = await open(PAGES[3], { language, theme: "dark" })
      const names = await page.locator("tbody th .table-name").allTextContents()
      assert.equal(names.length, 50)
      const text = await printed(page)
      for (const name of names) assert.ok(text.includes(name), `${name} is not on paper`)
      assert.ok(text.includes(page.url()), "the address with its filters is on paper")
      const heads = await page.locator("thead th:not(.screen-only)").allInnerTexts()
      const pages = text.split("\f").filter(sheet => sheet.trim() !== "")
      for (const sheet of pages) {
        for (const head of heads) assert.ok(sheet.includes(head), `${head} stands above the columns of every sheet`)
      }
      await page.context().close()
    })
  }

  for (const entry of PAGES) {
    test(`${entry.path} fits, is black on white and shows no controls`, async () => {
      const page = await open(entry, { theme: "dark", width: PAPER_WIDTH })
      await page.emulateMedia({ media: "print", colorScheme: "dark" })
      const seen = await page.evaluate(() => ({
        sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        paper: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
        clipped: [...document.querySelectorAll(".scroller")].filter(
          box => getComputedStyle(box).overflowX !== "visible",
        ).length,
        controls: [...document.querySelectorAll("button:not(thead *), input, select, nav a")].filter(control =>
          control.checkVisibility(),
        ).length,
      }))
      assert.deepEqual(seen, { sideways: 0, paper: "rgb(255, 255, 255)", ink: "rgb(0, 0, 0)", clipped: 0, controls: 0 })
      await page.context().close()
    })
  }
})

// To a page, a window of 1280 pixels at 200 % is one of 640 pixels with finer dots.
describe("at 200 % zoom", () => {
  for (const entry of PAGES) {
    test(`${entry.path} still fits`, async () => {
      const page = await open(entry, { width: 640 })
      assert.deepEqual(await visualLint(page), [])
      await page.context().close()
    })
  }
})

describe("in colours forced by the system", () => {
  for (const entry of PAGES) {
    test(`${entry.path} keeps its edges and its marks`, async () => {
      const page = await open(entry, {})
      await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" })
      await settled(page)
      assert.deepEqual(await page.evaluate(lostInForcedColors), [])
      await page.context().close()
    })
  }
})

describe("without motion", () => {
  test("nothing moves while a page waits", async () => {
    const context = await openContext(browser, { language: "en", storageState: session })
    const page = await context.newPage()
    await page.route("**/api/dashboard/metrics", () => {})
    await page.goto(`${SERVER}/admin`)
    await page.locator(".skeleton").first().waitFor()
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
    await page.emulateMedia({ reducedMotion: "no-preference" })
    assert.notEqual(await page.evaluate(() => document.getAnimations().length), 0, "it does where motion is welcome")
    await context.close()
  })
})

/** The words of a print-out, sheet after sheet. @param {Page} page */
async function printed(page) {
  const paper = await page.pdf({ format: "A4", preferCSSPageSize: false })
  const running = promisify(execFile)("pdftotext", ["-layout", "-", "-"])
  running.child.stdin?.end(paper)
  return (await running).stdout
}

/** Runs inside the page. */
function lostInForcedColors() {
  /** @type {string[]} */
  const lost = []
  const visible = /** @param {string} selector */ selector =>
    [...document.querySelectorAll(selector)].filter(element => element.checkVisibility() && element.clientWidth > 1)
  for (const box of visible(".button, .input, .card, .badge, .chip, .notice, .state-entry")) {
    const style = getComputedStyle(box)
    if (style.borderTopStyle === "none" || style.borderTopWidth === "0px") lost.push(`no edge: ${box.className}`)
  }
  for (const bar of visible(".meter > span, .progress > span, .legend-key")) {
    const around = getComputedStyle(document.body).backgroundColor
    if (getComputedStyle(bar).backgroundColor === around) lost.push(`no bar: ${bar.parentElement?.className}`)
  }
  for (const mark of visible(".rail-link[aria-current], .state-entry[aria-current], .segmented label:has(:checked)")) {
    if (getComputedStyle(mark).outlineStyle === "none") lost.push(`not marked: ${mark.className}`)
  }
  return lost
}

for (const language of LANGUAGES)
  test(`the console can be kept on a device like an application, in ${language}`, async () => {
    const page = await open({ path: "/admin", staff: true }, { language })
    const answer = await page.request.get(SERVER + (await page.locator("link[rel=manifest]").getAttribute("href")))
    assert.match(answer.headers()["content-type"], /^application\/manifest\+json/)
    const { icons, start_url: start, lang, shortcuts } = await answer.json()
    assert.deepEqual([start, lang], ["/admin", language])
    for (const { src, type } of icons)
      assert.match((await page.request.get(SERVER + src)).headers()["content-type"], /^image\/svg\+xml/, type)
    for (const { url } of shortcuts) assert.equal((await page.request.get(SERVER + url)).status(), 200)
    const devtools = await page.context().newCDPSession(page)
    const { installabilityErrors: errors } = await devtools.send("Page.getInstallabilityErrors")
    // A context of a test is a private window.
    const others = errors.filter(({ errorId }) => errorId !== "in-incognito")
    assert.deepEqual(others, [])
    await page.context().close()
  })
