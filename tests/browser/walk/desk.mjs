// A person at the desk: everything that the console's pages of money let staff do, pressed as they are pressed.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { minorOf } from "./phone.mjs"

/** @typedef {import("../support.mjs").Page} Page */
/** @typedef {import("../support.mjs").Language} Language */
/** @typedef {(key: string, values?: Record<string, string>) => string} Words */

export class Desk {
  /** @type {Page | undefined} */
  #page

  /** @param {import("./walk.test.mjs").World} world @param {Language} language @param {Words} words */
  constructor(world, language, words) {
    this.world = world
    this.language = language
    this.words = words
  }

  /** @returns {Page} */
  get page() {
    if (!this.#page) throw new Error("nobody has logged in")
    return this.#page
  }

  /** Another day, another session. */
  async logIn() {
    await this.close()
    const context = await this.world.asVisitor({ language: this.language, width: 1440 })
    this.#page = await context.newPage()
    await this.world.logIn(this.#page)
  }

  async close() {
    await this.#page?.context().close()
  }

  /** @param {string} step */
  async picture(step) {
    return this.world.picture(this.page, `desk-${this.language}-${step}`)
  }

  /** @param {string} path */
  async open(path) {
    await this.page.goto(this.world.url + path)
    await this.world.settled(this.page)
  }

  /** An amount as the language writes it. @param {number} minor */
  #typed(minor) {
    const text = (minor / 100).toFixed(2)
    return this.language === "es" ? text.replace(".", ",") : text
  }

  get #dialog() {
    return this.page.locator("dialog[open]").last()
  }

  /** Presses what the dialog is about, and says who one is where that is asked. @param {string} [said] where the page answers */
  async #confirm(said = "#done, #problem") {
    const asked = this.page.locator("dialog[open]")
    await asked.last().locator("[data-action]").click()
    const password = this.page.locator("dialog[open] [type=password]")
    const answer = this.page.locator(said).locator(".tone-positive")
    await answer.first().or(password.first()).waitFor()
    if (await password.isVisible()) {
      await password.fill(this.world.password)
      await password.press("Enter")
      await answer.first().waitFor()
    }
  }

  /** @param {string} plan @param {number} amount by the month, in cents of euro */
  async editsPlan(plan, amount) {
    await this.open("/admin/settings/plans")
    await this.page.locator("#plans article", { hasText: plan }).getByRole("button").click()
    await this.page.fill("dialog [data-price='eur month']", this.#typed(amount))
    await this.picture("plan")
    await this.#dialog.locator("[data-action]").click()
    await this.page.locator("dialog.dialog").waitFor({ state: "detached" })
  }

  /** @param {{ code: string, percent: number, months: number }} promotion */
  async makesCode({ code, percent, months }) {
    await this.open("/admin/billing/promotions")
    await this.page.click("#new-promotion")
    await this.page.fill("dialog [name=code]", code)
    await this.page.fill("dialog [name=percent_off]", String(percent))
    await this.page.selectOption("dialog [name=duration]", "repeating")
    await this.page.fill("dialog [name=months]", String(months))
    await this.picture("code")
    await this.#dialog.locator("[data-action]").click()
    await this.page.locator("#promotions tbody tr", { hasText: code.toUpperCase() }).waitFor()
  }

  /** @param {string} template @param {string} subject */
  async wordsMail(template, subject) {
    await this.open(`/admin/settings/mails/${template}`)
    await this.page.fill(`[name=${this.language}_subject]`, subject)
    await this.page.click(`#test-${this.language}`)
    await this.page.locator(".notice").first().waitFor()
    await this.#saves()
    await this.picture("mail")
  }

  /** Who sells, as invoices have to say it. */
  async namesOrganisation() {
    await this.open("/admin/settings/organisation")
    await this.page.fill("[name=legal_name]", "Walk SL")
    await this.page.fill("[name=address]", `Calle Ñandú 1\n28001 Madrid (${this.language})`)
    await this.page.selectOption("[name=country]", "ES")
    await this.page.fill("[name=vat_id]", "ESB87654321")
    await this.#saves()
  }

  async #saves() {
    await this.page.click("#save")
    await this.page.locator(".saved-bar", { hasText: this.words("config.saved") }).waitFor()
  }

  /** @param {string} name @param {number} day */
  async setsDay(name, day) {
    await this.open("/admin/settings/dunning")
    await this.page.fill(`[name=${name}]`, String(day))
    await this.#saves()
  }

  /** Reads an invoice and takes its copies. @param {string} invoice @param {boolean} [taxed] only such can be electronic */
  async readsInvoice(invoice, taxed = false) {
    await this.open(`/admin/billing/invoices/${invoice}`)
    await this.page.locator("#timeline li").first().waitFor()
    /** @type {[string, RegExp][]} */
    const copies = [["pdf", /^%PDF-/]]
    if (taxed) copies.push(["ubl", /<(\w+:)?Invoice/], ["cii", /CrossIndustryInvoice/])
    for (const [id, begins] of copies) {
      const download = this.page.waitForEvent("download")
      await this.page.click(`#${id}`)
      assert.match(await readFile(await (await download).path(), "latin1"), begins)
    }
    await this.picture("invoice")
  }

  /** What the tenant's plan would cost is answered, in minor units. @param {string} tenant @param {string} plan */
  async changesPlan(tenant, plan) {
    await this.open(`/admin/tenants/${tenant}/config`)
    await this.page.selectOption("#plan", plan)
    await this.page.click("#save")
    const dialog = this.#dialog
    const term = dialog.locator("dl dt", { hasText: this.words("plan_change.due_now") })
    const due = minorOf(await term.locator("xpath=following-sibling::dd[1]").innerText())
    await this.picture(`plan-${plan}`)
    await dialog.locator("[data-action]").click()
    await this.page.locator("dialog[open]").waitFor({ state: "detached" })
    await this.page.locator(".saved-bar, .notice.tone-positive").first().waitFor()
    return due
  }

  /** Too much is refused first. @param {string} invoice @param {number} amount @param {number} tooMuch */
  async givesBack(invoice, amount, tooMuch) {
    await this.open(`/admin/billing/invoices/${invoice}`)
    await this.page.click("#refund")
    const question = this.page.getByRole("alertdialog")
    await question.locator("[name=amount]").fill(this.#typed(tooMuch))
    await question.locator("[data-action]").click()
    await question.locator(".notice", { hasText: this.words("problem.more_than_left") }).waitFor()
    await question.locator("[name=amount]").fill(this.#typed(amount))
    await question.locator("[name=reason]").selectOption("requested_by_customer")
    // What it does is worked out anew, and moves the button.
    await question.locator("li").first().waitFor()
    await this.picture("refund")
    await this.#confirm()
  }

  /** Asks for less of an invoice that is open. @param {string} invoice @param {number} amount */
  async asksForLess(invoice, amount) {
    await this.open(`/admin/billing/invoices/${invoice}`)
    await this.page.click("#credit")
    const question = this.page.getByRole("alertdialog")
    await question.locator("[name=amount]").fill(this.#typed(amount))
    await this.#confirm()
  }

  /** @param {string} name of the tenant @param {string} decline what the bank says, in the end */
  async triesAgain(name, decline) {
    await this.open(`/admin/billing/failures?q=${name}`)
    const list = this.page.locator("#rows")
    await list.getByText(this.words(`decline.${decline}`)).waitFor()
    await list.getByRole("button", { name: this.words("payment_failures.retry") }).click()
    await this.page.getByRole("alertdialog").locator("[data-action]").click()
    await this.page.locator("#done", { hasText: this.words(`decline.${decline}`) }).waitFor()
    await this.picture("failure")
  }

  /** @param {string} name of the tenant @param {string} card @param {string} action */
  async #onCard(name, card, action) {
    await this.open(`/admin/billing/methods?q=${name}`)
    await this.page.locator("#rows tr[data-id]", { hasText: card }).locator("button[popovertarget]").click()
    await this.page
      .locator(".menu-panel:popover-open")
      .getByRole("button", { name: this.words(action) })
      .click()
    await this.page.locator("dialog[open]").waitFor()
  }

  /** @param {string} name @param {string} card */
  async chargesFromNowOn(name, card) {
    await this.#onCard(name, card, "payment_methods.default_action")
    await this.#confirm()
  }

  /** @param {string} name @param {string} card */
  async removesCard(name, card) {
    await this.#onCard(name, card, "payment_methods.remove_action")
    await this.#confirm()
    await this.page.locator("#rows tr[data-id]", { hasText: card }).waitFor({ state: "detached" })
  }

  /** @param {string} name @param {string} card */
  async asksForAnotherCard(name, card) {
    await this.#onCard(name, card, "payment_methods.link_action")
    await this.#dialog.locator("[data-action]").click()
    await this.page.locator("#done .notice").waitFor()
  }

  /** @param {string} dispute Stripe's id */
  async answersDispute(dispute) {
    await this.open(`/admin/billing/disputes?q=${dispute}`)
    await this.page.locator("#rows th a").click()
    await this.page.click("#suggest")
    await this.page.locator("#problem .notice").waitFor()
    await this.page.fill("[name=uncategorized_text]", "winning_evidence")
    await this.page.click("#save")
    await this.page.getByText(this.words("dispute.saved")).waitFor()
    await this.page.click("#submit")
    const question = this.page.getByRole("alertdialog")
    await question.locator("[name=sure]").check()
    await this.#confirm()
    await this.picture("dispute")
  }

  /** What was agreed with a customer about unpaid invoices. @param {string} tenant @param {boolean} pause */
  async agrees(tenant, pause) {
    await this.open(`/admin/tenants/${tenant}`)
    await this.page.getByRole("button", { name: this.words("next.agree") }).click()
    const dialog = this.#dialog
    await dialog.locator("[type=checkbox]").setChecked(pause)
    await dialog.locator("[name=note]").fill(pause ? "They are on holiday" : "They are back")
    await this.#confirm("body")
    await this.picture(pause ? "paused" : "goes-on")
  }

  /** Has every check made anew. */
  async checksAll() {
    await this.open("/admin/invariants")
    await this.page.click("#run")
    await this.page.locator("#checks[data-round=over]").waitFor()
    await this.world.settled(this.page)
    await this.picture("checks")
  }
}
