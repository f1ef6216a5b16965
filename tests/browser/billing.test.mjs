// Money as staff see it and end it: what the delete dialog says becomes of a subscription is what happens at Stripe, and
// the lists of discrepancies and late payments lead to the tenant and to Stripe.

import assert from "node:assert/strict"
import { test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { execute, rows, value } from "../support/database.mjs"
import { until } from "../support/until.mjs"
import { signUpAndPay as signUpAndPayAs } from "./paying.mjs"
import { LANGUAGES, SERVER, screenshot, settled, wordsIn } from "./support.mjs"

/** @typedef {import("./support.mjs").Language} Language */

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""

const { asStaff, asVisitor } = useBrowser()
const signUpAndPay = (/** @type {string} */ prefix) => signUpAndPayAs(asVisitor, prefix)

/** @type {{ choice: string, words: Parameters<Awaited<ReturnType<typeof wordsIn>>>[0], language: Language, ends: string, refund: string }[]} */
const CHOICES = [
  { choice: "period_end", words: "danger.money_period_end", language: "es", ends: "period_end", refund: "none" },
  { choice: "now", words: "danger.money_now", language: "en", ends: "now", refund: "none" },
  { choice: "now_refund", words: "danger.money_now_refund", language: "es", ends: "now", refund: "unused" },
]

for (const { choice, words: chosen, language, ends, refund } of CHOICES) {
  test(`a deletion that says “${choice}” does that at Stripe, in ${language}`, async () => {
    const words = await wordsIn(language)
    const tenant = await signUpAndPay(`ends-${choice.replace("_", "-")}`)
    const context = await asStaff({ language, width: 390 })
    const page = await context.newPage()
    await page.goto(`${SERVER}/admin/tenants/${tenant.id}/config`)
    await settled(page)
    await page.getByRole("button", { name: words("danger.delete_action") }).click()
    const question = page.getByRole("alertdialog")
    await question.waitFor()
    await question.locator("[name=money]").selectOption({ label: words(chosen) })
    await question.getByText(words("danger.money_kept")).waitFor()
    for (const box of await question.locator("[type=checkbox]").all()) await box.check()
    await question.locator("[name=confirm]").fill(tenant.name)
    await screenshot(page, `billing-delete-${choice}`)
    await question.locator("[data-action]").click()
    await page.locator("#danger #done", { hasText: words("danger.delete_done") }).waitFor()

    const ending = await until("the subscription is ended", async () => {
      const [row] = await rows(DATA_DIR, `SELECT * FROM billing_endings WHERE tenant_id = ${tenant.number}`)
      return row?.done_at && row
    })
    assert.deepEqual([ending.ends, ending.refund], [ends, refund])
    const [{ data: atStripe }] = await rows(
      DATA_DIR,
      `SELECT data FROM stripe_sandbox.objects WHERE type = 'subscription' AND data ->> 'id' = '${tenant.subscription}'`,
    )
    assert.deepEqual(
      [atStripe.status, atStripe.cancel_at_period_end],
      ends === "now" ? ["canceled", false] : ["active", true],
    )
    const givenBack = await value(
      DATA_DIR,
      `SELECT coalesce(sum((data ->> 'amount')::bigint), 0) FROM stripe_sandbox.objects
        WHERE type = 'refund' AND data -> 'metadata' ->> 'tenant_id' = '${tenant.id}'`,
    )
    assert.equal(givenBack, ending.given_back)
    assert.equal(givenBack > 0, refund === "unused")
    const mail = `FROM mails WHERE template = 'tenant_ends' AND recipient = 'ada@${tenant.name}.example'`
    await until(
      "the mail to the customer is kept",
      async () => (await value(DATA_DIR, `SELECT state ${mail}`)) === "kept",
    )
    const trail = `FROM audit_logs WHERE target = '${tenant.id}' AND action LIKE 'tenant.delet%'`
    assert.equal(await value(DATA_DIR, `SELECT count(*) ${trail}`), 1)
    await context.close()
  })
}

test("discrepancies and late payments lead to their tenants, their invoices and to Stripe", async () => {
  const tenant = await signUpAndPay("differs")
  await execute(
    DATA_DIR,
    `INSERT INTO billing_findings (kind, subject, tenant_id, stripe_subscription_id, message) VALUES
       ('subscription_for_nothing', '${tenant.subscription}', ${tenant.number}, '${tenant.subscription}',
        '{"code":"tenant_is","parameters":{"state":"archived"},"text":"in English"}'),
       ('subscription_for_nothing', 'sub_stray', NULL, 'sub_stray',
        '{"code":"customer_of_nobody","parameters":{},"text":"in English"}'),
       ('tenant_without_subscription', '${tenant.id}', ${tenant.number}, NULL,
        '{"code":"tenant_is","parameters":{"state":"live"},"text":"in English"}');
     UPDATE subscriptions SET ended_at = now() - interval '1 day' WHERE tenant_id = ${tenant.number};
     UPDATE billing_invoices SET late_outcome = 'runs', late_until = now() + interval '9 days'
      WHERE subscription_id IN (SELECT id FROM subscriptions WHERE tenant_id = ${tenant.number})`,
  )
  for (const language of LANGUAGES) {
    const words = await wordsIn(language)
    const context = await asStaff({ language })
    const page = await context.newPage()
    const list = page.locator("#rows")

    await page.goto(`${SERVER}/admin`)
    await settled(page)
    await page.getByRole("link", { name: words("attention.subscription_for_nothing") }).click()
    await page.waitForURL(/\/admin\/billing\/findings\?kind=subscription_for_nothing/)
    await list.getByText(words("reason.customer_of_nobody")).waitFor()
    assert.equal(await list.locator("tr").count(), 2)
    await screenshot(page, `billing-${language}-filtered`)
    await page.selectOption("[name=kind]", "")
    await list.getByText(words("billing_finding.tenant_without_subscription")).waitFor()
    assert.doesNotMatch(await list.innerText(), /in English/)
    await page.fill("[name=q]", "SUB_STRAY")
    await list.getByRole("link", { name: tenant.name }).first().waitFor({ state: "detached" })
    const stripe = list.getByRole("link", { name: "sub_stray" })
    const overview = await context.request.get(String(await stripe.getAttribute("href")))
    assert.equal(overview.status(), 200, "the sandbox has a page that shows it")
    await page.fill("[name=q]", "nobody at all")
    await page.getByText(words("table.no_match")).waitFor()
    await page
      .locator("#list")
      .getByRole("button", { name: words("table.clear_all") })
      .click()
    await list.getByRole("link", { name: tenant.name }).first().waitFor()
    await screenshot(page, `billing-${language}-findings`)

    await page.goto(`${SERVER}/admin`)
    await settled(page)
    await page.getByRole("link", { name: words("attention.late_payment") }).click()
    await page.waitForURL(`${SERVER}/admin/billing/late-payments`)
    await list.getByText(words("late_payment.runs")).waitFor()
    const invoice = String(await list.locator("td a").first().getAttribute("href"))
    assert.match(invoice, /^\/admin\/billing\/invoices\/in_/)
    assert.equal((await context.request.get(`${SERVER}/api${invoice.replace("/admin", "")}`)).status(), 200)
    await screenshot(page, `billing-${language}-late`)
    await page.selectOption("[name=outcome]", "refunded")
    await page.getByText(words("table.no_match")).waitFor()
    await page.goto(`${SERVER}/admin/billing/late-payments`)
    await list.getByRole("link", { name: tenant.name }).click()
    await page.waitForURL(`${SERVER}/admin/tenants/${tenant.id}`)
    await context.close()
  }
})

for (const language of LANGUAGES) {
  test(`money that is owed is tried again, or settled by hand, in ${language}`, async () => {
    const words = await wordsIn(language)
    const tenant = await signUpAndPay(`owed-${language}`)
    const owe = (/** @type {string} */ subject) =>
      execute(
        DATA_DIR,
        `INSERT INTO billing_findings (kind, subject, tenant_id, detail, job_kind, job_payload)
         VALUES ('money_owed', '${subject}', ${tenant.number}, 'charge_already_refunded', 'tenants.end_billing',
                 '{"tenant_id":${tenant.number},"ends":"now","refund":"none"}')`,
      )
    const found = async (/** @type {string} */ subject) =>
      (await rows(DATA_DIR, `SELECT * FROM billing_findings WHERE subject = '${subject}'`))[0]
    const context = await asStaff({ language, width: 390 })
    const page = await context.newPage()
    const list = page.locator("#rows")

    const again = `end:${tenant.id}`
    await owe(again)
    await page.goto(`${SERVER}/admin/billing/findings?kind=money_owed`)
    await settled(page)
    await list.getByRole("button", { name: words("money.retry") }).click()
    await page.locator("#done", { hasText: words("money.retried") }).waitFor()
    assert.equal((await found(again)).tried, 1)
    assert.equal(await audited("money.tried_again", again), 1)
    await until("it was worked off", async () => (await found(again)).resolved_at)

    const byHand = `end:by-hand-${language}`
    await owe(byHand)
    await page.goto(`${SERVER}/admin/billing/findings?kind=money_owed`)
    await settled(page)
    await list.getByRole("button", { name: words("money.resolve") }).click()
    const dialog = page.getByRole("dialog")
    await dialog.locator("[name=note]").fill("Devuelto por transferencia")
    await screenshot(page, `billing-${language}-settle`)
    await dialog.getByRole("button", { name: words("money.resolve") }).click()
    await page.locator("#done", { hasText: words("money.resolved") }).waitFor()
    await page.waitForFunction(() => !document.querySelector("#rows tr"))
    assert.equal((await found(byHand)).note, "Devuelto por transferencia")
    assert.equal(await audited("money.settled", byHand), 1)
    await context.close()
  })
}

for (const language of LANGUAGES) {
  test(`an event that failed is worked off again, and a difference is taken over, in ${language}`, async () => {
    const words = await wordsIn(language)
    const { number } = await signUpAndPay(`mirror-${language}`)
    const [{ customer }] = await rows(
      DATA_DIR,
      `SELECT c.stripe_customer_id AS customer FROM tenants t JOIN customers c ON c.id = t.customer_id
        WHERE t.id = ${number}`,
    )
    const event = await until("the payment was told", () =>
      value(
        DATA_DIR,
        `SELECT e.id FROM stripe_events e JOIN billing_invoices i ON i.stripe_invoice_id = e.object_id
           JOIN subscriptions s ON s.id = i.subscription_id
          WHERE s.tenant_id = ${number} AND e.type = 'invoice.paid' AND e.state = 'applied'`,
      ),
    )
    await execute(
      DATA_DIR,
      `UPDATE stripe_events SET state = 'dead', last_error = 'connection reset' WHERE id = '${event}';
       UPDATE stripe_objects SET state = state || '{"name":"Wrong here"}', fetched_at = fetched_at - interval '1 minute'
        WHERE id = '${customer}';
       INSERT INTO mirror_differences (stripe_id, kind, nature, customer_id, members)
       SELECT id, kind, 'different', customer_id, '{"name":["Wrong here","Ada"]}'
         FROM stripe_objects WHERE id = '${customer}'`,
    )
    const context = await asStaff({ language, width: 390 })
    const page = await context.newPage()
    const list = page.locator("#rows")

    await page.goto(`${SERVER}/admin`)
    await settled(page)
    await page.getByRole("link", { name: words("attention.events_dead") }).click()
    await page.waitForURL(`${SERVER}/admin/billing/events?state=dead`)
    await list.getByText("connection reset").waitFor()
    await list.getByRole("button", { name: words("billing_events.again") }).click()
    const applied = words("billing_events.done", { state: words("stripe_event_state.applied") })
    await page.locator("#done", { hasText: applied }).waitFor()
    await list.getByText(event).waitFor({ state: "detached" })
    await screenshot(page, `billing-${language}-event-again`)
    assert.equal(await value(DATA_DIR, `SELECT state FROM stripe_events WHERE id = '${event}'`), "applied")
    assert.equal(await audited("stripe_event.replayed", event), 1)

    await page.goto(`${SERVER}/admin`)
    await settled(page)
    await page.getByRole("link", { name: words("attention.differences") }).click()
    await page.waitForURL(`${SERVER}/admin/billing/differences?state=open`)
    await list.getByText("Wrong here").waitFor()
    await list.getByRole("button", { name: words("billing_differences.apply") }).click()
    await page.locator("#done", { hasText: words("billing_differences.agrees", { id: customer }) }).waitFor()
    await page.locator("#done", { hasText: "Wrong here" }).waitFor()
    await page.locator("#done", { hasText: words("billing_differences.nothing_differs") }).waitFor()
    await screenshot(page, `billing-${language}-difference-taken`)
    const mirrored = `SELECT state ->> 'name' FROM stripe_objects WHERE id = '${customer}'`
    assert.notEqual(await value(DATA_DIR, mirrored), "Wrong here")
    const [ended] = await rows(DATA_DIR, `SELECT * FROM mirror_differences WHERE stripe_id = '${customer}'`)
    assert.equal(ended.resolution, "applied")
    assert.equal(await audited("mirror.applied", customer), 1)
    await context.close()
  })
}

/** @param {string} action @param {string} target */
const audited = (action, target) =>
  value(DATA_DIR, `SELECT count(*) FROM audit_logs WHERE action = '${action}' AND target = '${target}'`)

test("a check that somebody looks at again says what it has found, or why it has not, and moves when it is green", async () => {
  const words = await wordsIn("es")
  const kind = "tests.dead"
  await execute(
    DATA_DIR,
    `INSERT INTO jobs (kind, payload, state, attempt, finished_at, last_error)
     VALUES ('${kind}', '{}', 'dead', 1, now(), 'no')`,
  )
  const context = await asStaff({ language: "es", width: 390 })
  const page = await context.newPage()
  await page.goto(`${SERVER}/admin/invariants`)
  await settled(page)
  await page.click("#run")
  await page.locator("#checks[data-round=over]").waitFor()
  const card = page.locator("section#job_dead")
  await card.getByRole("heading", { name: words("invariant_broken.job_dead") }).waitFor()
  await card.getByText(words("invariant_why.job_dead")).waitFor()
  const look = page.locator("#job_dead-look")

  await page.route("**/api/invariants/job_dead", route => route.fulfill({ status: 500, json: {} }))
  await look.click()
  await card.locator(".notice").waitFor()
  assert.match((await page.locator("#said").textContent()) ?? "", new RegExp(words("problem.unexpected").slice(0, 20)))
  assert.equal(await page.evaluate(() => document.activeElement?.id), "job_dead-look")
  await screenshot(page, "checks-look-failed")
  await page.unroute("**/api/invariants/job_dead")

  await look.click()
  await card.getByText(words("invariant_answer.red")).waitFor()
  assert.equal(await card.locator(".notice").count(), 0)
  const before = await page.locator("#round").innerText()
  await screenshot(page, "checks-look-red")

  await execute(DATA_DIR, "DELETE FROM jobs WHERE state = 'dead'")
  await look.click()
  const fine = page.locator("li#job_dead")
  await fine.getByText(words("invariant_answer.green")).waitFor()
  assert.equal(await card.count(), 0)
  assert.equal(await page.getByText(words("invariant_why.job_dead")).count(), 0)
  assert.notEqual(await page.locator("#round").innerText(), before)
  assert.match((await page.locator("#said").textContent()) ?? "", new RegExp(words("invariant_answer.green")))
  assert.equal(await page.evaluate(() => document.activeElement?.id), "job_dead")
  await screenshot(page, "checks-look-green")
  await context.close()
})
