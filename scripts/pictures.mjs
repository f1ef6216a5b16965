// Takes the pictures that stand on the public page and in the README from a running server:
// `node scripts/with_server.mjs --demo -- node scripts/pictures.mjs`. Run it when those pages change.

import { mkdir, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { LANGUAGES, openBrowser, openContext, SERVER, settled, signIn } from "../tests/browser/support.mjs"

const CARD = { card_number: "4242 4242 4242 4242", card_expiry: "12 / 34", card_cvc: "123" }
const COMPANIES = {
  en: { company: "Harbour Bakery", subdomain: "harbour-bakery", name: "Grace Young", email: "grace@harbour.example" },
  es: { company: "Panadería Sol", subdomain: "panaderia-sol", name: "Lucía Vidal", email: "lucia@sol.example" },
}
const QUALITY = 0.82

const root = fileURLToPath(new URL("..", import.meta.url))
const browser = await openBrowser()
try {
  await mkdir(`${root}/web/pictures`, { recursive: true })
  for (const language of LANGUAGES) await takeSetup(language)
  await takeDashboard()
} finally {
  await browser.close()
}

async function takeSetup(language) {
  const context = await openContext(browser, { language })
  const page = await context.newPage()
  const { status_url: setup, checkout_url: checkout } = await (
    await context.request.post(`${SERVER}/api/checkout`, {
      data: { ...COMPANIES[language], country: "ES", locale: language, plan: "team", interval: "month", currency: "eur" },
      headers: { Origin: SERVER, "Idempotency-Key": crypto.randomUUID() },
    })
  ).json()
  await page.goto(checkout)
  for (const [name, value] of Object.entries(CARD)) await page.fill(`[name=${name}]`, value)
  await page.fill("[name=cardholder_name]", COMPANIES[language].name)
  await page.click("#pay")
  await page.locator("#open-tenant").waitFor({ timeout: 60_000 })
  for (const theme of ["light", "dark"]) {
    const picture = await (await sharp(language, theme, undefined)).newPage()
    await picture.goto(new URL(setup, SERVER).href)
    await picture.locator("#open-tenant").waitFor()
    await settled(picture)
    // The ports of this run are nobody's address.
    await picture.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        node.textContent = node.textContent.replace(/\.localhost(:\d+)?/g, ".example.com")
      }
      document.querySelector(".site-header").style.position = "static"
    })
    await keep(picture, `${root}/web/pictures/setup-${theme}-${language}.webp`)
    await picture.context().close()
  }
  await context.close()
}

async function takeDashboard() {
  const context = await sharp("en", "light", await signIn(browser), { width: 1440, height: 1010 }, 1)
  const page = await context.newPage()
  await page.addInitScript(() => localStorage.setItem("first-steps", "away"))
  await page.goto(`${SERVER}/admin`)
  await page.locator("live-state[data-state=live]").waitFor()
  await settled(page)
  await keep(page, `${root}/docs/screenshots/dashboard.webp`)
  await context.close()
}

function sharp(language, theme, storageState, viewport = { width: 860, height: 940 }, deviceScaleFactor = 1.4) {
  return browser.newContext({
    locale: language === "es" ? "es-ES" : "en-GB",
    colorScheme: theme,
    viewport,
    deviceScaleFactor,
    reducedMotion: "reduce",
    ignoreHTTPSErrors: true,
    storageState,
  })
}

// The browser itself makes the small file, so nothing more has to be installed.
async function keep(page, file) {
  const png = (await page.screenshot()).toString("base64")
  const blank = await page.context().newPage()
  const webp = await blank.evaluate(
    async ([data, quality]) => {
      const image = new Image()
      image.src = `data:image/png;base64,${data}`
      await image.decode()
      const canvas = document.createElement("canvas")
      canvas.width = image.naturalWidth
      canvas.height = image.naturalHeight
      canvas.getContext("2d").drawImage(image, 0, 0)
      return canvas.toDataURL("image/webp", quality).split(",")[1]
    },
    [png, QUALITY],
  )
  await writeFile(file, Buffer.from(webp, "base64"))
  await blank.close()
  console.log(`${file.slice(root.length)}: ${Math.round((webp.length * 0.75) / 1024)} kB`)
}
