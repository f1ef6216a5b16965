// Invoices as staff look through them: the sums lead to their rows, a row to the invoice, and that to its copy on paper.

import assert from "node:assert/strict"
import { before, test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { execute } from "../support/database.mjs"
import { LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

const { asStaff } = useBrowser()

before(() =>
  execute(
    DATA_DIR,
    `INSERT INTO customers (company, name, email, country, locale) VALUES
       ('Alba SL', 'Ada', 'ada@alba.example', 'ES', 'es'), ('Kumo KK', 'Kei', 'kei@kumo.example', 'JP', 'en');
     INSERT INTO billing_invoices (customer_id, number, stripe_invoice_id, status, currency, amount, amount_due, amount_paid,
                                   amount_remaining, date, finalized_at, paid_at, counted_failed, attempt_count, due_date)
     SELECT c.id, number, 'in_' || number, status::invoice_status, currency, amount, amount, paid, amount - paid,
            now() - interval '1 hour', now(), CASE status WHEN 'paid' THEN now() END, failed, attempts, due
       FROM customers c JOIN (VALUES
         ('Alba SL', 'ALBA-1', 'paid', 'eur', 4900, 4900, 0, 1, NULL::timestamptz),
         ('Alba SL', 'ALBA-2', 'open', 'eur', 7900, 0, 7900, 2, now() - interval '1 day'),
         ('Kumo KK', 'KUMO-1', 'open', 'jpy', 5000, 0, 0, 0, NULL)) AS rows (company, number, status, currency, amount,
         paid, failed, attempts, due) USING (company);
     INSERT INTO rollup_deltas (metric, currency, day, amount) VALUES
       ('revenue', 'eur', (now() AT TIME ZONE 'UTC')::date, 4900), ('failed_amount', 'eur', current_date, 7900);
     INSERT INTO billing_attempts (stripe_charge_id, stripe_invoice_id, customer_id, at, outcome, decline_code, amount, currency)
     SELECT 'ch_' || i, 'in_ALBA-2', customer_id, now(), 'failed', (ARRAY['insufficient_funds', 'expired_card'])[i], 7900, 'eur'
       FROM billing_invoices, generate_series(1, 2) AS i WHERE number = 'ALBA-2'`,
  ),
)

for (const language of LANGUAGES) {
  test(`sums lead to their invoices, and those to their story and their copy, in ${language}`, async () => {
    const words = await wordsIn(language)
    const context = await asStaff({ language })
    const page = await context.newPage()
    const list = page.locator("#rows")

    await page.goto(`${SERVER}/admin`)
    await settled(page)
    await page
      .getByRole("navigation")
      .getByRole("link", { name: words("billing.title") })
      .first()
      .click()
    await page.waitForURL(`${SERVER}/admin/billing`)
    await list.getByRole("link", { name: "ALBA-1" }).waitFor()
    assert.equal(await page.locator(".settings-nav [aria-current=page]").innerText(), words("billing_invoices.title"))
    await screenshot(page, `invoices-${language}`)

    /** @param {string} sum @param {string[]} numbers */
    const leadsTo = async (sum, numbers) => {
      await page.goto(`${SERVER}/admin/billing`)
      await settled(page)
      await page.locator(`[data-sum=${sum}] a`).first().click()
      await page.locator("#chips .chip").first().waitFor()
      await list.getByRole("link", { name: numbers[0] }).waitFor()
      assert.deepEqual(await list.locator("tr th a").allInnerTexts(), numbers)
    }
    await leadsTo("collected", ["ALBA-1"])
    await leadsTo("outstanding", ["ALBA-2"])
    await leadsTo("at_risk", ["ALBA-2"])
    assert.equal(await page.locator("[data-sum=outstanding] a").count(), 2, "one sum a currency")

    await page.goto(`${SERVER}/admin/billing?status=open&sort=date`)
    await page.fill("[name=q]", "kumo")
    await list.getByRole("link", { name: "ALBA-2" }).waitFor({ state: "detached" })
    await list.getByRole("link", { name: "KUMO-1" }).waitFor()
    await page.fill("[name=q]", "in_alba-2")
    await list.getByRole("link", { name: "ALBA-2" }).click()

    await page.waitForURL(/\/admin\/billing\/invoices\/inv_\d+$/)
    await page.getByRole("heading", { level: 1, name: "ALBA-2" }).waitFor()
    await page.getByText(words("invoice_status.overdue")).first().waitFor()
    const attempts = page.locator("#attempts")
    await attempts.getByText(words("decline.insufficient_funds")).waitFor()
    await attempts.getByText(words("decline_advice.try_again")).waitFor()
    await attempts.getByText(words("decline_advice.other_method")).waitFor()
    assert.equal(await page.locator("#timeline [data-kind=attempt_failed]").count(), 2)
    await screenshot(page, `invoice-${language}`)
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#pdf")])
    assert.equal(file.suggestedFilename(), "invoice-ALBA-2.pdf")
    await page.getByRole("link", { name: words("invoice.others") }).click()
    await list.getByRole("link", { name: "ALBA-1" }).waitFor()
    assert.equal(await list.getByRole("link", { name: "KUMO-1" }).count(), 0)
    await context.close()
  })
}

test("the dashboard's money leads to invoices, and Stripe's id leads to one", async () => {
  const words = await wordsIn("es")
  const context = await asStaff({ language: "es", width: 390 })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin`)
  await settled(page)
  await page.getByRole("link", { name: words("tile.failed_payments") }).click()
  await page.waitForURL(`${SERVER}/admin/billing?standing=at_risk`)
  await page.locator("#rows").getByRole("link", { name: "ALBA-2" }).waitFor()
  await page.goto(`${SERVER}/admin/billing/invoices/in_KUMO-1`)
  await page.getByRole("heading", { level: 1, name: "KUMO-1" }).waitFor()
  await page.goto(`${SERVER}/admin/billing/invoices/in_of_nobody`)
  await page.getByText(words("invoice.missing")).waitFor()
  await context.close()
})

test("an electronic invoice says what it lacks, and where that is set", async () => {
  const words = await wordsIn("es")
  await execute(
    DATA_DIR,
    `INSERT INTO stripe_objects (id, kind, customer_id, state, fetched_at)
     SELECT 'in_ALBA-1', 'invoice', customer_id, '{"id":"in_ALBA-1","object":"invoice","total":4900,"customer_tax_exempt":"exempt",
            "lines":{"data":[{"id":"il_1","amount":4900,"quantity":1,"description":"Team","taxes":[]}]},"total_taxes":[]}', now()
       FROM billing_invoices WHERE number = 'ALBA-1'`,
  )
  const context = await asStaff({ language: "es", width: 390 })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin/billing/invoices/in_ALBA-1`)
  await page.click("#ubl")
  const notice = page.locator("#problem .notice", { hasText: words("problem.no_electronic_invoice") })
  for (const what of ["name", "address", "country", "vat_id"])
    await notice.getByText(words(`reason.seller_${what}_missing`)).waitFor()
  await screenshot(page, "invoice-lacking")
  await notice.getByRole("link", { name: words("invoice.to_organisation") }).click()
  await page.locator("[name=legal_name]").fill("Acme SL")
  await page.locator("[name=address]").fill("Calle Mayor 1")
  await page.locator("[name=vat_id]").fill("ESB12345678")
  await page.locator("[name=country]").selectOption("ES")
  await screenshot(page, "organisation-country")
  await page.click("#save")
  await page.getByText(words("config.saved")).first().waitFor()
  await page.goto(`${SERVER}/admin/billing/invoices/in_ALBA-1`)
  for (const syntax of ["ubl", "cii"]) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(`#${syntax}`)])
    assert.equal(file.suggestedFilename(), `invoice-ALBA-1-${syntax}.xml`)
  }
  await notice.waitFor({ state: "detached" })
  await context.close()
})
