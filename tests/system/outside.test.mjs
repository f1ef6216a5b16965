// What lies outside the program and does not work: it is named with its setting and what to do, nothing is sold that
// cannot be built, nobody waits for what hangs, and all opens again by itself.

import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { after, before, describe, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { roles, signal } from "../support/processes.mjs"
import { BINARY, freePorts, run, Server, withServer } from "../support/server.mjs"
import { until } from "../support/until.mjs"

/** Somebody at Stripe's address. @param {import("node:http").RequestListener} answer */
async function stripeThat(answer) {
  const listener = createServer(answer)
  await new Promise(resolve => listener.listen(0, "127.0.0.1", () => resolve(null)))
  const { port } = /** @type {import("node:net").AddressInfo} */ (listener.address())
  return {
    settings: {
      stripe_api_base: `http://127.0.0.1:${port}`,
      stripe_secret_key: "sk_test_of_this_test",
      stripe_webhook_secret: "whsec_of_this_test",
    },
    close() {
      listener.closeAllConnections()
      listener.close()
    },
  }
}

/** What /readyz says of one thing outside. @param {Server} server @param {string} name */
const outside = async (server, name) =>
  (await server.get("/readyz")).body.outside.find((/** @type {{ name: string }} */ check) => check.name === name)

describe("a start without Incus", () => {
  /** @type {Server} */
  let server
  before(async () => {
    server = await Server.prepare({ provisioner: "incus", incus_url: "/nowhere/incus.socket", smtp_url: "smtp://localhost:1" })
    server.launch()
    await until("the box is there", () => server.logsSinceStart().includes("|  Stop "))
  })
  after(() => server?.remove())

  test("is told by the log, /readyz and the dashboard, with the setting and what to do", async () => {
    await until("the log says it", () => /incus: .*setting incus_url/.test(server.logsSinceStart()))
    await until("and the other", () => /smtp: .*setting smtp_url/.test(server.logsSinceStart()))
    const incus = await outside(server, "incus")
    assert.deepEqual([incus.status, incus.setting, incus.building], ["failed", "incus_url", true])
    assert.match(incus.advice, /incus_url/)
    assert.ok(!incus.detail, "names of machines are for the staff")
    const ready = await server.get("/readyz")
    assert.deepEqual([ready.status, ready.body.status], [200, "degraded"])
    const staff = await logIn(server)
    const attention = await until("the dashboard says it", async () => {
      const all = (await server.get("/api/dashboard/metrics", { headers: staff.headers })).body.attention
      return ["check_incus", "check_smtp"].every(kind => all.some((/** @type {any} */ item) => item.kind === kind)) && all
    })
    const item = attention.find((/** @type {any} */ one) => one.kind === "check_incus")
    assert.deepEqual([item.severity, item.setting, item.advice], ["high", "incus_url", incus.advice])
  })

  test("takes no money: the sign-up says why, before the form and after it", async () => {
    await until("it is closed", async () => (await server.get("/api/plans")).body.availability === "paused")
    const customer = new Customer(server)
    const answer = await server.post("/api/checkout", customer.form())
    assert.deepEqual([answer.status, answer.body.code], [503, "building_paused"], answer.text)
    assert.ok(Number(answer.headers["retry-after"]) > 0)
  })
})

test("`config check --connect` tries everything and names the settings", () =>
  withServer(async server => {
    const [port] = await freePorts(1)
    const good = await run(["config", "check", "--connect"], { settings: server.settings })
    assert.equal(good.code, 0, good.output)
    for (const name of ["database", "database_rights", "stripe", "disk", "clock", "fonts", "backup_target"])
      assert.match(good.output, new RegExp(`^ok +${name}\\b`, "m"))
    const bad = await run(["config", "check", "--connect"], {
      settings: {
        ...server.settings,
        smtp_url: `smtp://user:secret-word@localhost:${port}`,
        stripe_api_base: server.sandboxUrl,
        stripe_secret_key: "sk_test_of_somebody_else",
        stripe_webhook_secret: "whsec_x",
        tenant_domain: "tenants.invalid",
        backup_dir: "/proc/backups",
      },
    })
    assert.equal(bad.code, 1, bad.output)
    for (const [name, setting] of [
      ["smtp", "smtp_url"],
      ["stripe", "stripe_secret_key"],
      ["dns", "tenant_domain"],
      ["backup_target", "backup_dir"],
    ])
      assert.match(bad.output, new RegExp(`^failed +${name} \\(${setting}\\): `, "m"))
    assert.ok(!bad.output.includes("secret-word"), "secrets stay hidden")
  }))

test("`config check --connect` tells which packages have fonts where there are none", () =>
  withServer(async server => {
    const none = `${server.dataDir}/no-fonts.conf`
    writeFileSync(none, "<fontconfig/>")
    const words = [`FONTCONFIG_FILE=${none}`, BINARY, "config", "check", "--connect"]
    const checked = await run(words, { settings: server.settings, binary: "/usr/bin/env" })
    assert.equal(checked.code, 1, checked.output)
    assert.match(checked.output, /^failed +fonts: no fonts are installed.* fonts-inter and fonts-dejavu-core$/m)
  }))

test("a Stripe that hangs holds one visitor for a moment, and the others not at all", async () => {
  let isHanging = true
  let asked = 0
  const stripe = await stripeThat((request, response) => {
    if (isHanging) {
      if (request.url === "/v1/customers") asked += 1
      return
    }
    const id = request.url === "/v1/customers" ? "cus_1" : "cs_1"
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ id, object: "test", url: "https://pay.example/1", status: "open" }))
  })
  try {
    await withServer(
      async server => {
        const visitors = Array.from({ length: 6 }, () => new Customer(server))
        const answers = await Promise.all(
          visitors.map(visitor => server.post("/api/checkout", visitor.form(), { from: visitor.address })),
        )
        for (const answer of answers) assert.deepEqual([answer.status, answer.body.code], [502, "stripe_unavailable"])
        // As many as wait at the same moment find out; whoever comes after them is spared it.
        assert.ok(asked <= 2, `${asked} visitors waited for Stripe`)
        await until("it is known", async () => (await outside(server, "stripe")).status === "failed")
        isHanging = false
        await until("sign-ups are taken again", async () => {
          const visitor = visitors[0] ?? new Customer(server)
          return (await server.post("/api/checkout", visitor.form(), { from: visitor.address })).status === 201
        })
      },
      { settings: stripe.settings },
    )
  } finally {
    stripe.close()
  }
})

test("a clock that is wrong is named, not the payment service", async () => {
  const stripe = await stripeThat((_, response) => {
    response.setHeader("date", new Date(Date.now() + 2 * 60 * 60_000).toUTCString())
    response.statusCode = 400
    response.end(JSON.stringify({ error: { type: "invalid_request_error", message: "The `expires_at` timestamp must be later" } }))
  })
  try {
    await withServer(
      async server => {
        const visitor = new Customer(server)
        const answer = await server.post("/api/checkout", visitor.form(), { from: visitor.address })
        assert.deepEqual([answer.status, answer.body.code], [503, "server_clock_wrong"], answer.text)
        await until("the log says it", () => /clock is 120 min behind Stripe's/.test(server.logs()))
        const clock = await until("it is known", async () => {
          const seen = await outside(server, "clock")
          return seen.status === "failed" && seen
        })
        assert.match(clock.advice, /clock/)
      },
      { settings: stripe.settings },
    )
  } finally {
    stripe.close()
  }
})

for (const [whom, which] of /** @type {const} */ ([["worker", 1], ["master", 0]]))
  test(`a HAProxy whose ${whom} hangs is ended and starts again`, () =>
    withServer(async server => {
      const before = roles(server.dataDir).haproxies.map(({ pid }) => pid)
      signal(before[which] ?? 0, "SIGSTOP")
      await until("others have their place", () => {
        const now = roles(server.dataDir).haproxies.map(({ pid }) => pid)
        return now.length === 2 && now.every(pid => !before.includes(pid))
      })
      await until("the door is open", async () => (await server.get("/readyz")).status === 200)
      assert.match(server.logs(), /haproxy.*does not answer/)
    }))
