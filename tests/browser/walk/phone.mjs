// A customer with a phone: signs up on the public page, and does everything else on the page that a mail opens.

import assert from "node:assert/strict"
import { until } from "../../support/until.mjs"

/** @typedef {import("../support.mjs").Page} Page */
/** @typedef {import("../support.mjs").Language} Language */
/** @typedef {(key: string, values?: Record<string, string>) => string} Words */

export const CARDS = { visa: "4242 4242 4242 4242", mastercard: "5555 5555 5555 4444" }
const WIDTH = 390

export class Phone {
  subdomain = ""
  email = ""
  /** @type {Page | undefined} */
  #page

  /**
   * @param {import("./walk.test.mjs").World} world @param {Language} language
   * @param {Words} words
   */
  constructor(world, language, words) {
    this.world = world
    this.language = language
    this.words = words
  }

  /** @returns {Page} */
  get page() {
    if (!this.#page) throw new Error("the page is not open")
    return this.#page
  }

  /** Everything begins in a browser that knows nothing. */
  async #fresh() {
    await this.#page?.context().close()
    const context = await this.world.asVisitor({ language: this.language, width: WIDTH })
    this.#page = await context.newPage()
    return this.#page
  }

  /** @param {string} step */
  async picture(step) {
    return this.world.picture(this.page, `phone-${this.language}-${step}`)
  }

  /**
   * @param {{ subdomain: string, plan: string, code?: string, vat?: string }} order
   * `code` of a promotion and `vat` number are given with the payment
   */
  async signUp({ subdomain, plan, code, vat }) {
    const page = await this.#fresh()
    this.subdomain = subdomain
    this.email = `ada@${subdomain}.example`
    await page.goto(`${this.world.url}/`)
    await this.world.settled(page)
    await page.getByRole("button", { name: this.words("plans.choose", { plan }) }).click()
    await page.fill("#company", `${this.language === "es" ? "Panadería" : "Bakery"} ${subdomain}`)
    await page.fill("#name", "Ada Visitor")
    await page.fill("#email", this.email)
    await page.selectOption("#country", "ES")
    await page.fill("#subdomain", subdomain)
    await page.locator("#subdomain-state .text-positive", { hasText: subdomain }).waitFor()
    await page.click("#continue")
    await page.waitForSelector("[name=card_number]")
    if (code) {
      await page.fill("[name=promotion_code]", code)
      await page.click("[name=apply_code]")
      await page.locator("[name=drop_code]").waitFor()
    }
    if (vat) await page.fill("[name=vat_id]", vat)
    await this.#giveCard(CARDS.visa)
    await page.locator("#open-tenant").waitFor({ timeout: 120_000 })
    await this.picture("live")
  }

  /** On Stripe's page. @param {string} number */
  async #giveCard(number, page = this.page) {
    await page.waitForSelector("[name=card_number]")
    await page.fill("[name=card_number]", number)
    await page.fill("[name=card_expiry]", "12 / 34")
    await page.fill("[name=card_cvc]", "123")
    await page.fill("[name=cardholder_name]", "Ada Visitor")
    await page.click("#pay")
  }

  /** A link by mail opens the customer's page. @param {string} [from] the address on which it is asked for */
  async open(from = `${this.world.url}/portal`) {
    const page = await this.#fresh()
    const before = await this.#links()
    await page.goto(from)
    await this.world.settled(page)
    if (await page.locator("#ask-email").isVisible()) await page.fill("#ask-email", this.email)
    await page.click("#ask-send")
    await page.locator("#ask-done .notice").waitFor()
    await this.#enter(
      await until("the link is mailed", async () => {
        const all = await this.#links()
        return all.length > before.length ? all.at(-1) : undefined
      }),
    )
  }

  /** The newest link that somebody had sent. */
  async opensNewestLink() {
    await this.#fresh()
    await this.#enter((await this.#links()).at(-1))
  }

  /** @param {string | undefined} path */
  async #enter(path) {
    const { page } = this
    assert.ok(path)
    await page.goto(this.world.url + path)
    await this.world.settled(page)
    await page.getByRole("button", { name: this.words("portal_link.open") }).click()
    await page.waitForURL(`${this.world.url}/portal`)
    await page.locator("#tenants .card").waitFor()
  }

  /** @returns {Promise<string[]>} */
  async #links() {
    const found = await this.world.sql(
      `SELECT substring(body FROM '/portal/[A-Za-z0-9_-]+') AS path FROM mails
        WHERE template = 'portal_link' AND recipient = '${this.email}' ORDER BY id`,
    )
    return found.map(({ path }) => path)
  }

  /** @param {string} key */
  #button(key) {
    return this.page.getByRole("button", { name: this.words(key), exact: true })
  }

  async #said() {
    await this.page.locator(".notice.tone-positive").first().waitFor()
  }

  async downloadsInvoice() {
    const download = this.page.waitForEvent("download")
    await this.page
      .getByRole("button", { name: this.words("portal.pdf") })
      .first()
      .click()
    assert.match((await download).suggestedFilename(), /^invoice-.*\.pdf$/)
  }

  /** Chooses another plan. What the page says is due is answered, in minor units. @param {string} plan */
  async changesPlan(plan) {
    const { page } = this
    await this.#button("portal.change_plan").click()
    await page.locator(`dialog [name=plan][value=${plan}]`).check()
    await page.locator("dialog [data-action]").click()
    const shown = page.locator("dialog dl dd").first()
    await shown.waitFor()
    const due = await this.#due()
    await this.picture(`plan-${plan}`)
    await page.locator("dialog [data-action]").click()
    await page.locator("dialog").waitFor({ state: "detached" })
    await this.#said()
    return due
  }

  /** What the dialog says is to be paid at once. */
  async #due() {
    const term = this.page.locator("dialog dl dt", { hasText: this.words("plan_change.due_now") })
    return minorOf(await term.locator("xpath=following-sibling::dd[1]").innerText())
  }

  async takesPlanBack() {
    await this.#button("plan_order.take_back").click()
    await this.#button("portal.change_plan").waitFor()
  }

  async givesCard(number = CARDS.mastercard) {
    await this.page.click("#another-card")
    await this.page.waitForURL(url => url.origin !== new URL(this.world.url).origin)
    await this.#giveCard(number)
    await this.page.waitForURL(`${this.world.url}/portal**`)
    await this.page.getByText(this.words("portal.card_given"), { exact: true }).waitFor()
  }

  /** An open invoice, on Stripe's page. */
  async paysNow() {
    const opened = this.page.waitForEvent("popup")
    await this.page.locator("#invoices a.button-primary").click()
    const page = await opened
    await this.#giveCard(CARDS.visa, page)
    await page.locator("#pay").waitFor({ state: "detached" })
    await page.close()
  }

  /** @param {string} number */
  async givesVat(number) {
    await this.page.click("#add-tax-id")
    await this.page.fill("dialog [name=value]", number)
    await this.page.locator("dialog [data-action]").click()
    await this.#said()
    await this.page.locator("#tax-ids", { hasText: number }).waitFor()
  }

  /** @param {string} reason */
  async cancels(reason) {
    await this.#button("portal.cancel").click()
    await this.page.selectOption("dialog [name=feedback]", reason)
    await this.page.locator("dialog [data-action]").click()
    await this.#button("portal.resume").waitFor()
  }

  async resumes() {
    await this.#button("portal.resume").click()
    await this.#button("portal.cancel").waitFor()
  }

  /** After the end: another subscription for what is kept, by the way that the page leads. */
  async comesBack() {
    const { page } = this
    await page.getByRole("link", { name: this.words("portal.new_subscription") }).click()
    await page.waitForURL(`${this.world.url}/pay/${this.subdomain}`)
    await this.world.settled(page)
    const before = await this.#waysBack()
    await page.click("#send")
    await page.locator("#problem .notice").waitFor()
    await this.picture("pay")
    await page.goto(
      await until("the way to a new subscription is mailed", async () => {
        const all = await this.#waysBack()
        return all.length > before.length ? all.at(-1) : undefined
      }),
    )
    await this.#giveCard(CARDS.visa)
    await page.waitForURL(url => url.href.startsWith(this.world.url))
  }

  async #waysBack() {
    const found = await this.world.sql(
      `SELECT substring(body FROM 'http[^ ]*/c/pay/[^[:space:]]*') AS url FROM mails
        WHERE template = 'subscription_over' AND recipient = '${this.email}' ORDER BY id`,
    )
    return found.map(({ url }) => url)
  }

  close() {
    return this.#page?.context().close()
  }
}

/** "1.234,50 €" and "€1,234.50" in cents. @param {string} text */
export function minorOf(text) {
  const digits = text.replace(/[^\d.,]/g, "")
  const [, whole, cents] = /^(.*)[.,](\d\d)$/.exec(digits) ?? ["", digits, "00"]
  return Number(whole.replace(/[.,]/g, "")) * 100 + Number(cents)
}
