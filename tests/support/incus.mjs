// A private Incus of its own for a test, and a server whose tenants are its containers. However a
// test ends, nothing of it stays: a watcher takes everything away when this process is gone.

import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { logIn } from "./customer.mjs"
import { value } from "./database.mjs"
import { run, Server } from "./server.mjs"
import { until } from "./until.mjs"

const SCRIPT = fileURLToPath(new URL("../../scripts/incus.sh", import.meta.url))
let count = 0

export class Incus {
  /** @param {{ pool?: string }} [options] */
  constructor({ pool = "4GiB" } = {}) {
    count += 1
    this.name = `t${process.pid}x${count}`
    this.place = mkdtempSync("/tmp/ob-incus-")
    chmodSync(this.place, 0o711) // the users of containers walk through it
    this.socket = join(this.place, "incus/unix.socket")
    this.environment = { ...process.env, POOL_SIZE: pool, INCUS_DIR: join(this.place, "incus"), INCUS_CONF: join(this.place, "client") }
    const watcher = spawn(SCRIPT, ["down_after", String(process.pid), this.place, this.name], { detached: true, stdio: "ignore" })
    watcher.unref()
  }

  /** @param {string} verb */
  #script(verb) {
    return execFileSync(SCRIPT, [verb, this.place, this.name], { encoding: "utf8", env: this.environment }).trim()
  }

  up() {
    assert.equal(this.#script("up"), this.socket)
    return this
  }

  down() {
    this.#script("down")
  }

  get pid() {
    return Number(readFileSync(join(this.place, "incusd.pid"), "utf8"))
  }

  /** @param {NodeJS.Signals} name */
  signal(name) {
    process.kill(this.pid, name)
  }

  /** Killed as the kernel would; its containers run on. */
  async kill() {
    const { pid } = this
    this.signal("SIGKILL")
    await until("Incus is gone", () => !isRunning(pid))
  }

  /** The command line client; gives what it printed. @param {string[]} words */
  run(...words) {
    return execFileSync("incus", words, { encoding: "utf8", env: this.environment, stdio: ["ignore", "pipe", "pipe"] }).trim()
  }

  /** A shell inside a container. @param {string} container @param {string} script */
  inside(container, script) {
    return this.run("exec", container, "--", "sh", "-c", script)
  }

  /** Begins something inside a container and does not wait for it. @param {string} container @param {string} script */
  begin(container, script) {
    const child = spawn("incus", ["exec", container, "--", "sh", "-c", script], { env: this.environment, stdio: "ignore" })
    child.unref()
    return child
  }

  /** @returns {any[]} */
  instances() {
    return JSON.parse(this.run("list", "--format", "json"))
  }

  /** The containers of a tenant: one, if all is well. @param {string} id */
  all(id) {
    return this.instances().filter(one => one.config?.["user.onboarding.tenant"] === id.replace("ten_", ""))
  }

  /** @param {string} id */
  of(id) {
    return this.all(id)[0]
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Builds the notebook's image; another build on this machine comes first. @param {import("./server.mjs").Settings} settings */
export async function buildImage(settings) {
  const built = await until("no other image is being built", async () => {
    const ended = await run(["image", "build", "sample"], { settings })
    return !ended.output.includes("another image is being built") && ended
  }, { every: 500, patience: 900_000 })
  assert.equal(built.code, 0, built.output)
}

/** A server on a private Incus, with somebody of the staff who is logged in. */
export class Installation {
  /** @param {Server} server @param {Incus} incus */
  constructor(server, incus) {
    this.server = server
    this.incus = incus
    this.token = ""
  }

  /** @param {{ pool?: string, settings?: import("./server.mjs").Settings, withImage?: boolean }} [options] */
  static async start({ pool, settings, withImage = true } = {}) {
    const incus = new Incus({ pool }).up()
    const server = await Server.prepare({ provisioner: "incus", incus_url: incus.socket, ...settings })
    const made = new Installation(server, incus)
    try {
      if (withImage) await made.buildImage()
      await server.start()
      await made.logIn()
      return made
    } catch (error) {
      await made.remove()
      throw error
    }
  }

  buildImage() {
    return buildImage(this.server.settings)
  }

  async logIn() {
    this.token = (await logIn(this.server)).accessToken
  }

  async remove() {
    await this.server.stop().catch(() => {})
    this.incus.down()
    await this.server.remove()
  }

  /** @param {string} method @param {string} path @param {any} [body] @param {Record<string, string>} [headers] */
  ask(method, path, body, headers = {}) {
    return this.server.get(path, { method, body, headers: { authorization: `Bearer ${this.token}`, ...headers } })
  }

  /** @param {string} id */
  async tenant(id) {
    return (await this.ask("GET", `/api/tenants/${id}`)).body
  }

  /** Asks for a tenant, as staff do; gives its id and does not wait. @param {string} subdomain */
  async begin(subdomain, plan = "starter") {
    const answer = await this.ask("POST", "/api/tenants", {
      company: `Company ${subdomain}`, name: "Ada Lovelace", email: `ada@${subdomain}.example`, country: "ES", locale: "en", subdomain, plan,
    })
    assert.equal(answer.status, 201, answer.text)
    return answer.body.id
  }

  /** The same, and waits. @param {string} subdomain */
  async create(subdomain) {
    const id = await this.begin(subdomain)
    await this.becomes(id, "live")
    return id
  }

  /** @param {string} id @param {string} state */
  async becomes(id, state) {
    /** @type {any} */
    let seen
    return until(`${id} is ${state}`, async () => {
      seen = await this.tenant(id)
      return seen.state === state && seen
    }, { every: 100 }).catch(error => {
      throw new Error(`${error.message}, but ${seen?.state}: ${JSON.stringify(seen?.failure)}\n${this.server.logs().slice(-3000)}`, { cause: error })
    })
  }

  /** @param {string} id @param {object} change */
  async change(id, change) {
    const seen = await this.ask("GET", `/api/tenants/${id}`)
    const answer = await this.ask("PATCH", `/api/tenants/${id}`, change, { "if-match": String(seen.headers.etag) })
    assert.equal(answer.status, 200, answer.text)
    return answer.body
  }

  /** Until its newest operation has ended. @param {string} id */
  operationEnds(id) {
    return until(`an operation of ${id} ends`, async () => {
      const [newest] = (await this.ask("GET", `/api/tenants/${id}/operations`)).body.data
      return ["succeeded", "failed"].includes(newest.state) && newest
    }, { every: 100 })
  }

  /** @param {string} id */
  async backUp(id) {
    const answer = await this.ask("POST", `/api/tenants/${id}/backups`, {})
    assert.equal(answer.status, 202, answer.text)
    return this.operationEnds(id)
  }

  /** @param {string} id */
  async suspend(id) {
    const answer = await this.ask("DELETE", `/api/tenants/${id}?action=suspend`)
    assert.equal(answer.status, 200, answer.text)
    return this.becomes(id, "suspended")
  }

  /** @param {string} id */
  async resume(id) {
    const answer = await this.ask("POST", `/api/tenants/${id}/resume`, {})
    assert.equal(answer.status, 200, answer.text)
    return this.becomes(id, "live")
  }

  /** Compares the world with the rows now, not in ten minutes; gives the open findings. */
  async inspect() {
    const { dataDir } = this.server
    const before = await value(dataDir, "SELECT coalesce(max(id), 0) FROM jobs WHERE kind = 'provisioning.inspect'")
    await value(dataDir, "SELECT enqueue_job('provisioning.inspect', '{}', NULL, NULL, 1)")
    await until("it has looked", async () =>
      (await value(dataDir, `SELECT count(*) FROM jobs WHERE kind = 'provisioning.inspect' AND id > ${before} AND state = 'done'`)) > 0)
    return (await this.ask("GET", "/api/tenants/findings")).body.data.filter((/** @type {any} */ one) => !one.resolved_at)
  }

  /** @param {string} finding @param {string} action */
  async resolve(finding, action) {
    const answer = await this.ask("POST", `/api/tenants/findings/${finding}/resolve`, { action })
    assert.equal(answer.status, 202, answer.text)
  }

  /** It answers at its own address, as itself. @param {string} subdomain @param {string} id */
  async assertAnswers(subdomain, id) {
    const answer = await until(`${subdomain} answers`, async () => {
      const seen = await this.server.tenant(subdomain, "/healthz")
      return seen.status === 200 && seen
    })
    assert.equal(answer.headers["x-tenant-id"], id)
  }
}
