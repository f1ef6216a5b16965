// Starts the sandbox of the program under test, a receiver for its webhooks, and a browser-like
// client for its pages. ONBOARDING_BINARY and ONBOARDING_TEST_DATABASE_URL say what is tested.
import { execFileSync, spawn } from "node:child_process"
import { createServer } from "node:http"
import { createServer as createSecureServer } from "node:https"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import Stripe from "stripe"
import { postgresProgram } from "../support/database.mjs"

const binary =
  process.env.ONBOARDING_BINARY ?? fileURLToPath(new URL("../../build/release/onboarding", import.meta.url))
const cluster = process.env.ONBOARDING_TEST_DATABASE_URL
if (!cluster) throw new Error("ONBOARDING_TEST_DATABASE_URL is not set: a PostgreSQL that the sandbox may use")

export const secretKey = "sk_test_sandbox_tests_0123456789"
export const webhookSecret = "whsec_sandbox_tests"

let databases = 0
/** Of the sandboxes that share a database one sends the events: each has its own. */
function newDatabase() {
  const name = `sandbox_${process.pid}_${++databases}`
  execFileSync(postgresProgram("psql"), ["-qXc", `CREATE DATABASE ${name}`, cluster])
  return cluster.replace(/dbname=\S+/, `dbname=${name}`)
}

/** A running sandbox: `url`, its `database`, a `stripe` client, `stop()` and `kill()`. */
export async function startSandbox({ listen = "127.0.0.1:0", webhookUrl, caFile, database = newDatabase() } = {}) {
  const options = ["sandbox", "--listen", listen, "--database-url", database, "--secret-key", secretKey]
  if (webhookUrl) options.push("--webhook-url", webhookUrl, "--webhook-secret", webhookSecret)
  if (caFile) options.push("--webhook-ca-file", caFile)
  const child = spawn(binary, options, { stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise(resolve => child.once("exit", resolve))
  const url = await new Promise((resolve, reject) => {
    let printed = ""
    child.stdout.on("data", chunk => {
      printed += chunk
      const found = printed.match(/http:\/\/[\d.]+:\d+/)
      if (found) resolve(found[0])
    })
    child.once("error", reject)
    child.once("exit", code => reject(new Error(`the sandbox ended with code ${code}`)))
  })
  const end = signal => async () => {
    child.kill(signal)
    await ended
  }
  return { url, database, port: new URL(url).port, stripe: client(url), stop: end("SIGTERM"), kill: end("SIGKILL") }
}

/** The official client, pointed at the sandbox. */
export function client(url, options = {}) {
  const { hostname, port } = new URL(url)
  return new Stripe(secretKey, {
    host: hostname,
    port,
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
    ...options,
  })
}

/** A server that keeps what it was sent; `answer` may refuse, `tls` (key, cert) makes it https. */
export async function startReceiver(answer = () => 200, tls) {
  const received = []
  const listener = (request, response) => {
    const chunks = []
    request.on("data", chunk => chunks.push(chunk))
    request.on("end", () => {
      const body = Buffer.concat(chunks)
      const event = JSON.parse(body)
      const delivery = { body, headers: request.headers, event, at: Date.now() }
      received.push(delivery)
      response.writeHead(answer(delivery, received)).end("noted")
    })
  }
  const server = tls ? createSecureServer(tls, listener) : createServer(listener)
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve))
  const url = `${tls ? "https" : "http"}://127.0.0.1:${server.address().port}/webhook`
  return {
    url,
    received,
    /** Waits for the first event that fits. */
    async event(type, fits = () => true, patience = 5000) {
      const until = Date.now() + patience
      for (;;) {
        const found = received.find(({ event }) => event.type === type && fits(event.data.object))
        if (found) return found
        if (Date.now() > until)
          throw new Error(
            `no ${type} within ${patience} ms; came: ${received.map(({ event }) => event.type).join(" ")}`,
          )
        await sleep(5)
      }
    },
    stop: () => new Promise(resolve => server.close(resolve).closeAllConnections()),
  }
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" }
const decoded = text => text.replace(/&(\w+|#39);/g, (_, name) => entities[name])

/** Reads a page as a browser without scripts would. */
export async function open(address, headers = {}) {
  const response = await fetch(address, { redirect: "manual", headers })
  return page(address, response)
}

async function page(address, response) {
  const html = await response.text()
  const form = html.match(/<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/)
  const fields = {}
  for (const [tag] of form?.[2].matchAll(/<input[^>]*>/g) ?? []) {
    const attribute = name => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1]
    if (attribute("type") === "radio" && !tag.includes(" checked")) continue
    fields[attribute("name")] = decoded(attribute("value") ?? "")
  }
  return {
    status: response.status,
    location: response.headers.get("location"),
    headers: response.headers,
    html,
    fields,
    /** Posts the form with what is typed over its fields. */
    async submit(typed = {}) {
      const target = new URL(decoded(form[1]), address)
      const body = new URLSearchParams({ ...fields, ...typed })
      return page(target, await fetch(target, { method: "POST", body, redirect: "manual" }))
    },
  }
}

export const card = (number, more = {}) => ({
  card_number: number,
  card_expiry: "12 / 34",
  card_cvc: "123",
  cardholder_name: "Ada Lovelace",
  ...more,
})

/** Product and monthly price. */
export async function monthlyPrice(stripe, unit_amount = 2000, currency = "usd") {
  const product = await stripe.products.create({ name: "Pro" })
  return stripe.prices.create({ product: product.id, unit_amount, currency, recurring: { interval: "month" } })
}

/** Advances a test clock and waits until everything due has happened. */
export async function advance(stripe, clock, frozen_time) {
  await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time })
  for (let i = 0; i < 400; ++i) {
    const now = await stripe.testHelpers.testClocks.retrieve(clock.id)
    if (now.status === "ready") return now
    if (now.status === "internal_failure") throw new Error("the test clock failed")
    await sleep(25)
  }
  throw new Error("the test clock did not get ready")
}

export const seconds = text => Date.parse(text) / 1000

/** A customer on a test clock of their own who pays with the given test card. */
export async function customerOnClock(stripe, start, method = "pm_card_visa") {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds(start) })
  const customer = await stripe.customers.create({ name: "Timely", test_clock: clock.id })
  const kept = await stripe.paymentMethods.attach(method, { customer: customer.id })
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: kept.id } })
  return { clock, customer }
}

export { sleep }
