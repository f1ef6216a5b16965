// The official CLI's fixtures, unpatched, against the sandbox: `stripe trigger …`.
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { fileURLToPath } from "node:url"
import { secretKey, startSandbox } from "./support.mjs"

const cli = fileURLToPath(import.meta.resolve(`@stripe/cli-${process.platform}-${process.arch}/bin/stripe`))

let sandbox, home
before(async () => {
  home = await mkdtemp(join(tmpdir(), "stripe-cli-"))
  sandbox = await startSandbox()
})
after(async () => {
  await sandbox.stop()
  await rm(home, { recursive: true })
})

const run = (...options) =>
  new Promise(resolve =>
    execFile(
      cli,
      options,
      { env: { HOME: home, XDG_CONFIG_HOME: home, STRIPE_CLI_TELEMETRY_OPTOUT: "1" }, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, text: stdout + stderr }),
    ),
  )

const events = `charge.dispute.created charge.failed charge.refund.updated charge.refunded charge.succeeded
  checkout.session.async_payment_failed checkout.session.async_payment_succeeded checkout.session.completed checkout.session.expired
  coupon.created coupon.deleted coupon.updated customer.created customer.deleted customer.source.created customer.source.updated
  customer.subscription.created customer.subscription.deleted customer.subscription.paused customer.subscription.trial_will_end
  customer.subscription.updated customer.updated invoice.created invoice.deleted invoice.finalized invoice.marked_uncollectible
  invoice.paid invoice.payment_action_required invoice.payment_failed invoice.payment_succeeded invoice.sent invoice.updated
  invoice.voided invoiceitem.created invoiceitem.deleted payment_intent.amount_capturable_updated payment_intent.canceled
  payment_intent.created payment_intent.payment_failed payment_intent.processing payment_intent.requires_action
  payment_intent.succeeded payment_method.attached payment_method.detached payment_method.updated price.created price.updated
  product.created product.deleted product.updated promotion_code.created promotion_code.updated setup_intent.canceled
  setup_intent.created setup_intent.requires_action setup_intent.setup_failed setup_intent.succeeded subscription.payment_failed
  subscription.payment_succeeded test_helpers.test_clock.advancing test_helpers.test_clock.created`.split(/\s+/)

for (const event of events)
  test(`stripe trigger ${event}`, async () => {
    const before = (await sandbox.stripe.events.list({ limit: 1 })).data[0]?.id
    const { code, text } = await run("trigger", event, "--api-base", sandbox.url, "--api-key", secretKey)
    assert.equal(code, 0, text)
    assert.match(text, /Trigger succeeded/)
    const since = await sandbox.stripe.events.list({ limit: 100, ...(before && { ending_before: before }) })
    const made = since.data.map(({ type }) => type)
    // Some of the CLI's names stand for a story, and a bank debit arrives a little later.
    const stories = {
      "subscription.payment_failed": "invoice.payment_failed",
      "subscription.payment_succeeded": "invoice.payment_succeeded",
    }
    if (!event.includes("async_payment")) assert.ok(made.includes(stories[event] ?? event), `made only ${made}`)
  })
