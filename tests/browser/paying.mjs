// Customers of the browser tests, who sign up and pay as strangers do.

import assert from "node:assert/strict"
import { rows } from "../support/database.mjs"
import { SERVER } from "./support.mjs"

/** @typedef {{ id: string, number: string, name: string, subscription: string }} Paid */

const DATA_DIR = process.env.ONBOARDING_TEST_DATA_DIR ?? ""
const TEST_CARD = {
  card_number: "4242 4242 4242 4242",
  card_expiry: "12 / 34",
  card_cvc: "123",
}

/**
 * A stranger's tenant that runs and is paid for.
 * @param {ReturnType<typeof import("../support/browser.mjs").useBrowser>["asVisitor"]} asVisitor @param {string} prefix
 * @returns {Promise<Paid>}
 */
export async function signUpAndPay(asVisitor, prefix) {
  const name = `${prefix}-${Date.now().toString(36)}`
  const context = await asVisitor({ language: "en" })
  const person = {
    company: `Company ${name}`,
    name: "Ada",
    email: `ada@${name}.example`,
    country: "ES",
    locale: "en",
  }
  const order = {
    subdomain: name,
    plan: "starter",
    interval: "month",
    currency: "eur",
  }
  const answer = await context.request.post(`${SERVER}/api/checkout`, {
    data: { ...person, ...order },
    headers: { Origin: SERVER, "Idempotency-Key": name },
  })
  assert.equal(answer.status(), 201, await answer.text())
  const page = await context.newPage()
  await page.goto((await answer.json()).checkout_url)
  for (const [field, text] of Object.entries(TEST_CARD)) await page.fill(`[name=${field}]`, text)
  await page.fill("[name=cardholder_name]", "Ada Visitor")
  await page.click("#pay")
  await page.locator("#open-tenant").waitFor({ timeout: 120_000 })
  await context.close()
  const [{ number, subscription }] = await rows(
    DATA_DIR,
    `SELECT t.id::text AS number, s.stripe_subscription_id AS subscription
       FROM tenants t JOIN subscriptions s ON s.tenant_id = t.id WHERE t.subdomain = '${name}'`,
  )
  return { id: `ten_${number}`, number, name, subscription }
}
