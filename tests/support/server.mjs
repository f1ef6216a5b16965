// The real program with everything that it brings, in a temporary data directory and on free ports.
// However a test ends, nothing of it stays: no process, no file.

import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { send } from "./http.mjs"
import { describeProcesses, killAll, processesOf } from "./processes.mjs"
import { final, until } from "./until.mjs"

export const BINARY =
  process.env.ONBOARDING_BINARY ?? fileURLToPath(new URL("../../build/release/onboarding", import.meta.url))

/** @typedef {Record<string, string | number>} Settings ONBOARDING_ names in lower case: http_port */

/**
 * @typedef {object} Ended
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string} output
 */

/** Ports below those that the kernel and the tenants take. */
const FIRST_PORT = 10_000
const LAST_PORT = 19_999

/** A program that ought to end by itself, and does not, is killed. */
const RUN_PATIENCE = 60_000

/** @param {number} port @param {string} host @returns {Promise<boolean>} */
function isFree(port, host) {
  return new Promise(resolve => {
    const probe = createServer()
    // A machine without IPv6 has no ::1 that somebody could sit on.
    probe.once("error", error => resolve(/** @type {any} */ (error).code === "EADDRNOTAVAIL"))
    probe.listen({ port, host }, () => probe.close(() => resolve(true)))
  })
}

/** @param {number} count @returns {Promise<number[]>} */
export async function freePorts(count) {
  /** @type {Set<number>} */
  const found = new Set()
  while (found.size < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "::1"))) found.add(port)
  }
  return [...found]
}

/** @param {Settings} settings @param {NodeJS.ProcessEnv} more */
export function environment(settings, more = {}) {
  const { PATH, HOME, LANG } = process.env
  const named = Object.entries(settings).map(([name, value]) => [`ONBOARDING_${name.toUpperCase()}`, String(value)])
  return { PATH, HOME, LANG, ...Object.fromEntries(named), ...more }
}

/**
 * Runs the program until it ends by itself.
 * @param {string[]} words @param {{ settings?: Settings, input?: string, directory?: string, binary?: string }} [options]
 * @returns {Promise<Ended>}
 */
export function run(words, { settings = {}, input, directory = "/", binary = BINARY } = {}) {
  const child = spawn(binary, words, { cwd: directory, env: environment(settings), stdio: ["pipe", "pipe", "pipe"] })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", chunk => (output += chunk))
  child.stdin.on("error", () => {}) // it may end without reading
  child.stdin.end(input)
  const patience = setTimeout(() => child.kill("SIGKILL"), RUN_PATIENCE)
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => {
      clearTimeout(patience)
      resolve({ code, signal, output })
    })
  })
}

/** A directory of its own that is removed whatever happens to this process. */
export function temporaryDirectory() {
  const directory = mkdtempSync("/tmp/onboarding-test-")
  chmodSync(directory, 0o711)
  const guard = spawn(process.execPath, [fileURLToPath(new URL("guard.mjs", import.meta.url))], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
  })
  guard.unref()
  guard.stdin.on("error", () => {})
  guard.stdin.write(directory)
  /** @type {any} */
  const pipe = guard.stdin
  pipe.unref()
  return directory
}

export class Server {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child
  /** @type {Promise<Ended> | undefined} */
  #ended
  #logFrom = 0

  /** @param {string} directory @param {Settings} settings */
  constructor(directory, settings) {
    this.directory = directory
    this.settings = settings
    this.dataDir = String(settings.data_dir)
    this.logFile = join(directory, "server.log")
    this.email = String(settings.owner_email)
    this.password = String(settings.owner_password)
    this.tenantPort = Number(settings.tenant_port)
    this.url = `https://localhost:${settings.http_port}`
    this.sandboxUrl = `http://localhost:${settings.sandbox_port}`
  }

  /** Free ports, an empty data directory, an owner; not started. @param {Settings} [settings] */
  static async prepare(settings = {}) {
    const directory = temporaryDirectory()
    const [http_port, tenant_port, sandbox_port] = await freePorts(3)
    return new Server(directory, {
      data_dir: join(directory, "data"),
      http_port,
      tenant_port,
      sandbox_port,
      owner_email: "owner@test.example",
      owner_password: `owner ${randomBytes(9).toString("base64url")}`,
      checkout_rate: 10_000,
      ...settings,
    })
  }

  get pid() {
    return this.#child?.pid ?? 0
  }

  get isRunning() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** All that was printed, also by earlier starts. */
  logs() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : ""
  }

  /** What was printed since the last start. */
  logsSinceStart() {
    return this.logs().slice(this.#logFrom)
  }

  /** The authority that signed the front door's certificate. */
  ca() {
    return readFileSync(join(this.dataDir, "tls/ca.pem"), "utf8")
  }

  /** @returns {import("./http.mjs").Options} */
  trust() {
    return { ca: this.ca(), anyDate: this.settings.clock === "sandbox" }
  }

  /** Starts the process and does not wait. @param {string[]} [words] more of the command line */
  launch(words = []) {
    if (this.isRunning) throw new Error("it runs already")
    this.#logFrom = this.logs().length
    const log = openSync(this.logFile, "a", 0o600)
    const child = spawn(BINARY, ["serve", ...words], {
      cwd: this.directory,
      env: environment(this.settings),
      stdio: ["ignore", log, log],
    })
    closeSync(log)
    this.#child = child
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject)
      child.once("exit", (code, signal) => resolve({ code, signal, output: this.logsSinceStart() }))
    })
    this.#ended.catch(() => {})
    return this
  }

  /** Returns when it is ready: the box is printed and every dependency works. @param {string[]} [words] */
  async start(words = []) {
    this.launch(words)
    await until("the server is ready", async () => {
      if (!this.isRunning) throw final(`the server ended:\n${this.logsSinceStart()}`)
      if (!this.logsSinceStart().includes("|  Stop ")) return false
      return (await this.get("/readyz")).status === 200
    })
    return this
  }

  /** @returns {Promise<Ended>} */
  ended() {
    return this.#ended ?? Promise.reject(new Error("it was never started"))
  }

  /** Asks it to stop and waits for its end. @param {NodeJS.Signals} [signal] */
  async stop(signal = "SIGINT") {
    if (this.isRunning) this.#child?.kill(signal)
    return this.ended()
  }

  /** Ends the server alone, as the kernel would; its children notice by themselves. */
  kill9() {
    return this.stop("SIGKILL")
  }

  async restart() {
    await this.stop()
    return this.start()
  }

  /** @param {string} path @param {import("./http.mjs").Options} [options] */
  get(path, options = {}) {
    return send(this.url + path, { ...this.trust(), ...options })
  }

  /** @param {string} path @param {object} body @param {import("./http.mjs").Options} [options] */
  post(path, body, options = {}) {
    return send(this.url + path, { ...this.trust(), body, ...options })
  }

  /** A tenant's address behind the front door. @param {string} subdomain @param {string} [path] */
  tenant(subdomain, path = "/", options = {}) {
    return send(`http://${subdomain}.localhost:${this.tenantPort}${path}`, options)
  }

  /** Nothing of it runs any more; children of a killed server may need a moment to notice. */
  async nothingLeft() {
    await until("no process is left", () => processesOf(this.directory).length === 0).catch(error => {
      throw new Error(`still there:\n${describeProcesses(processesOf(this.directory))}`, { cause: error })
    })
  }

  /** Removes everything, whatever state it is in. */
  async remove() {
    await killAll(this.directory)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/**
 * Runs `use` with a server that is ready (or only prepared), shows its log when that fails, and removes it.
 * @template T
 * @param {(server: Server) => Promise<T>} use
 * @param {{ settings?: Settings, started?: boolean }} [options]
 */
export async function withServer(use, { settings, started = true } = {}) {
  const server = await Server.prepare(settings)
  try {
    if (started) await server.start()
    return await use(server)
  } catch (error) {
    process.stderr.write(`--- the last lines of the server ---\n${server.logs().slice(-6000)}\n---\n`)
    throw error
  } finally {
    await server.remove()
  }
}
