// A private Incus with a blueprint's golden image, and a server whose tenants live there. The image's
// root file system is made once on this machine (minutes); however a test ends, nothing else stays.

import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdtempSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { logIn } from "../support/customer.mjs"
import { BINARY, environment, Server } from "../support/server.mjs"
import { final, until } from "../support/until.mjs"

const SCRIPT = fileURLToPath(new URL("../../scripts/incus.sh", import.meta.url))

/** What the golden image, six tenants and what a restore writes beside the old data take. */
const POOL_SIZE = "12GiB"

/** An application needs many times what anything else in these tests takes. */
export const PATIENCE = 600_000

/** Builds the image, its words going to the person as they come. @param {Server} server @param {string} blueprint */
async function buildImage(server, blueprint) {
  const proxies = Object.entries(process.env).filter(([name]) => name.toLowerCase().endsWith("_proxy"))
  const build = async () => {
    const child = spawn(BINARY, ["image", "build", blueprint, "--if-missing"], {
      env: environment(server.settings, Object.fromEntries(proxies)),
      stdio: ["ignore", 2, "pipe"],
    })
    let words = ""
    child.stderr?.on("data", chunk => {
      words += chunk
      process.stderr.write(chunk)
    })
    const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve))
    if (code === 0) return true
    // One at a time on this machine: somebody else's comes first.
    if (words.includes("another image is being built")) return false
    throw final(`the image of ${blueprint} was not built; see above`)
  }
  await until(`the image of ${blueprint} is built`, build, { every: 5000, patience: 3 * PATIENCE })
}

export class Place {
  /** @param {Server} server @param {string} directory */
  constructor(server, directory) {
    this.server = server
    this.directory = directory
    this.accessToken = ""
  }

  /** @param {string} blueprint */
  static async open(blueprint) {
    // Beside the server's directory: whoever cleans that up would pull the pool away from under Incus.
    const place = new Place(await Server.prepare({ provisioner: "incus", blueprint }), mkdtempSync("/tmp/onboarding-incus-"))
    try {
      chmodSync(place.directory, 0o711) // containers' own users go through it
      spawn(SCRIPT, ["down_after", String(process.pid), ...place.#names()], { stdio: "ignore", detached: true, cwd: "/" }).unref()
      place.server.settings.incus_url = place.#script("up")
      await buildImage(place.server, blueprint)
      await place.server.start()
    } catch (error) {
      await place.close()
      throw error
    }
    return place
  }

  async close() {
    await this.server.stop().catch(() => {})
    this.#script("down")
    await this.server.remove()
  }

  #names() {
    return [this.directory, `b${process.pid}`]
  }

  /** What helps to understand a failure. */
  lastWords() {
    const running = this.instances().filter(one => one.status === "Running")
    const journals = running.map(({ name }) => `--- ${name} ---\n${this.incus(["exec", name, "--", "journalctl", "-n", "40", "--no-pager"])}`)
    return `--- server ---\n${this.server.logs().slice(-6000)}\n${journals.join("\n")}\n---\n`
  }

  /** @param {"up" | "down"} verb */
  #script(verb) {
    return execFileSync(SCRIPT, [verb, ...this.#names()], { encoding: "utf8", env: { ...process.env, POOL_SIZE } }).trim()
  }

  // ---- Incus ----

  /** @param {string[]} words */
  incus(words) {
    const own = { INCUS_DIR: join(this.directory, "incus"), INCUS_CONF: join(this.directory, "client") }
    return execFileSync("incus", words, { encoding: "utf8", env: { ...process.env, ...own }, stdio: ["ignore", "pipe", "pipe"] })
  }

  /** @returns {any[]} */
  instances() {
    return JSON.parse(this.incus(["list", "--format", "json"]))
  }

  /** The container of a tenant. @param {string} id */
  instanceOf(id) {
    return this.instances().find(one => one.config["user.onboarding.tenant"] === id.replace("ten_", ""))
  }

  // ---- what staff do ----

  /** Logs in afresh: what cannot be undone wants a fresh proof of who asks. */
  async logIn() {
    this.accessToken = (await logIn(this.server)).accessToken
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async ask(method, path, body) {
    const answer = await this.server.get(path, { method, body, headers: { authorization: `Bearer ${this.accessToken}` } })
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  /** @param {string} subdomain @returns {Promise<string>} */
  async tenantId(subdomain) {
    const { data } = await this.ask("GET", `/api/tenants?q=${subdomain}`)
    return data.find((/** @type {any} */ one) => one.subdomain === subdomain).id
  }

  /** @param {string} id @param {string} state */
  becomes(id, state) {
    return until(`${id} is ${state}`, async () => (await this.ask("GET", `/api/tenants/${id}`)).state === state, {
      every: 250,
      patience: PATIENCE,
    })
  }

  /** Until its address leads to it. @param {string} subdomain */
  answers(subdomain) {
    return until(`${subdomain} answers`, async () => (await this.server.tenant(subdomain)).status < 400, { every: 100, patience: PATIENCE })
  }

  /** How the newest operation of a tenant ended. @param {string} id */
  operationEnds(id) {
    return until(
      "the operation ends",
      async () => {
        const [newest] = (await this.ask("GET", `/api/tenants/${id}/operations`)).data
        return ["succeeded", "failed"].includes(newest.state) && newest
      },
      { every: 250, patience: PATIENCE },
    )
  }

  /** A new backup that was looked at again. @param {string} id */
  async backUp(id) {
    await this.ask("POST", `/api/tenants/${id}/backups`, {})
    const ended = await this.operationEnds(id)
    assert.equal(ended.state, "succeeded", JSON.stringify(ended))
    const [backup] = (await this.ask("GET", `/api/tenants/${id}/backups`)).data
    assert.equal(backup.state, "verified")
    return backup
  }

  /** Restores and gives how that ended. @param {string} id @param {string} subdomain @param {string} backup */
  async restore(id, subdomain, backup) {
    await this.ask("POST", `/api/tenants/${id}/backups/${backup}/restore`, { confirm: subdomain })
    return this.operationEnds(id)
  }

  /** The text of the newest mail to somebody. @param {string} recipient @param {string} template */
  async mailTo(recipient, template) {
    const { id } = await until(`${recipient} has got ${template}`, async () =>
      (await this.ask("GET", `/api/mails?q=${encodeURIComponent(recipient)}`)).data.find((/** @type {any} */ mail) => mail.template === template),
      { every: 250, patience: PATIENCE },
    )
    return (await this.ask("GET", `/api/mails/${id}`)).body
  }

  /** What a one-time link shows whoever opens it. @param {string} link */
  openAccess(link) {
    return this.server.get(new URL(link).pathname, { method: "POST", body: {} })
  }
}
