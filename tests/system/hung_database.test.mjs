// A database that is there and says nothing (a dead disk behind it, a stopped virtual machine): worse
// than one that is gone, because everybody would wait. Here all its processes are stopped.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { after, before, test } from "node:test"
import { Customer } from "../support/customer.mjs"
import { value } from "../support/database.mjs"
import { isAlive, processesOf, signal } from "../support/processes.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

/** @type {Server} */
let server
/** @type {Customer} */
let customer
before(async () => {
  server = await Server.prepare()
  await server.start()
  customer = new Customer(server)
  await customer.goLive()
})
after(async () => {
  for (const pid of stopped) signal(pid, "SIGCONT")
  await server?.remove()
})

/** @type {Set<number>} */
const stopped = new Set()
const isPostgres = (/** @type {string[]} */ command) => /^postgres:|\/postgres$/.test(command[0] ?? "")
const isStopped = (/** @type {number} */ pid) => /\) T /.test(readFileSync(`/proc/${pid}/stat`, "latin1"))

/** New ones may come while we look. */
async function stopDatabase() {
  await until("all of PostgreSQL stands still", () => {
    const running = processesOf(server.dataDir).filter(({ pid, command }) => isPostgres(command) && !isStopped(pid))
    for (const { pid } of running) if (signal(pid, "SIGSTOP")) stopped.add(pid)
    return running.length === 0
  })
}
function continueDatabase() {
  for (const pid of stopped) if (isAlive(pid)) signal(pid, "SIGCONT")
  stopped.clear()
}

/** The answer, and after how many seconds it came. @param {Promise<any>} answer */
async function timed(answer) {
  const begun = Date.now()
  return { ...(await answer), seconds: (Date.now() - begun) / 1000 }
}

test("everybody is told to come again while it hangs, and it goes on by itself", async t => {
  const connections = () => value(server.dataDir, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'onboarding'")
  assert.ok((await connections()) > 0)
  for (let round = 0; round < 2; round++) {
    await stopDatabase()
    // More than there are threads: nobody waits behind those who wait.
    const paths = ["/api/plans", "/readyz", "/api/subdomains/free", "/readyz", "/api/plans", "/api/plans", "/api/plans", "/readyz", "/api/plans", "/readyz"]
    const all = [
      ...paths.map(path => timed(server.get(path))),
      timed(server.post("/api/checkout", new Customer(server).form())),
      timed(server.get("/ws/signups/1.x")),
    ]
    const answers = await Promise.all(all)
    assert.ok([...stopped].every(isStopped), "it still hangs")
    for (const answer of answers.slice(0, -1)) {
      assert.equal(answer.status, 503, answer.text)
      assert.ok(Number(answer.headers["retry-after"]) > 0)
    }
    assert.equal(answers[1].body.database.status, "failed")
    assert.match(answers[1].body.database.detail, /does not answer/)
    assert.equal((await server.get("/healthz")).status, 200)
    t.diagnostic(`told after ${answers.map(({ seconds }) => seconds.toFixed(1)).join(", ")} s`)
    // The tenant's program lives on the same server here: what needs no row works, the rest says so.
    assert.equal((await server.tenant(customer.subdomain, "/style.css")).status, 200)
    const page = await timed(server.tenant(customer.subdomain))
    assert.equal(page.status, 503)
    assert.ok(Number(page.headers["retry-after"]) > 0)
    t.diagnostic(`a tenant's page after ${page.seconds.toFixed(1)} s`)

    continueDatabase()
    const begun = Date.now()
    await until("the first answers are back", async () => (await server.get("/api/plans")).status === 200)
    await until("every dependency works", async () => (await server.get("/readyz")).status === 200)
    t.diagnostic(`back after ${((Date.now() - begun) / 1000).toFixed(1)} s`)
    await until("the tenant answers", async () => (await server.tenant(customer.subdomain)).status === 200)
  }
  const lines = server.logsSinceStart().split("\n")
  assert.ok(lines.some(line => /PostgreSQL does not answer/.test(line)))
  assert.ok(lines.some(line => /PostgreSQL answers again/.test(line)))
  const second = new Customer(server)
  await second.goLive()
})
