// Charts as people meet them: the range of the dashboard in its address, points by mouse and by keys, the same numbers as a
// table and as files; and every kind of chart with numbers that are hard to draw.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, test } from "node:test"
import { until } from "../support/until.mjs"
import { EXAMPLES, showGallery } from "./charts-gallery.mjs"
import {
  AxeBuilder,
  LANGUAGES,
  openBrowser,
  openContext,
  SERVER,
  screenshot,
  settled,
  signIn,
  wordsIn,
} from "./support.mjs"

/** @typedef {import("./support.mjs").Page} Page */

/** @type {import("./support.mjs").Browser} */
let browser
/** @type {any} */
let storageState

before(async () => {
  browser = await openBrowser()
  storageState = await signIn(browser)
})

after(() => browser?.close())

/** @param {"es" | "en"} language @param {{ theme?: "light" | "dark", width?: number }} [look] */
async function visit(language, { theme = "light", width = 1440 } = {}) {
  const context = await openContext(browser, { language, theme, width, storageState })
  const page = await context.newPage()
  /** @type {string[]} */
  const errors = []
  page.on("pageerror", error => errors.push(String(error)))
  page.on("console", message => message.type() === "error" && errors.push(message.text()))
  return { context, page, errors }
}

/** @param {Page} page @param {string} selector */
async function savedBy(page, selector) {
  const download = page.waitForEvent("download")
  await page.click(selector)
  const file = await download
  return { name: file.suggestedFilename(), content: await readFile(await file.path()) }
}

for (const language of LANGUAGES)
  test(`the range stands in the address, by choice and by keys; in ${language}`, async () => {
    const words = await wordsIn(language)
    const { context, page, errors } = await visit(language)
    const asked = (/** @type {string} */ part) =>
      page.waitForResponse(answer => answer.url().includes("/api/dashboard/mrr?") && answer.url().includes(part))
    await page.goto(`${SERVER}/admin`)
    await page.waitForSelector("#mrr-body .chart")
    assert.equal(new URL(page.url()).search, "", "nothing was chosen, so nothing stands there")

    await Promise.all([asked("range=last_6_months"), page.selectOption("range-picker [name=word]", "last_6_months")])
    assert.equal(new URL(page.url()).searchParams.get("range"), "last_6_months")
    await until(
      "six months",
      async () => (await page.locator("#mrr-body [role=slider]").getAttribute("aria-valuemax")) === "6",
    )

    await Promise.all([asked("compare=previous_period"), page.keyboard.press("c")])
    await page.waitForSelector("#mrr-body .chart-compared")
    const months = () => page.locator("#mrr-body [role=slider]").getAttribute("aria-valuemax")
    await page.keyboard.press("y")
    await page.waitForFunction(() => new URLSearchParams(location.search).get("range") === "this_year")
    // Until the server has said which days those are, there is nothing to step from.
    await until("the year before", async () => {
      await page.keyboard.press("[")
      return page.evaluate(() => new URLSearchParams(location.search).has("from"))
    })
    await until("twelve months", async () => (await months()) === "12")
    const { searchParams } = new URL(page.url())
    assert.equal(searchParams.get("range"), null)
    assert.match(searchParams.get("from") ?? "", /^\d{4}-01-01$/)
    assert.match(searchParams.get("to") ?? "", /^\d{4}-12-31$/)

    await until("the year that runs", async () => {
      await page.keyboard.press("]")
      return page.evaluate(() => new URLSearchParams(location.search).get("range") === "this_year")
    })
    await page.goBack()
    await until("the year before", async () => (await months()) === "12")

    // The same picture for whoever opens the link, and one step back for each decision.
    await page.reload()
    await page.waitForSelector("#mrr-body .chart")
    assert.equal(await page.inputValue("range-picker [name=word]"), "custom")
    await page.goBack()
    await until("the year again", async () => (await page.inputValue("range-picker [name=word]")) === "this_year")

    // Keys are letters where somebody writes.
    await page.selectOption("range-picker [name=word]", "custom")
    const before = page.url()
    await page.locator("range-picker input").first().press("m")
    assert.equal(page.url(), before)

    // Days count when they are whole, and what is wrong with them is said beside them.
    const days = page.locator("range-picker form")
    const [from, to] = [days.locator("[name=from]"), days.locator("[name=to]")]
    const fault = page.locator("#range-fault")
    await from.focus()
    await page.keyboard.type("05052026")
    await to.focus()
    await page.keyboard.type("04042026")
    assert.deepEqual([await from.inputValue(), await to.inputValue()], ["2026-05-05", "2026-04-04"])
    assert.equal(page.url(), before, "nothing is decided yet")
    await page.keyboard.press("Enter")
    await until("the fault", async () => (await fault.textContent()) === words("field_problem.ends_before"))
    assert.equal(await to.getAttribute("aria-invalid"), "true")
    await to.fill("2026-06-06")
    await Promise.all([asked("from=2026-05-05&to=2026-06-06"), to.press("Enter")])
    assert.equal(await fault.textContent(), "")
    await page.goBack()
    assert.equal(page.url(), before, "one step for both days")

    // What the server does not take is left out and named, and the rest of the page is as for anybody.
    const leftOut = page.locator("range-picker .notice li")
    for (const [address, named, stays] of /** @type {const} */ ([
      ["range=this_moment&granularity=hour&compare=foo", ["this_moment", "hour", "foo"], ""],
      ["from=2026-05-01&to=2026-04-01", ["2026-05-01", "2026-04-01"], ""],
      ["range=last_24_months&granularity=day", [words("range_granularity.day")], "range=last_24_months"],
      ["range=last_6_months&currency=xyz", ["xyz"], "range=last_6_months"],
    ])) {
      await page.goto(`${SERVER}/admin?${address}`)
      await page.waitForSelector("#mrr-body .chart")
      assert.deepEqual(await leftOut.locator("bdi").allTextContents(), named, address)
      assert.equal(new URL(page.url()).search, stays && `?${stays}`)
      assert.equal(await page.locator("#mrr-problem .notice").count(), 0)
      assert.ok(await page.locator("#tiles .figure").first().isVisible(), "the rest of the page is there")
    }
    assert.deepEqual(
      errors.filter(text => !text.includes("422")),
      [],
    )
    assert.ok(words("range.range"))
    await context.close()
  })

test("days are chosen while an answer is on its way, and the answer leaves them alone", async () => {
  const { context, page, errors } = await visit("es")
  await page.goto(`${SERVER}/admin`)
  await page.waitForSelector("#mrr-body .chart")
  const days = page.locator("range-picker form")
  const [from, to] = [days.locator("[name=from]"), days.locator("[name=to]")]
  const shownDays = page.locator("range-picker > p")
  for (const typed of ["", "2026-05-05"]) {
    let release = () => {}
    const held = new Promise(resolve => {
      release = () => resolve(undefined)
    })
    await page.route("**/api/dashboard/mrr?*", async route => {
      await held
      return route.continue()
    })
    const before = (await shownDays.textContent()) ?? ""
    const word = typed ? "last_12_months" : "last_6_months"
    await page.selectOption("range-picker [name=word]", word)
    await page.selectOption("range-picker [name=word]", "custom")
    await from.waitFor()
    if (typed) await from.fill(typed)
    release()
    await until("the answer is there", async () => (await shownDays.textContent()) !== before)
    assert.equal(await page.inputValue("range-picker [name=word]"), "custom")
    assert.equal(await days.isVisible(), true)
    // Who has not typed yet begins with the days that the answer is about.
    if (typed) assert.deepEqual([await from.inputValue(), await to.inputValue()], [typed, ""])
    else assert.match(`${await from.inputValue()} ${await to.inputValue()}`, /^\d{4}-\d\d-01 \d{4}-\d\d-\d\d$/)
    assert.equal(new URL(page.url()).searchParams.get("range"), word, "nothing is decided yet")
    await page.unrouteAll()
  }
  await from.fill("2026-05-05")
  await to.fill("2026-06-06")
  const asked = page.waitForResponse(answer => answer.url().includes("compare=previous_year"))
  await page.selectOption("range-picker [name=compare]", "previous_year")
  await asked
  assert.deepEqual(
    [await from.inputValue(), await to.inputValue()],
    ["2026-05-05", "2026-06-06"],
    "nor does another choice",
  )
  assert.deepEqual(errors, [])
  await context.close()
})

test("the dashboard's chart: points by mouse and keys, a table, and files", async () => {
  const words = await wordsIn("en")
  const { context, page, errors } = await visit("en")
  await page.goto(`${SERVER}/admin?compare=previous_year`)
  await page.waitForSelector("#mrr-body .chart")
  await settled(page)
  const plot = page.locator("#mrr-body .chart-plot")
  const readout = page.locator("#mrr-body .chart-readout")

  await plot.hover({ position: { x: 300, y: 80 } })
  await readout.waitFor({ state: "visible" })
  assert.match((await readout.textContent()) ?? "", /New.*Churn.*Net/)
  await page.mouse.move(0, 0)
  await readout.waitFor({ state: "hidden" })

  await plot.focus()
  await page.keyboard.press("ArrowLeft")
  assert.equal(await plot.getAttribute("aria-valuenow"), "12")
  assert.ok((await plot.getAttribute("aria-valuetext"))?.includes(words("chart.not_over")))
  await page.keyboard.press("Home")
  assert.equal(await plot.getAttribute("aria-valuenow"), "1")
  await page.keyboard.press("ArrowLeft")
  assert.equal(await plot.getAttribute("aria-valuenow"), "1")
  await page.keyboard.press("Escape")
  await readout.waitFor({ state: "hidden" })

  const button = page.locator("#mrr-body button[aria-pressed]")
  await button.click()
  assert.equal(await page.locator("#mrr-body tbody tr").count(), 12)
  assert.equal(await plot.isVisible(), false)
  const { violations } = await new AxeBuilder({ page }).withRules(["landmark-unique"]).analyze()
  assert.deepEqual(violations, [])
  await button.click()
  await plot.waitFor({ state: "visible" })

  const menu = "#mrr-body button[popovertarget]"
  await page.click(menu)
  const csv = await savedBy(page, `#mrr-body .menu-panel >> text=${words("chart.download_csv")}`)
  assert.match(csv.name, /^mrr_movements_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.csv$/)
  assert.equal(csv.content.toString().trim().split("\r\n").length, 13)
  await page.click(menu)
  // What is drawn is a picture of this text.
  await page.evaluate(() => {
    const { set } = /** @type {any} */ (Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src"))
    Object.defineProperty(HTMLImageElement.prototype, "src", {
      set(address) {
        document.documentElement.dataset.drawn = decodeURIComponent(address)
        set.call(this, address)
      },
    })
  })
  const png = await savedBy(page, `#mrr-body .menu-panel >> text=${words("chart.download_png")}`)
  assert.deepEqual([...png.content.subarray(1, 4)], [...Buffer.from("PNG")])
  assert.ok(png.content.length > 5000, "there is something in the picture")
  const drawn = (await page.locator("html").getAttribute("data-drawn")) ?? ""
  const legend = await page.locator("#mrr-body .chart-legend > li").allTextContents()
  assert.ok(legend.length > 5)
  const days = (await page.locator("range-picker > p").textContent()) ?? ""
  for (const text of [...legend, days, "Euro (EUR)"]) assert.ok(drawn.includes(`>${text}</text>`), text)
  assert.deepEqual(errors, [])
  await context.close()
})

/** The styles of the pages. @param {Page} page */
async function pageStyles(page) {
  await page.goto(`${SERVER}/login`)
  const address = await page.locator("link[rel=stylesheet]").first().getAttribute("href")
  return (await page.request.get(SERVER + address)).text()
}

for (const [language, theme, width, media] of /** @type {const} */ ([
  ["en", "light", 1440, "screen"],
  ["es", "dark", 390, "screen"],
  ["es", "light", 1440, "forced"],
  ["en", "dark", 1440, "print"],
])) {
  test(`every kind of chart; ${language}, ${theme}, ${width}, ${media}`, async () => {
    const { context: plain, page: styled } = await visit(language)
    const css = await pageStyles(styled)
    await plain.close()
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: theme,
      forcedColors: media === "forced" ? "active" : "none",
      bypassCSP: true,
    })
    const page = await context.newPage()
    /** @type {string[]} */
    const errors = []
    page.on("pageerror", error => errors.push(String(error)))
    await showGallery(page, { language, theme, css })
    if (media === "print") await page.emulateMedia({ media: "print" })
    await page.waitForFunction(count => document.querySelectorAll("svg.chart").length === count, drawnKinds())
    await screenshot(page, `charts-${language}-${theme}-${width}-${media}`)
    for (const overflow of await page.evaluate(outside)) assert.fail(overflow)
    if (media === "screen") {
      const { violations } = await new AxeBuilder({ page }).analyze()
      assert.deepEqual(
        violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes[0].html}`),
        [],
      )
    }
    assert.deepEqual(errors, [])
    await context.close()
  })
}

/** How many of the examples are drawings. */
const drawnKinds = () =>
  EXAMPLES.filter(({ kind, series }) => kind !== "grid" && kind !== "funnel" && series.rows.length > 0).length

/** Text that stands outside of its drawing, and drawings wider than the page. */
function outside() {
  const found = []
  for (const drawing of document.querySelectorAll("svg.chart")) {
    const box = drawing.getBoundingClientRect()
    if (box.right > innerWidth + 1) found.push("a drawing is wider than the page")
    for (const text of drawing.querySelectorAll("text")) {
      const { left, right, top, bottom } = text.getBoundingClientRect()
      if (left < box.left - 2 || right > box.right + 2 || top < box.top - 2 || bottom > box.bottom + 2)
        found.push(`"${text.textContent}" stands outside`)
    }
  }
  return found
}

test("a point with rows behind it leads there", async () => {
  const { context: plain, page: styled } = await visit("en")
  const css = await pageStyles(styled)
  await plain.close()
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true })
  const page = await context.newPage()
  await showGallery(page, { language: "en", theme: "light", css })
  const plot = page.locator("#bars .chart-plot")
  await plot.focus()
  for (const key of ["Home", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key)
  await page.keyboard.press("Enter")
  assert.equal(await page.evaluate(() => location.hash), "")
  await page.keyboard.press("ArrowRight")
  await page.keyboard.press("Enter")
  await until("the rows", async () => (await page.evaluate(() => location.hash)) === "#rows")
  await context.close()
})
