// Delivery: signed, retried, to several endpoints, across restarts.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import { client, sleep, startReceiver, startSandbox, webhookSecret } from "./support.mjs"

const running = []
after(async () => {
  for (const one of running) await one.stop()
})
const keep = one => {
  running.push(one)
  return one
}

test("a refused delivery comes again until it is taken", async () => {
  let refusals = 2
  const receiver = keep(
    await startReceiver(({ event }) => (event.data.object.name === "Stubborn" && refusals-- > 0 ? 500 : 200)),
  )
  const { stripe } = keep(await startSandbox({ webhookUrl: receiver.url }))
  const product = await stripe.products.create({ name: "Stubborn" })
  const [pending] = (await stripe.events.list({ type: "product.created", limit: 1 })).data
  assert.ok(pending.pending_webhooks >= 1)
  const tries = () => receiver.received.filter(({ event }) => event.data.object.id === product.id)
  for (let i = 0; i < 100 && tries().length < 3; ++i) await sleep(100)
  assert.equal(tries().length, 3)
  assert.equal(new Set(tries().map(({ event }) => event.id)).size, 1)
  const [first, second, third] = tries().map(({ at }) => at)
  assert.ok(second - first >= 900 && third - second >= 1900, "the pauses grow")
  await sleep(100)
  assert.equal((await stripe.events.retrieve(tries()[0].event.id)).pending_webhooks, 0)
})

test("endpoints of the API: own secret shown once, own events, disabling, rolling the secret", async () => {
  const receiver = keep(await startReceiver())
  const { stripe } = keep(await startSandbox())
  const endpoint = await stripe.webhookEndpoints.create({ url: receiver.url, enabled_events: ["customer.created"] })
  assert.match(endpoint.secret, /^whsec_/)
  assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined)
  const ada = await stripe.customers.create({ name: "Ada" })
  await stripe.customers.update(ada.id, { name: "Ada L." })
  const { body, headers } = await receiver.event("customer.created", ({ id }) => id === ada.id)
  stripe.webhooks.constructEvent(body, headers["stripe-signature"], endpoint.secret)

  const rolled = await stripe.rawRequest("POST", `/v1/test_helpers/webhook_endpoints/${endpoint.id}/roll_secret`, {
    expires_in: 60,
  })
  const bo = await stripe.customers.create({ name: "Bo" })
  const both = await receiver.event("customer.created", ({ id }) => id === bo.id)
  for (const secret of [endpoint.secret, rolled.secret])
    stripe.webhooks.constructEvent(both.body, both.headers["stripe-signature"], secret)

  await stripe.webhookEndpoints.update(endpoint.id, { disabled: true })
  const cy = await stripe.customers.create({ name: "Cy" })
  await sleep(200)
  assert.ok(!receiver.received.some(({ event }) => event.data.object.id === cy.id))
  assert.ok(receiver.received.every(({ event }) => event.type === "customer.created"))
  await stripe.webhookEndpoints.del(endpoint.id)
})

test("a crash loses neither objects nor deliveries", async () => {
  let up = false
  const receiver = keep(await startReceiver(() => (up ? 200 : 503)))
  const first = await startSandbox({ webhookUrl: receiver.url })
  const customer = await first.stripe.customers.create({ name: "Survivor" })
  await receiver.event("customer.created", ({ id }) => id === customer.id)
  await first.kill()
  up = true
  const before = receiver.received.length
  const { stripe } = keep(await startSandbox({ webhookUrl: receiver.url, database: first.database }))
  assert.equal((await stripe.customers.retrieve(customer.id)).name, "Survivor")
  // Killed before it could write down the answer, it tries again when its claim of a minute is over.
  for (let i = 0; i < 900; ++i) {
    const again = receiver.received.slice(before).find(({ event }) => event.data.object.id === customer.id)
    if (again) {
      stripe.webhooks.constructEvent(again.body, again.headers["stripe-signature"], webhookSecret)
      return
    }
    await sleep(100)
  }
  assert.fail("the delivery did not come again")
})

test("the overview shows deliveries and resends one", async () => {
  const receiver = keep(await startReceiver())
  const { url } = keep(await startSandbox({ webhookUrl: receiver.url }))
  const { id } = await client(url).customers.create({ name: "Again" })
  const { event } = await receiver.event("customer.created", object => object.id === id)
  await sleep(100)
  const html = await (await fetch(`${url}/sandbox`)).text()
  const row = html.split("<tr>").find(text => text.includes(event.id) && text.includes("/resend"))
  assert.match(row, /delivered, 200/)
  const [, action, token] = row.match(/action="([^"]+)".*?name="form_token" value="([^"]+)"/)
  assert.equal(
    (await fetch(url + action, { method: "POST", body: new URLSearchParams({ form_token: "guess" }) })).status,
    403,
  )
  const count = () => receiver.received.filter(one => one.event.id === event.id).length
  await fetch(url + action, { method: "POST", body: new URLSearchParams({ form_token: token }), redirect: "manual" })
  for (let i = 0; i < 50 && count() < 2; ++i) await sleep(20)
  assert.equal(count(), 2)
})

test("https endpoints are trusted by the given certificate authority only", async t => {
  const folder = await mkdtemp(join(tmpdir(), "sandbox-tls-"))
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const made = spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-keyout",
    key,
    "-out",
    certificate,
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
  ])
  if (made.error) return t.skip("openssl is not installed")
  const receiver = keep(await startReceiver(undefined, { key: await readFile(key), cert: await readFile(certificate) }))
  const strict = await startSandbox({ webhookUrl: receiver.url })
  await strict.stripe.products.create({ name: "Distrusted" })
  await sleep(300)
  assert.equal(receiver.received.length, 0)
  await strict.stop()
  const { stripe } = keep(await startSandbox({ webhookUrl: receiver.url, caFile: certificate }))
  const product = await stripe.products.create({ name: "Trusted" })
  await receiver.event("product.created", ({ id }) => id === product.id)
  await rm(folder, { recursive: true })
})
