// Staff at the desk charge a failed payment again and give money back: what the page says is what Stripe has done.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { rows, value } from "../support/database.mjs"
import { allOf, helper, stripeOf } from "../support/stripe.mjs"
import { until } from "../support/until.mjs"
import { signUpAndPay } from "./paying.mjs"
import { LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

const { asStaff, asVisitor } = useBrowser()

/** The sandbox, and somebody who has paid once. @param {string} prefix */
async function paid(prefix) {
  const tenant = await signUpAndPay(asVisitor, prefix)
  const known = await until("the invoice is known", async () => {
    const found = await rows(
      DATA_DIR,
      `SELECT i.id, i.hosted_invoice_url AS url, c.stripe_customer_id AS customer
         FROM billing_invoices AS i JOIN subscriptions AS s ON s.id = i.subscription_id
         JOIN customers AS c ON c.id = i.customer_id
        WHERE s.tenant_id = ${tenant.number} AND i.status = 'paid' AND i.hosted_invoice_url IS NOT NULL
          AND EXISTS (SELECT FROM billing_attempts WHERE stripe_invoice_id = i.stripe_invoice_id)`,
    )
    return found[0]
  })
  const stripe = stripeOf(
    /** @type {any} */ ({
      sandboxUrl: new URL(known.url).origin,
      dataDir: DATA_DIR,
    }),
  )
  return {
    ...tenant,
    stripe,
    customer: known.customer,
    invoice: `inv_${known.id}`,
  }
}

for (const language of LANGUAGES) {
  test(`a failed payment says what to do, and is charged again, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { stripe, name, subscription, customer } = await paid(`fails-${language}`)
    const method = await stripe.paymentMethods.attach("pm_card_visa", {
      customer,
    })
    await stripe.subscriptions.update(subscription, {
      default_payment_method: method.id,
    })
    await helper(stripe, `payment_methods/${method.id}/decline`, {
      decline_code: "insufficient_funds",
    })
    const { latest_invoice: invoice } = await stripe.subscriptions.update(subscription, {
      billing_cycle_anchor: "now",
      proration_behavior: "none",
    })
    const failed = `SELECT count(*) FROM billing_invoices WHERE stripe_invoice_id = '${invoice}' AND counted_failed > 0`
    await until("the failure is known", async () => (await value(DATA_DIR, failed)) === 1)

    const context = await asStaff({
      language,
      width: language === "es" ? 390 : 1440,
    })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/billing/failures?q=${name}`)
    await settled(page)
    const list = page.locator("#rows")
    await list.getByText(words("decline.insufficient_funds")).waitFor()
    await list.getByText(words("decline_advice.wait")).waitFor()
    const charge = async () => {
      await list.getByRole("button", { name: words("payment_failures.retry") }).click()
      const question = page.getByRole("alertdialog")
      await question.waitFor()
      await screenshot(page, `payments-${language}-question`)
      await question.locator("[data-action]").click()
    }
    await charge()
    await page.locator("#done", { hasText: words("decline.insufficient_funds") }).waitFor()
    await screenshot(page, `payments-${language}-declined`)
    await helper(stripe, `payment_methods/${method.id}/decline`)
    await charge()
    await page.locator("#done .tone-positive").waitFor()
    await list.getByText(words("decline.insufficient_funds")).waitFor({ state: "detached" })
    await screenshot(page, `payments-${language}-paid`)
    assert.equal((await stripe.invoices.retrieve(invoice)).status, "paid")
    const outcomes = `SELECT outcome FROM billing_retries AS r JOIN billing_invoices AS i ON i.id = r.invoice_id
                       WHERE i.stripe_invoice_id = '${invoice}' ORDER BY r.id`
    assert.deepEqual(
      (await rows(DATA_DIR, outcomes)).map(row => row.outcome),
      ["declined", "paid"],
    )
    await context.close()
  })

  test(`money goes back as far as there is some, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { stripe, name, invoice, customer } = await paid(`back-${language}`)
    const context = await asStaff({
      language,
      width: language === "en" ? 390 : 1440,
    })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/billing/refunds?q=${name}`)
    await settled(page)
    const open = async (/** @type {string} */ target) => {
      await page.click("#new-refund")
      await page.fill("dialog [name=target]", target)
      await page.locator("dialog [data-action]").click()
    }
    await open("inv_999999")
    await page
      .locator("dialog .notice", {
        hasText: words("problem.payment_not_found"),
      })
      .waitFor()
    await page.fill("dialog [name=target]", invoice)
    await page.locator("dialog [data-action]").click()
    const question = page.getByRole("alertdialog")
    await question.getByText(words("refunds.effect_credit_note")).waitFor()
    await question.locator("[name=amount]").fill("1.234")
    await question.locator("[data-action]").click()
    await question.getByText(words("field_problem.not_an_amount")).first().waitFor()
    await question.locator("[name=amount]").fill("99999")
    await question.locator("[data-action]").click()
    await question.locator(".notice", { hasText: words("problem.more_than_left") }).waitFor()
    await question.locator("[name=amount]").fill(language === "es" ? "5,50" : "5.50")
    await question.locator("[name=reason]").selectOption("duplicate")
    await question.locator("[name=note]").fill("They paid twice")
    await screenshot(page, `payments-${language}-refund`)
    await question.locator("[data-action]").click()
    await page.locator("#done .tone-positive").waitFor()
    await page.locator("#rows").getByText("They paid twice").waitFor()
    await page.locator("#rows").getByText(words("refund_reason.duplicate")).waitFor()
    await screenshot(page, `payments-${language}-refunded`)
    const charges = await allOf(stripe.charges.list({ customer, limit: 100 }))
    assert.deepEqual(
      charges.map(charge => charge.amount_refunded),
      [550],
    )
    const audited = `SELECT count(*) FROM audit_logs WHERE action = 'payment.refunded' AND target = '${invoice}'`
    assert.equal(await value(DATA_DIR, audited), 1)
    await context.close()
  })
}

test("an invoice's own page gives money back, and charges what has failed", async () => {
  const words = await wordsIn("en")
  const { stripe, invoice, subscription, customer } = await paid("own-page")
  const context = await asStaff({ language: "en", width: 390 })
  const page = await context.newPage()
  const answered = async () => {
    await page.getByRole("alertdialog").locator("[data-action]").click()
    await page.locator("#problem .tone-positive").waitFor()
  }
  await page.goto(`${SERVER}/admin/billing/invoices/${invoice}`)
  await page.click("#refund")
  assert.equal(await page.locator("#charge").count(), 0, "it is paid")
  await page.getByRole("alertdialog").locator("[name=amount]").fill("1.00")
  await answered()
  await page.locator("#credit-notes").waitFor()
  await screenshot(page, "invoice-given-back")

  const method = await stripe.paymentMethods.attach("pm_card_visa", { customer })
  await stripe.subscriptions.update(subscription, { default_payment_method: method.id })
  await helper(stripe, `payment_methods/${method.id}/decline`, { decline_code: "insufficient_funds" })
  const { latest_invoice: failed } = await stripe.subscriptions.update(subscription, {
    billing_cycle_anchor: "now",
    proration_behavior: "none",
  })
  await until("the failure is known", async () => {
    const sql = `SELECT count(*) FROM billing_invoices WHERE stripe_invoice_id = '${failed}' AND counted_failed > 0`
    return (await value(DATA_DIR, sql)) === 1
  })
  await helper(stripe, `payment_methods/${method.id}/decline`)
  await page.goto(`${SERVER}/admin/billing/invoices/${failed}`)
  await page.getByText(words("decline.insufficient_funds")).first().waitFor()
  assert.equal(await page.locator("#refund").count(), 0, "nothing was paid")
  await page.click("#charge")
  await answered()
  assert.equal(await page.locator("#charge").count(), 0)
  assert.equal((await stripe.invoices.retrieve(/** @type {string} */ (failed))).status, "paid")
  await context.close()
})

for (const language of LANGUAGES) {
  test(`another card is charged, and the one before is removed, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { stripe, name, customer, subscription } = await paid(`cards-${language}`)
    const method = await stripe.paymentMethods.attach("pm_card_mastercard", { customer })
    const known = `SELECT count(*) FROM payment_methods WHERE stripe_pm_id = '${method.id}'`
    await until("the card is known", async () => (await value(DATA_DIR, known)) === 1)
    const context = await asStaff({ language, width: language === "es" ? 390 : 1440 })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/billing/methods?q=${name}`)
    await settled(page)
    const row = (/** @type {string} */ text) => page.locator("#rows tr[data-id]", { hasText: text })
    const act = async (/** @type {string} */ text, /** @type {string} */ action) => {
      await row(text).locator("button[popovertarget]").click()
      await page
        .locator(".menu-panel:popover-open")
        .getByRole("button", { name: words(action) })
        .click()
    }
    await act("Mastercard", "payment_methods.default_action")
    await screenshot(page, `methods-${language}-question`)
    await page.getByRole("alertdialog").locator("[data-action]").click()
    await page.locator("#done .tone-positive").waitFor()
    await row("Mastercard").getByText(words("method_use.charged")).waitFor()
    await screenshot(page, `methods-${language}-charged`)
    const at = /** @type {any} */ (await stripe.customers.retrieve(customer))
    assert.equal(at.invoice_settings.default_payment_method, method.id)

    await act("Mastercard", "payment_methods.remove_action")
    await page.getByRole("alertdialog").locator("[data-action]").click()
    await page
      .getByRole("alertdialog")
      .locator(".notice", { hasText: words("problem.payment_method_is_charged") })
      .waitFor()
    await page
      .getByRole("alertdialog")
      .getByRole("button", { name: words("dialog.cancel") })
      .click()
    await act("Visa", "payment_methods.remove_action")
    await page.getByRole("alertdialog").locator("[data-action]").click()
    await page.locator("#done .tone-positive").waitFor()
    await row("Visa").waitFor({ state: "detached" })
    assert.deepEqual(
      (await stripe.paymentMethods.list({ customer })).data.map((/** @type {{ id: string }} */ one) => one.id),
      [method.id],
    )
    assert.equal((await stripe.subscriptions.retrieve(subscription)).status, "active")
    await context.close()
  })

  test(`a dispute is answered with what our records say, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { stripe, name, customer } = await paid(`disputed-${language}`)
    const [charge] = (await stripe.charges.list({ customer })).data
    const { id } = await helper(stripe, `charges/${charge?.id}/dispute`, { amount: 500, reason: "fraudulent" })
    const known = `SELECT count(*) FROM billing_disputes WHERE stripe_dispute_id = '${id}'`
    await until("the dispute is known", async () => (await value(DATA_DIR, known)) === 1)
    const context = await asStaff({ language, width: language === "en" ? 390 : 1440 })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/billing/disputes?q=${id}`)
    await settled(page)
    await page.locator("#rows th a").click()
    await page.getByText(words("dispute_advice.fraudulent")).waitFor()
    await page.click("#suggest")
    await page.locator("#problem .notice").waitFor()
    assert.match(await page.locator("[name=access_activity_log]").inputValue(), new RegExp(name))
    await page.fill("[name=customer_name]", "Ada Lovelace")
    await page.click("#save")
    await page.getByText(words("dispute.saved")).waitFor()
    assert.equal((await stripe.disputes.retrieve(id)).status, "needs_response")
    assert.equal((await stripe.disputes.retrieve(id)).evidence.customer_name, "Ada Lovelace")
    await screenshot(page, `dispute-${language}-draft`)
    await page.click("#submit")
    const question = page.getByRole("alertdialog")
    await question.locator("[data-action]").click()
    await question.getByText(words("field_problem.not_ticked")).first().waitFor()
    await question.locator("[name=sure]").check()
    await screenshot(page, `dispute-${language}-question`)
    await question.locator("[data-action]").click()
    await page.locator("#problem .tone-positive").waitFor()
    await page.getByText(words("dispute.with_bank"), { exact: true }).waitFor()
    await screenshot(page, `dispute-${language}-answered`)
    assert.equal((await stripe.disputes.retrieve(id)).status, "under_review")
    assert.equal(await page.locator("#submit").count(), 0)
    await context.close()
  })
}

test("what was paid is drawn beside the sums", async () => {
  await paid("drawn")
  const context = await asStaff({ language: "en", width: 1440 })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin/billing`)
  await settled(page)
  const card = page.locator("#trends")
  await card.locator("svg .chart-fill").first().waitFor()
  await screenshot(page, "trends")
  const asked = page.waitForResponse(response => response.url().includes("range=last_30_days"))
  await card.locator("select").last().selectOption("last_30_days")
  assert.equal((await asked).status(), 200)
  await card.locator("svg .chart-fill").first().waitFor()
  assert.ok(!page.url().includes("range="), "the address is the list's")
  await context.close()
})

test("a promotion code is made and taken back, and a plan gets another price, in the console", async () => {
  const words = await wordsIn("en")
  const context = await asStaff({ language: "en", width: 1440 })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin/billing/promotions`)
  await page.click("#new-promotion")
  await page.fill("dialog [name=code]", "browser")
  await page.fill("dialog [name=percent_off]", "25")
  await page.fill("dialog [name=expires_at]", "2099-12-31")
  await page.click("dialog [data-action]")
  await page.locator("#promotions tbody tr", { hasText: "BROWSER" }).waitFor()
  await page.locator("#promotions tbody tr", { hasText: "BROWSER" }).getByRole("button").click()
  await page.click("dialog [data-action]")
  await page.locator("#promotions tbody tr", { hasText: words("promotions.over") }).waitFor()

  await page.goto(`${SERVER}/admin/settings/plans`)
  await page.locator("#plans article", { hasText: "Business" }).getByRole("button").click()
  await page.fill("dialog [data-price='eur month']", "1.234")
  await page.click("dialog [data-action]")
  await page.locator("dialog .problems, dialog [role=alert], dialog .notice").first().waitFor()
  await page.fill("dialog [data-price='eur month']", "159,50")
  await page.fill("dialog [name=trial_days]", "14")
  await page.click("dialog [data-action]")
  await page.locator("dialog.dialog").waitFor({ state: "detached" })
  assert.equal(
    Number(
      await value(
        DATA_DIR,
        "SELECT unit_amount FROM plan_prices WHERE plan_id = 'business' AND currency = 'eur' AND interval = 'month'",
      ),
    ),
    15950,
  )
  // Who comes now is offered both, in words, from the first page to the payment page.
  for (const [language, offered, free] of /** @type {const} */ ([
    ["en", "14 days free, then €159.50 a month", "14 days free"],
    ["es", "14 días gratis; después, 159,50\u00a0€ al mes", "14 días gratis"],
  ])) {
    const visit = await asVisitor({ language })
    const landing = await visit.newPage()
    await landing.goto(`${SERVER}/?plan=business&interval=month&currency=eur`)
    await landing.locator("#plan-cards").getByText(offered).waitFor()
    await landing.locator("#summary-trial:not(:empty)").waitFor()
    assert.match((await landing.locator("#summary-due").textContent()) ?? "", /0[.,]00/)
    const form = {
      company: "Trial",
      name: "Ada",
      email: `trial-${language}@trial.example`,
      subdomain: `trial-${language}`,
    }
    for (const [field, text] of Object.entries(form)) await landing.fill(`#sign-up-form [name=${field}]`, text)
    await landing.selectOption("#country", "ES")
    await landing.click("#continue")
    await landing.getByText(free).first().waitFor()
    await visit.close()
  }
  await page.locator("#plans article", { hasText: "Business" }).getByRole("button").click()
  await page.fill("dialog [name=trial_days]", "0")
  await page.click("dialog [data-action]")
  await page.locator("dialog.dialog").waitFor({ state: "detached" })
  await context.close()
})

for (const language of LANGUAGES) {
  test(`staff give a tenant a discount and take it away, and read of the next invoice, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { id, number, name } = await paid(`discount-${language}`)
    const context = await asStaff({ language, width: language === "es" ? 390 : 1440 })
    const page = await context.newPage()
    const code = `HALF${language}`.toUpperCase()
    await page.goto(`${SERVER}/admin/billing/promotions`)
    await page.click("#new-promotion")
    await page.fill("dialog [name=code]", code)
    await page.fill("dialog [name=percent_off]", "50")
    await page.selectOption("dialog [name=duration]", "forever")
    await page.click("dialog [data-action]")
    await page.locator("#promotions tbody tr", { hasText: code }).waitFor()

    await page.goto(`${SERVER}/admin/tenants/${id}`)
    const card = page.locator("#discount-card")
    await card.getByText(words("discount.none")).waitFor()
    await card.getByText(/19[.,]00/).waitFor()
    await card.locator("#give-discount").click()
    const dialog = page.locator("dialog")
    const option = dialog.locator("option", { hasText: code })
    await dialog.locator("select").selectOption((await option.getAttribute("value")) ?? "")
    await dialog.getByText(/9[.,]50/).waitFor()
    await screenshot(page, `payments-${language}-discount`)
    await dialog.locator("[data-action]").click()
    await card.getByText(code).waitFor()
    await card.getByText(/9[.,]50/).waitFor()
    const mrr = `SELECT mrr FROM subscriptions WHERE tenant_id = ${number} AND ended_at IS NULL`
    await until("the discount counts", async () => Number(await value(DATA_DIR, mrr)) === 950)

    await card.locator("#take-discount").click()
    await dialog.getByText(/19[.,]00/).waitFor()
    await dialog.locator("[data-action]").click()
    await card.getByText(words("discount.none")).waitFor()
    await page.getByText(words("discount.taken", { name })).waitFor()
    await until("it is over", async () => Number(await value(DATA_DIR, mrr)) === 1900)
    await context.close()
  })
}
