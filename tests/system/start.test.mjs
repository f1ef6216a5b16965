// Starting and stopping: the box, one server per data directory, everything still there afterwards.

import assert from "node:assert/strict"
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { roles } from "../support/processes.mjs"
import { run, Server, withServer } from "../support/server.mjs"
import { until } from "../support/until.mjs"

describe("a running server", () => {
  /** @type {Server} */
  let server
  before(async () => {
    server = await Server.prepare()
    await server.start()
  })
  after(() => server?.remove())

  test("prints one box with what a person needs", () => {
    const box = server.logs().match(/^\+-+\+$[\s\S]*?^\+-+\+$/m)?.[0] ?? ""
    const lines = box.split("\n")
    assert.equal(new Set(lines.map(line => line.length)).size, 1, box)
    for (const part of [
      `${server.url}/`,
      `${server.url}/admin`,
      `${server.url}/docs`,
      server.email,
      `http://<name>.localhost:${server.tenantPort}`,
      `${server.sandboxUrl}/sandbox`,
      server.dataDir,
      join(server.dataDir, "tls/ca.pem"),
      "Ctrl-C",
    ])
      assert.ok(box.includes(part), `${part} is missing in\n${box}`)
    assert.ok(!server.logs().includes(server.password), "a password that was given is not printed")
  })

  test("keeps its secrets to itself", () => {
    for (const [path, mode] of Object.entries({ secrets: 0o700, "secrets/master_key": 0o600, "tls/ca.key": 0o600, mails: 0o700 }))
      assert.equal(statSync(join(server.dataDir, path)).mode & 0o777, mode, path)
  })

  test("is the only one on its data directory", async () => {
    const second = await run(["serve"], { settings: { ...server.settings } })
    assert.equal(second.code, 1)
    assert.equal(
      second.output.trim().split("\n").at(-1),
      `onboarding: another onboarding (pid ${server.pid}) already uses ${server.dataDir}: stop it first, or set another data_dir`,
    )
    assert.equal((await server.get("/readyz")).status, 200, "the first one is not disturbed")
  })

  test("SIGHUP, a terminal that goes away, changes nothing", async () => {
    process.kill(server.pid, "SIGHUP")
    assert.equal((await server.get("/readyz")).status, 200)
    assert.ok(server.isRunning)
  })

  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
    test(`${signal} stops everything and the next start finds everything`, async () => {
      const customer = new Customer(server)
      await customer.goLive()
      await customer.assertTenantAnswers()
      const page = await server.tenant(customer.subdomain)
      const session = await logIn(server)

      const { code, signal: endedBy } = await server.stop(signal)
      assert.deepEqual({ code, endedBy }, { code: 0, endedBy: null }, server.logsSinceStart())
      await server.nothingLeft()
      assert.ok(!existsSync(join(server.dataDir, "postgres/data/postmaster.pid")), "PostgreSQL was shut down cleanly")

      await server.start()
      assert.match(server.logsSinceStart(), /Log in\s+as before/)
      const status = await customer.status()
      assert.equal(status.state, "live")
      const me = await server.get("/api/admin/me", { headers: session.headers })
      assert.equal(me.status, 200, me.text)
      assert.equal(me.body.email, server.email)
      await until("the tenant answers", async () => (await server.tenant(customer.subdomain)).status === 200)
      await customer.assertTenantAnswers()
      assert.equal((await server.tenant(customer.subdomain)).headers["x-tenant-id"], page.headers["x-tenant-id"])
    })

  test("a stop in the middle of a start leaves nothing behind", async () => {
    await server.stop()
    await server.nothingLeft()
    for (const moment of ["starting the database", "starting the Stripe sandbox", "starting tenants"]) {
      server.launch()
      await until(`it says ${moment}`, () => !server.isRunning || server.logsSinceStart().includes(moment), { every: 2 })
      const { code, signal } = await server.stop("SIGINT")
      assert.ok(code === 0 && signal === null, `${moment}: ended with ${code ?? signal}\n${server.logsSinceStart()}`)
      await server.nothingLeft()
    }
    await server.start()
  })
})

test("a password is made and shown once when none was set", () =>
  withServer(
    async server => {
      const password = server.logs().match(/\|\s+Password\s+(\S+)\s+\(shown only now\)/)?.[1] ?? ""
      assert.ok(password.length >= 12, server.logs())
      server.password = password
      await logIn(server)
      await server.restart()
      assert.ok(!server.logsSinceStart().includes(password))
      await logIn(server)
      const reset = await run(["admin", "reset-password", server.email], {
        settings: { data_dir: server.dataDir },
        input: "another good password\n",
      })
      assert.equal(reset.code, 0, reset.output)
      server.password = "another good password"
      await logIn(server)
      assert.equal(roles(server.dataDir).tenants.length, 0)
      assert.ok(!readFileSync(server.logFile, "utf8").includes(server.password))
    },
    { settings: { owner_password: "" } },
  ))
