// A customer's own domain from its DNS to TLS: with a real HAProxy, Debian's ACME test server Pebble,
// which fetches the answer through the front door, and a name server that this test is.

import assert from "node:assert/strict"
import { execFile, execFileSync, spawn } from "node:child_process"
import { createSocket } from "node:dgram"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import tls from "node:tls"
import { promisify } from "node:util"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, rows } from "../support/database.mjs"
import { send } from "../support/http.mjs"
import { roles, signal } from "../support/processes.mjs"
import { Server, freePorts } from "../support/server.mjs"
import { until } from "../support/until.mjs"

const SHOP = "shop.customer.test"
const TYPE_A = 1
const TYPE_CNAME = 5

/** @param {string} name */
const encoded = name => Buffer.concat([...name.split(".").map(label => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])

/** @param {string} name @param {number} type @param {Buffer} data */
function record(name, type, data) {
  const middle = Buffer.from([0, type, 0, 1, 0, 0, 0, 0, data.length >> 8, data.length & 255])
  return Buffer.concat([encoded(name), middle, data])
}

/** Every name has the address 127.0.0.1, but for those that lead to another one or do not exist (null). */
class NameServer {
  /** @type {Map<string, string | null>} */
  aliases = new Map()
  #socket = createSocket("udp4")

  async listen() {
    this.#socket.on("message", (question, from) => this.#socket.send(this.#answer(question), from.port, from.address))
    await new Promise(resolve => this.#socket.bind(0, "127.0.0.1", () => resolve(undefined)))
    return `127.0.0.1:${this.#socket.address().port}`
  }

  close() {
    this.#socket.close()
  }

  /** @param {Buffer} question */
  #answer(question) {
    const labels = []
    let at = 12
    for (; question[at]; at += question[at] + 1) labels.push(question.toString("latin1", at + 1, at + 1 + question[at]))
    const name = labels.join(".").toLowerCase()
    const type = question.readUInt16BE(at + 1)
    const alias = this.aliases.get(name)
    const answers = []
    if (alias) answers.push(record(name, TYPE_CNAME, encoded(alias)))
    if (alias !== null && type === TYPE_A) answers.push(record(alias ?? name, TYPE_A, Buffer.from([127, 0, 0, 1])))
    const head = Buffer.from([question[0], question[1], 0x85, alias === null ? 0x83 : 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0])
    return Buffer.concat([head, question.subarray(12, at + 5), ...answers])
  }
}

/** Pebble, and who signed its own certificate. */
class Pebble {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child

  /** @param {string} directory @param {number} httpPort @param {string} dnsServer */
  async start(directory, httpPort, dnsServer) {
    mkdirSync(directory)
    const [port, management] = await freePorts(2)
    const at = (/** @type {string} */ name) => join(directory, name)
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
      "/CN=pebble", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", at("key.pem"), "-out", at("ca.pem")], { stdio: "ignore" })
    writeFileSync(at("config.json"), JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: at("ca.pem"),
        privateKey: at("key.pem"),
        httpPort,
        tlsPort: 1,
        ocspResponderURL: "",
        externalAccountBindingRequired: false,
      },
    }))
    this.directoryUrl = `https://localhost:${port}/dir`
    this.caFile = at("ca.pem")
    this.#child = spawn("pebble", ["-config", at("config.json"), "-dnsserver", dnsServer], {
      stdio: ["ignore", "ignore", "ignore"],
      env: { PATH: process.env.PATH, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0" },
    })
    const ca = execFileSync("cat", [this.caFile], { encoding: "utf8" })
    await until("Pebble answers", async () => (await send(this.directoryUrl ?? "", { ca })).status === 200)
    /** What signs the certificates that it issues. */
    this.root = (await send(`https://localhost:${management}/roots/0`, { ca })).text
    return this
  }

  stop() {
    this.#child?.kill("SIGKILL")
  }
}

/** @type {NameServer} */
let names
/** @type {Pebble} */
let pebble
/** @type {Server} */
let server
/** @type {Customer} */
let customer
/** @type {(method: string, path?: string, body?: object) => Promise<import("../support/http.mjs").Answer>} */
let ask

before(async () => {
  names = new NameServer()
  const dns_server = await names.listen()
  server = await Server.prepare({ dns_server, acme_email: "hostmaster@platform.test" })
  pebble = await new Pebble().start(join(server.directory, "pebble"), server.tenantPort, dns_server)
  Object.assign(server.settings, { acme_directory_url: pebble.directoryUrl, acme_ca_file: pebble.caFile })
  await server.start()
  customer = new Customer(server, { subdomain: "acme" })
  await customer.goLive()
  const { writing } = await logIn(server)
  const [{ id }] = await rows(server.dataDir, "SELECT id FROM tenants")
  ask = (method, path = "", body) => {
    const options = { method, headers: writing, ca: server.ca(), body }
    return send(`${server.url}/api/tenants/ten_${id}/domains${path}`, options)
  }
})
after(async () => {
  await server?.remove()
  pebble?.stop()
  names?.close()
})

/** A TLS handshake by this name; the certificate that was served, verified. @param {string} name @returns {Promise<tls.PeerCertificate>} */
function handshake(name) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port: Number(server.settings.http_port), servername: name, ca: pebble.root }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on("error", reject)
  })
}

/** The page at a name of the platform over TLS, then the status. By curl: Node takes no certificate for *.localhost. @param {string} name */
async function byName(name) {
  const address = `${name}:${server.settings.http_port}`
  const words = ["-sk", "--resolve", `${address}:127.0.0.1`, "-w", " %{http_code}", `https://${address}/`]
  return (await promisify(execFile)("curl", words)).stdout
}

async function shop() {
  const list = await ask("GET")
  return list.body.data.find((/** @type {any} */ { domain }) => domain === SHOP)
}

const byTls = (/** @type {string} */ path = "/") => send(`https://${SHOP}:${server.settings.http_port}${path}`, { ca: pebble.root })

describe("a domain of a customer's own", () => {
  test("waits for its DNS, gets a certificate by itself and leads to the tenant over TLS", async () => {
    names.aliases.set(SHOP, null)
    const added = await ask("POST", "", { domain: SHOP })
    assert.equal(added.status, 201, added.text)
    await until("it is seen that it is not in DNS", async () => (await shop()).problem === "no_such_name")

    names.aliases.set(SHOP, "acme.localhost")
    assert.equal((await ask("POST", `/${SHOP}/check`, {})).status, 202)
    await until("it is active", async () => (await shop()).state === "active")
    const page = await until("the tenant answers", async () => {
      const answer = await byTls()
      return answer.status === 200 && answer
    })
    assert.match(page.text, /Company acme/)
    const { issuer, source, not_after } = await shop()
    assert.match(issuer, /Pebble/)
    assert.equal(source, "acme")
    assert.ok(Date.parse(not_after) > Date.now())

    const sent = await send(`http://${SHOP}:${server.tenantPort}/notes?page=2`)
    assert.equal(sent.status, 307)
    assert.equal(sent.headers.location, `https://${SHOP}:${server.settings.http_port}/notes?page=2`)
    // On the port that all share, the name decides: the tenant's own one, the console's, and nobody's.
    assert.match(await byName("acme.localhost"), /Company acme[^]* 200$/)
    assert.equal((await server.get("/readyz")).status, 200)
    assert.match(await byName("nobody.localhost"), / 404$/)
    await assert.rejects(handshake("other.customer.test"))
    assert.equal((await send(`http://${SHOP}:${server.tenantPort}/.well-known/acme-challenge/nothing`)).status, 404)
  })

  test("is served its certificate again after kill -9 of HAProxy, and after that of everything", async () => {
    const { fingerprint } = await handshake(SHOP)
    for (const { pid } of roles(server.dataDir).haproxies) signal(pid, "SIGKILL")
    await until("HAProxy is back", async () => (await handshake(SHOP)).fingerprint === fingerprint)
    await server.kill9()
    await server.start()
    assert.equal((await handshake(SHOP)).fingerprint, fingerprint)
  })

  test("is renewed before its certificate ends, without a reload", async () => {
    const before = await handshake(SHOP)
    const pids = roles(server.dataDir).haproxies.map(({ pid }) => pid)
    await execute(server.dataDir, "UPDATE tenant_domains SET not_after = now() + interval '24 days'")
    await execute(server.dataDir, "UPDATE jobs SET run_at = now() WHERE kind = 'domains.sweep'")
    await until("another certificate is served", async () => (await handshake(SHOP)).serialNumber !== before.serialNumber)
    assert.equal((await shop()).renewals, 1)
    assert.deepEqual(roles(server.dataDir).haproxies.map(({ pid }) => pid), pids)
    const audited = await rows(server.dataDir, "SELECT actor FROM audit_logs WHERE action = 'tenant.certificate_issued' ORDER BY id")
    assert.equal(audited.length, 2)
  })

  test("says in the service's words why a certificate is refused, and leads to the platform's name", async () => {
    const other = "www.customer.test"
    names.aliases.set(other, "acme.localhost")
    // It looks right to us, and Pebble finds nothing there.
    await execute(server.dataDir, `INSERT INTO tenant_domains (domain, tenant_id, created_by, dns_is_right, check_due_at)
      SELECT '${other}', id, 'test', true, now() + interval '1 hour' FROM tenants`)
    names.aliases.set(other, null)
    await execute(server.dataDir, "UPDATE jobs SET run_at = now() WHERE kind = 'domains.sweep'")
    const seen = await until("the attempt has failed", async () => {
      const list = await ask("GET")
      return list.body.data.find((/** @type {any} */ { domain, problem }) => domain === other && problem === "acme_failed")
    })
    assert.match(seen.found, /www\.customer\.test/)
    assert.equal(seen.attempts, 1)
    const away = await until("its address leads away", async () => {
      const answer = await send(`http://${other}:${server.tenantPort}/x`)
      return answer.status === 307 && answer
    })
    assert.equal(away.headers.location, `http://acme.localhost:${server.tenantPort}/x`)
  })

  test("leaves no key in a log, a process or a job", async () => {
    const text = server.logs() + (await execute(server.dataDir, "SELECT payload FROM jobs"))
    assert.doesNotMatch(text, /PRIVATE KEY/)
  })

  test("is gone when it is removed", async () => {
    assert.equal((await ask("DELETE", `/${SHOP}`)).status, 204)
    await until("the front door has forgotten it", async () => (await send(`http://${SHOP}:${server.tenantPort}/`)).status === 404)
    await assert.rejects(handshake(SHOP))
  })
})
