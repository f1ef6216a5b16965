// A customer: signs up through the API, pays on the sandbox's page as a browser without scripts
// would, and follows the sign-up until the tenant runs.

import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { formOf, send } from "./http.mjs"
import { until } from "./until.mjs"

/** @typedef {import("./server.mjs").Server} Server */

export const GOOD_CARD = "4242 4242 4242 4242"

/** Each customer comes from a network of its own, because limits count per address and per network. */
let customers = 0
function nextAddress() {
  customers += 1
  return `127.1.${customers % 250}.${Math.floor(customers / 250) + 1}`
}

export class Customer {
  /** @param {Server} server @param {{ subdomain?: string, company?: string, plan?: string, interval?: string, currency?: string }} [wish] */
  constructor(
    server,
    { subdomain = `t-${randomBytes(5).toString("hex")}`, company, plan = "starter", interval = "month", currency = "eur" } = {},
  ) {
    this.server = server
    this.subdomain = subdomain
    this.company = company ?? `Company ${subdomain}`
    this.email = `ada@${subdomain}.example`
    this.plan = plan
    this.interval = interval
    this.currency = currency
    this.address = nextAddress()
    this.checkoutUrl = ""
    this.statusUrl = ""
  }

  form() {
    return {
      company: this.company,
      name: "Ada Lovelace",
      email: this.email,
      country: "ES",
      locale: "en",
      subdomain: this.subdomain,
      plan: this.plan,
      interval: this.interval,
      currency: this.currency,
    }
  }

  get token() {
    return new URL(this.statusUrl).pathname.replace("/setup/", "")
  }

  async signUp() {
    const answer = await this.server.post("/api/checkout", this.form(), {
      from: this.address,
      headers: { "idempotency-key": `sign-up-${this.subdomain}` },
    })
    assert.equal(answer.status, 201, answer.text)
    this.checkoutUrl = answer.body.checkout_url
    this.statusUrl = answer.body.status_url
    return this
  }

  /** Pays; gives the answer that leads back to the setup page. @param {string} [number] */
  async pay(number = GOOD_CARD) {
    const page = await send(this.checkoutUrl)
    const { action, fields } = formOf(page.text)
    const card = { card_number: number, card_expiry: "12 / 34", card_cvc: "123", cardholder_name: "Ada Lovelace" }
    const answer = await send(new URL(action, this.checkoutUrl).href, {
      method: "POST",
      body: new URLSearchParams({ ...fields, ...card }),
    })
    assert.equal(answer.status, 303, answer.text)
    assert.ok(answer.headers.location?.startsWith(this.statusUrl), answer.headers.location)
    return answer
  }

  /** What the setup page shows. */
  async status() {
    const answer = await this.server.get(`/api/signups/${this.token}`, { from: this.address })
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  async untilLive() {
    return until(`${this.subdomain} is live`, async () => {
      const status = await this.status()
      return status.state === "live" && status
    }, { every: 150 })
  }

  /** Signs up, pays and waits. */
  async goLive() {
    await this.signUp()
    await this.pay()
    return this.untilLive()
  }

  /** The tenant's own page, through its own address. */
  /** It may still be starting: the doors open first. */
  async assertTenantAnswers() {
    const page = await until(`${this.subdomain} answers`, async () => {
      const seen = await this.server.tenant(this.subdomain)
      return seen.status === 503 ? undefined : seen
    })
    assert.equal(page.status, 200, page.text)
    assert.match(page.text, new RegExp(this.company))
  }
}

/** Logs the owner in; the cookie and the token for writes. @param {Server} server */
export async function logIn(server) {
  const answer = await server.post(
    "/api/admin/login",
    { email: server.email, password: server.password },
    { headers: { origin: server.url } },
  )
  assert.equal(answer.status, 200, answer.text)
  const cookie = (answer.headers["set-cookie"] ?? []).map(line => line.split(";")[0]).join("; ")
  return {
    accessToken: answer.body.access_token,
    csrfToken: answer.body.csrf_token,
    cookie,
    /** For reading with the cookie alone. */
    headers: { cookie },
    /** For writing with the cookie. */
    writing: { cookie, origin: server.url, "x-csrf-token": answer.body.csrf_token },
  }
}
