// A console and its tenants below one domain, with one certificate for both: who gets which name,
// and that nothing that lets somebody in travels in the clear.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer } from "../support/customer.mjs"
import { send } from "../support/http.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

const DOMAIN = "example.test"
const CONSOLE = `onboard.${DOMAIN}`

/** A certificate of the operator's for these names, signed by itself. @param {string} directory @param {string[]} names */
function certificate(directory, names) {
  const at = (/** @type {string} */ name) => join(directory, name)
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
    "/CN=operator", "-addext", `subjectAltName=${names.map(name => `DNS:${name}`).join(",")}`, "-keyout", at("key.pem"), "-out", at("chain.pem")], { stdio: "ignore" })
  writeFileSync(at("both.pem"), readFileSync(at("chain.pem"), "utf8") + readFileSync(at("key.pem"), "utf8"), { mode: 0o600 })
  return { file: at("both.pem"), ca: readFileSync(at("chain.pem"), "utf8") }
}

/** @param {string[]} names of the certificate */
async function prepare(names) {
  const server = await Server.prepare()
  const { file, ca } = certificate(server.directory, names)
  server.url = `https://${CONSOLE}:${server.settings.http_port}`
  Object.assign(server.settings, { public_url: server.url, tenant_domain: DOMAIN, certificate_file: file })
  server.ca = () => ca
  return server
}

/** @param {Server} server @param {string} subdomain */
async function goLive(server, subdomain) {
  const customer = new Customer(server, { subdomain })
  await customer.signUp()
  await customer.pay()
  // No webhook finds a name that is only this test's.
  await server.post(`/api/signups/${customer.token}/refresh`, {}, { from: customer.address })
  await until("it is live", async () => (await customer.status()).state === "live")
  return customer
}

describe("one certificate covers the console and all tenants", () => {
  /** @type {Server} */
  let server
  /** @type {string} */
  let tls
  before(async () => {
    server = await prepare([CONSOLE, `*.${DOMAIN}`])
    await server.start()
    tls = `https://acme.${DOMAIN}:${server.settings.http_port}`
  })
  after(() => server?.remove())

  test("the console's own name is reserved, and the start says what sharing a domain risks", async () => {
    const { body } = await server.get("/api/subdomains/onboard")
    assert.equal(body.status, "reserved")
    assert.match(server.logsSinceStart(), /lie below example\.test.*tenant_domain/)
    assert.doesNotMatch(server.logsSinceStart(), /in the clear/)
  })

  test("tenants are told, opened and kept at https", async () => {
    const customer = await goLive(server, "acme")
    const status = await customer.status()
    assert.equal(status.tenant_url, tls)
    const opened = await server.post(`/api/signups/${customer.token}/open`, {}, { from: customer.address })
    assert.equal(opened.status, 201, opened.text)
    assert.ok(opened.body.url.startsWith(`${tls}/access/`), opened.body.url)

    const plain = await send(opened.body.url.replace(tls, `http://acme.${DOMAIN}:${server.tenantPort}`), { method: "POST" })
    assert.equal(plain.status, 307)
    assert.equal(plain.headers.location, opened.body.url)
    assert.equal(plain.headers["set-cookie"], undefined)

    const entered = await send(opened.body.url, { method: "POST", ca: server.ca() })
    assert.equal(entered.status, 303)
    assert.match(String(entered.headers["set-cookie"]), /^owner=.*HttpOnly.*; Secure$/)
    assert.match(String(entered.headers["strict-transport-security"]), /max-age=63072000/)
  })

  test("no port answers for the console but the console", async () => {
    for (const path of ["/", "/.well-known/acme-challenge/token"]) {
      const { status, headers } = await send(`http://${CONSOLE}:${server.tenantPort}${path}`)
      assert.equal(status, 307)
      assert.equal(headers.location, server.url + path)
    }
  })

  test("cookies that tenants left for the console neither arrive nor shut anybody out", async () => {
    const left = Array.from({ length: 6 }, (_, number) => `bomb${number}=${"x".repeat(4000)}`).join("; ")
    const page = await server.get("/?plan=team", { headers: { cookie: `${left}; lang=es` } })
    assert.equal(page.status, 200)
    assert.match(page.text, /<html lang="es"/)
    const own = Array.from({ length: 3 }, () => `lang=${"x".repeat(4000)}`).join("; ")
    const answer = await server.get("/", { headers: { cookie: own } })
    assert.equal(answer.status, 431)
    assert.equal(answer.headers["clear-site-data"], '"cookies"')
  })
})

describe("the certificate is the console's alone", () => {
  test("tenants stay at http, the start says so, and what lets the owner in goes over TLS anyway", async () => {
    const server = await prepare([CONSOLE])
    try {
      await server.start()
      assert.match(server.logsSinceStart(), /in the clear.*certificate_file/)
      const customer = await goLive(server, "acme")
      assert.equal((await customer.status()).tenant_url, `http://acme.${DOMAIN}:${server.tenantPort}`)
      const { body } = await server.post(`/api/signups/${customer.token}/open`, {}, { from: customer.address })
      assert.ok(body.url.startsWith(`https://acme.${DOMAIN}:${server.settings.http_port}/access/`), body.url)
      const page = await send(`http://acme.${DOMAIN}:${server.tenantPort}/`)
      assert.equal(page.status, 200)
      assert.equal(page.headers["strict-transport-security"], undefined)
    } finally {
      await server.remove()
    }
  })
})
