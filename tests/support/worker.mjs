// A worker beside a server: a directory of its own, the server's database, key and Stripe, and nothing else.

import { spawn } from "node:child_process"
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { BINARY, environment } from "./server.mjs"

/** @typedef {import("./server.mjs").Server} Server */
/** @typedef {import("./server.mjs").Settings} Settings */

/** What another node of the same installation has to know. @param {Server} server */
export function sharedSettings(server) {
  const secret = (/** @type {string} */ name) => readFileSync(join(server.dataDir, "secrets", name), "utf8").trim()
  return {
    database_url: `postgresql://onboarding:${secret("postgres_password")}@/onboarding?host=${server.dataDir}/postgres/socket`,
    stripe_api_base: server.sandboxUrl,
    stripe_secret_key: secret("sandbox_secret_key"),
    stripe_webhook_secret: secret("sandbox_webhook_secret"),
  }
}

/** A data directory beside the server's, with its key. @param {Server} server @param {string} name */
export function directoryWithKey(server, name) {
  const directory = join(server.directory, name)
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  mkdirSync(join(directory, "secrets"), { recursive: true, mode: 0o700 })
  copyFileSync(join(server.dataDir, "secrets/master_key"), join(directory, "secrets/master_key"))
  return directory
}

export class Worker {
  /** @type {Promise<number | null>} its exit status, none when it was killed */
  ended

  /** @param {Server} server @param {Settings} [settings] @param {string} [name] */
  constructor(server, settings = {}, name = "worker") {
    this.logFile = join(server.directory, `${name}.log`)
    const log = openSync(this.logFile, "a", 0o600)
    const { tenant_port, provisioner = "process", incus_url = "" } = server.settings
    this.child = spawn(BINARY, ["worker"], {
      cwd: server.directory,
      env: environment({
        ...sharedSettings(server), data_dir: directoryWithKey(server, name), public_url: server.url, tenant_port, provisioner, incus_url, ...settings,
      }),
      stdio: ["ignore", log, log],
    })
    closeSync(log)
    this.ended = new Promise(resolve => this.child.once("exit", resolve))
  }

  /** As rows of jobs name it. */
  get node() {
    return `${hostname()}:worker:${this.child.pid}`
  }

  logs() {
    return readFileSync(this.logFile, "utf8")
  }

  stop() {
    this.child.kill("SIGTERM")
    return this.ended
  }

  kill9() {
    this.child.kill("SIGKILL")
    return this.ended
  }
}
