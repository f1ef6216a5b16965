// A full disk: whoever writes is told to come again, nothing that was accepted is lost, and it goes
// on by itself when there is space. The disk is a small one in memory, mounted in a namespace of
// this file's own, so that it is gone however the test ends.

import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { Customer, logIn } from "../support/customer.mjs"
import { value } from "../support/database.mjs"
import { killAll, roles } from "../support/processes.mjs"
import { run, Server } from "../support/server.mjs"
import { final, until } from "../support/until.mjs"

const { NODE_TEST_CONTEXT: _, ONBOARDING_TEST_OWN_MOUNTS: ownMounts, ...environment } = process.env

if (!ownMounts) {
  const mayMount = process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0
  test("a full disk", { skip: !mayMount && "needs root and mount namespaces" }, async () => {
    const inside = spawn(
      "unshare",
      ["--mount", "--propagation", "private", process.execPath, "--test", "--test-reporter=spec", fileURLToPath(import.meta.url)],
      { env: { ...environment, ONBOARDING_TEST_OWN_MOUNTS: "yes" }, stdio: ["ignore", "pipe", "pipe"] },
    )
    let output = ""
    for (const stream of [inside.stdout, inside.stderr]) stream.on("data", chunk => (output += chunk))
    const code = await new Promise(resolve => inside.once("close", resolve))
    assert.equal(code, 0, output)
    assert.doesNotMatch(output, /# tests 0|ℹ tests 0/)
  })
} else {
  describe("a full disk", runInside)
}

function runInside() {
  /** @type {Server} */
  let server
  /** @type {string} */
  let ballast
  before(async () => {
    server = await Server.prepare()
    ballast = join(server.dataDir, "ballast")
    mount("400m")
  })
  after(async () => {
    await killAll(server.directory)
    while (spawnSync("umount", [server.dataDir]).status === 0);
    await server.remove()
  })

  /** @param {string} size */
  function mount(size) {
    mkdirSync(server.dataDir, { recursive: true })
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=711`, "none", server.dataDir], { encoding: "utf8" })
    assert.equal(mounted.status, 0, mounted.stderr)
  }

  /** Takes what is left, to the last block. */
  function fill() {
    const file = openSync(ballast, "a")
    try {
      for (const size of [1 << 20, 4096])
        try {
          for (;;) writeSync(file, Buffer.alloc(size, 1))
        } catch (error) {
          assert.equal(/** @type {any} */ (error).code, "ENOSPC")
        }
    } finally {
      closeSync(file)
    }
  }

  test("is told to who writes, and passes without a restart", async t => {
    await server.start()
    const first = new Customer(server)
    await first.goLive()
    const session = await logIn(server)
    const { pid } = server
    const postmaster = roles(server.dataDir).postmaster?.pid

    /** @type {Customer[]} */
    const accepted = []
    fill()
    // What fits into pages that are there already is still taken.
    const refused = await until("a sign-up is told to come again", async () => {
      fill()
      const visitor = new Customer(server)
      const answer = await server.post("/api/checkout", visitor.form(), { from: visitor.address })
      if (answer.status === 201) {
        visitor.checkoutUrl = answer.body.checkout_url
        visitor.statusUrl = answer.body.status_url
        accepted.push(visitor)
      }
      const isTold = [502, 503].includes(answer.status) && Number(answer.headers["retry-after"]) > 0
      if (answer.status !== 201 && !isTold) throw final(answer.text)
      // A full disk is called that, also where it keeps the sandbox from opening a page.
      if (answer.body.code === "stripe_unavailable") throw final(answer.text)
      return answer.status === 503 && answer
    }, { every: 1 })
    t.diagnostic(`${accepted.length} sign-ups were still taken`)
    assert.match(refused.body.code, /^(disk_full|building_paused)$/)
    assert.match(server.logs(), /POST \/api\/checkout[^\n]*(No space left on device|disk is full)/)

    // Reading goes on.
    assert.equal((await server.get("/api/plans")).status, 200)
    assert.equal((await server.get("/api/tenants", { headers: session.headers })).status, 200)
    await first.assertTenantAnswers()
    assert.equal((await first.status()).state, "live")

    rmSync(ballast)
    const late = new Customer(server)
    await until("sign-ups are taken again", async () => {
      const answer = await server.post("/api/checkout", late.form(), { from: late.address })
      late.checkoutUrl = answer.body?.checkout_url
      late.statusUrl = answer.body?.status_url
      return answer.status === 201
    })
    await late.pay()
    await late.untilLive()
    assert.equal(server.pid, pid)
    assert.equal(roles(server.dataDir).postmaster?.pid, postmaster, "PostgreSQL has survived")
    const names = accepted.map(({ subdomain }) => `'${subdomain}'`)
    assert.equal(await value(server.dataDir, `SELECT count(*) FROM tenants WHERE subdomain IN (${["''", ...names].join()})`), accepted.length)
    if (accepted[0]) {
      await accepted[0].pay()
      await accepted[0].untilLive()
    }
    await late.assertTenantAnswers()
    assert.equal(await value(server.dataDir, "SELECT count(*) FROM jobs WHERE state = 'dead'"), 0)
    const audit = await run(["audit", "verify"], { settings: { data_dir: server.dataDir } })
    assert.equal(audit.code, 0, audit.output)
  })

  test("at the start is a sentence that says what to do; with space again everything is there", async () => {
    const tenants = await value(server.dataDir, "SELECT count(*) FROM tenants WHERE state = 'live'")
    await server.stop()
    await server.nothingLeft()
    fill()
    const ended = await run(["serve"], { settings: server.settings })
    assert.equal(ended.code, 1, ended.output)
    assert.match(ended.output.trim().split("\n").at(-1) ?? "", /^onboarding: .*(No space left on device|disk .* full).*free some space/)
    await server.nothingLeft()
    rmSync(ballast)
    await server.start()
    assert.equal(await value(server.dataDir, "SELECT count(*) FROM tenants WHERE state = 'live'"), tenants)
    await server.stop()
    await server.nothingLeft()
  })

  test("too small for the first start is told as well, and nothing half made is in the way later", async () => {
    mount("12m")
    const ended = await run(["serve"], { settings: server.settings })
    assert.equal(ended.code, 1, ended.output)
    assert.match(ended.output.trim().split("\n").at(-1) ?? "", /^onboarding: .*(No space left on device|disk .* full).*free some space/)
    await server.nothingLeft()
    const larger = spawnSync("mount", ["-o", "remount,size=400m", server.dataDir], { encoding: "utf8" })
    assert.equal(larger.status, 0, larger.stderr)
    await server.start()
    assert.equal((await server.get("/readyz")).status, 200)
    await server.stop()
  })
}
