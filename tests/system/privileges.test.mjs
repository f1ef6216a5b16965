// Started as root: who is root afterwards, and that everything that needs it still works.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, copyFileSync, existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, value } from "../support/database.mjs"
import { processesOf, roles, signal } from "../support/processes.mjs"
import { freePorts, run, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

const needsRoot = process.getuid?.() !== 0 && "needs root"

/** A line of /proc/PID/status. @param {string} place @param {string} name */
const line = (place, name) =>
  (readFileSync(`${place}/status`, "utf8").match(new RegExp(`^${name}:\\s+(.*)$`, "m"))?.[1] ?? "").trim()
/** @param {string} place */
const users = place => line(place, "Uid").split(/\s+/).map(Number)
/** @param {number} pid */
const userOf = pid => users(`/proc/${pid}`)[0]
/** @param {Server} server */
const helperOf = server => processesOf(server.dataDir).find(({ command }) => command.includes("root-helper"))?.pid ?? 0

/** @param {Server} server @param {string} method @param {string} path @param {object} [body] */
async function ask(server, method, path, body) {
  const { accessToken } = await logIn(server)
  const answer = await server.get(path, { method, body, headers: { authorization: `Bearer ${accessToken}` } })
  assert.ok(answer.status < 300, answer.text)
  return answer.body
}

/** Sockets of a process that wait for somebody. @param {number} pid */
function listening(pid) {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map(name => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`).match(/^socket:\[(\d+)\]$/)?.[1]
    } catch {
      return undefined
    }
  }))
  const lines = (/** @type {string} */ table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1).map(text => text.trim().split(/\s+/))
  return [
    ...["tcp", "tcp6"].flatMap(table => lines(table).filter(words => words[3] === "0A" && own.has(words[9]))),
    ...lines("unix").filter(words => words[3] === "00010000" && own.has(words[6])),
  ]
}

describe("started as root", { skip: needsRoot }, () => {
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
  after(() => server?.remove())

  test("no thread of the program is root, or could become it", () => {
    const threads = readdirSync(`/proc/${server.pid}/task`).map(id => `/proc/${server.pid}/task/${id}`)
    assert.ok(threads.length > 4)
    for (const thread of threads) {
      assert.ok(users(thread).every(user => user !== 0), line(thread, "Uid"))
      assert.ok(line(thread, "Gid").split(/\s+/).every(group => Number(group) !== 0))
      assert.ok(!line(thread, "Groups").split(/\s+/).includes("0"))
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.equal(BigInt(`0x${line(thread, set)}`), 0n, set)
      assert.equal(line(thread, "NoNewPrivs"), "1")
    }
    assert.ok(listening(server.pid).length > 0)
  })

  test("a list is written into a file of the program's own, which leaves nothing behind", async () => {
    const file = await ask(server, "GET", "/api/tenants/export?format=json")
    assert.equal(file.rows, 1)
    assert.equal(file.data[0].state, "live")
    assert.deepEqual(readdirSync(join(server.dataDir, "exports")), [])
  })

  test("the helper alone is root; it listens to nobody and holds little", () => {
    const all = processesOf(server.dataDir)
    assert.ok(all.length > 8)
    const helper = helperOf(server)
    assert.deepEqual(all.filter(({ pid }) => users(`/proc/${pid}`).includes(0)).map(({ pid }) => pid), [helper])
    assert.deepEqual(listening(helper), [])
    assert.equal(readdirSync(`/proc/${helper}/task`).length, 1)
    const sockets = readdirSync(`/proc/${helper}/fd`).filter(name => readlinkSync(`/proc/${helper}/fd/${name}`).startsWith("socket:"))
    assert.equal(sockets.length, 1)
    assert.ok(readdirSync(`/proc/${helper}/fd`).length < 20)
    const told = readFileSync(`/proc/${helper}/environ`, "utf8").split("\0").map(entry => entry.split("=")[0]).filter(Boolean)
    assert.deepEqual(told.sort(), ["LANG", "PATH"])
  })

  test("the program, its sandbox, its front door, its database and its tenants are different users", () => {
    const found = roles(server.dataDir)
    const all = [server.pid, found.sandbox?.pid, found.haproxies[0]?.pid, found.haproxies[1]?.pid, found.postmaster?.pid, found.tenants[0]?.pid]
    assert.equal(found.haproxies.length, 2)
    assert.equal(new Set(all.map(pid => userOf(pid ?? 0))).size, 5)
  })

  test("what it writes is its own, and where tenants lie it can move nothing", () => {
    const user = userOf(server.pid)
    for (const name of ["secrets", "secrets/master_key", "secrets/postgres_password", "tls", "tls/ca.key", "logs", "mails", "backups", "front_door"])
      assert.equal(lstatSync(join(server.dataDir, name)).uid, user, name)
    for (const name of ["", "tenants"]) {
      const { uid, gid, mode } = lstatSync(join(server.dataDir, name))
      assert.equal(uid, 0, name)
      assert.equal(mode & 0o002, 0, name)
      assert.ok(gid === 0 || (mode & 0o020) === 0, name)
    }
  })

  test("a tenant is backed up, loses a file, is restored, and its files are counted", async () => {
    const room = join(server.dataDir, "tenants/1")
    const { uid } = lstatSync(room)
    /** @param {string} script */
    const asTenant = script => execFileSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "sh", "-c", script], { cwd: room, encoding: "utf8" })
    const disk = () => value(server.dataDir, "SELECT disk FROM tenant_health WHERE tenant_id = 1 ORDER BY id DESC LIMIT 1")
    const isDue = () => execute(server.dataDir, "UPDATE tenant_health SET timestamp = timestamp - interval '2 minutes'")
    const before = await until("it was measured", disk)
    asTenant("echo precious >kept; head -c 5000000 /dev/urandom >large")
    await isDue()
    await until("it is counted", async () => (await disk()) > before + 4_900_000)
    await ask(server, "POST", "/api/tenants/ten_1/backups")
    await until("it is backed up", async () =>
      (await value(server.dataDir, "SELECT count(*) FROM tenant_backups WHERE state = 'verified'")) === 1)
    asTenant("rm kept; echo later >later")
    await ask(server, "POST", "/api/tenants/ten_1/backups/bkp_1/restore", { confirm: customer.subdomain })
    await until("it is restored", async () =>
      (await value(server.dataDir, "SELECT count(*) FROM tenant_operations WHERE kind = 'restore' AND state = 'succeeded'")) === 1)
    assert.equal(asTenant("cat kept; ls -d later 2>&1 | wc -l; stat -c %u . kept app.json | sort -u").replace(/ls:.*\n/, ""), `precious\n1\n${uid}\n`)
    assert.deepEqual(readdirSync(join(server.dataDir, "tenants")), ["1"])
    await customer.assertTenantAnswers()
  })

  test("what root's commands write stays the program's", async () => {
    const { code, output } = await run(["keys", "rotate"], { settings: server.settings })
    assert.equal(code, 0, output)
    for (const name of readdirSync(join(server.dataDir, "secrets")))
      assert.equal(lstatSync(join(server.dataDir, "secrets", name)).uid, userOf(server.pid), name)
  })

  test("the program is killed: nothing of it stays, and the next start has everything", async () => {
    await server.kill9()
    await server.nothingLeft()
    await server.start()
    await customer.assertTenantAnswers()
  })

  test("the helper is killed: the program says so, ends, and nothing of it stays", async () => {
    signal(helperOf(server), "SIGKILL")
    const { code, output } = await server.ended()
    assert.equal(code, 1)
    assert.match(output, /the root helper has ended/)
    await server.nothingLeft()
    await server.start()
    await customer.assertTenantAnswers()
  })

  test("a directory that was root's goes over to the program's user", async () => {
    await server.stop()
    const ours = ["secrets", "logs", "mails", "tls", "front_door", "backups", "audit", "acme"].map(name => join(server.dataDir, name))
    execFileSync("chown", ["-R", "0:0", ...ours])
    chmodSync(join(server.dataDir, "tenants"), 0o711)
    chownSync(join(server.dataDir, "tenants"), 0, 0)
    renameSync(join(server.dataDir, "secrets/installation"), join(server.dataDir, "installation"))
    await server.start()
    assert.ok(!existsSync(join(server.dataDir, "installation")))
    assert.ok(!server.logsSinceStart().includes("has got an id of its own"))
    await customer.assertTenantAnswers()
    await ask(server, "POST", "/api/tenants/ten_1/backups/bkp_1/restore", { confirm: customer.subdomain })
    await until("it is restored", async () =>
      (await value(server.dataDir, "SELECT count(*) FROM tenant_operations WHERE kind = 'restore' AND state = 'succeeded'")) === 2)
  })
})

test("ports below 1024, a certificate and a master key that only root may read", { skip: needsRoot }, async () => {
  const [sandbox_port, tenant_port] = await freePorts(2)
  const first = await Server.prepare()
  await first.start()
  await first.stop()
  const certificate_file = join(first.directory, "certificate.pem")
  copyFileSync(join(first.dataDir, "tls/server.pem"), certificate_file)
  const master_key_file = join(first.directory, "master_key")
  renameSync(join(first.dataDir, "secrets/master_key"), master_key_file)
  for (const file of [certificate_file, master_key_file]) {
    chownSync(file, 0, 0)
    chmodSync(file, 0o600)
  }
  const low = 1023 - Math.floor(Math.random() * 200)
  const server = new Server(first.directory, { ...first.settings, http_port: low, tenant_port, sandbox_port, certificate_file, master_key_file })
  try {
    await server.start()
    assert.equal(userOf(roles(server.dataDir).haproxies[0]?.pid ?? 0) === 0, false)
    const customer = new Customer(server)
    await customer.goLive()
  } finally {
    await server.remove()
  }
})

test("what only root may use is refused by the setting's name before anything starts", { skip: needsRoot }, async () => {
  const server = await Server.prepare()
  try {
    const closed = join(server.directory, "authority.pem")
    writeFileSync(closed, "", { mode: 0o600 })
    const { code, output } = await run(["config", "check"], { settings: { ...server.settings, acme_ca_file: closed } })
    assert.equal(code, 2)
    assert.match(output, /acme_ca_file names .* that the program runs as cannot read/)
  } finally {
    await server.remove()
  }
})
