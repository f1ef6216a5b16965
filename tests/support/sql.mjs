// Questions to the private cluster of a server, through one psql that stays: a story of a thousand
// questions has no time to start a thousand.

import { spawn } from "node:child_process"
import { connectionTo, postgresProgram } from "./database.mjs"

export class Sql {
  #printed = ""
  #said = ""
  /** @type {((error?: Error) => void) | undefined} */
  #heard
  #turn = Promise.resolve()

  /** @param {string} dataDir */
  constructor(dataDir) {
    this.child = spawn(postgresProgram("psql"), ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"], {
      env: connectionTo(dataDir),
      stdio: ["pipe", "pipe", "pipe"],
    })
    this.child.stdin.on("error", () => {})
    this.child.stderr.on("data", chunk => (this.#said += chunk))
    this.child.stdout.on("data", chunk => {
      this.#printed += chunk
      if (this.#printed.endsWith(`${END}\n`)) this.#heard?.()
    })
    this.child.once("exit", () => this.#heard?.(new Error(`psql has ended: ${this.#said}`)))
  }

  /** What a statement prints; one after the other. @param {string} sql @returns {Promise<string>} */
  execute(sql) {
    const mine = this.#turn.then(async () => {
      this.#printed = this.#said = ""
      await new Promise((resolve, reject) => {
        this.#heard = error => (error ? reject(error) : resolve(null))
        this.child.stdin.write(`${sql};\n\\echo ${END}\n`)
      })
      if (/^ERROR:/m.test(this.#said)) throw new Error(`${this.#said}\n${sql}`)
      return this.#printed.slice(0, -END.length - 1).trim()
    })
    this.#turn = mine.then(
      () => {},
      () => {},
    )
    return mine
  }

  /** @param {string} sql @returns {Promise<any[]>} */
  async rows(sql) {
    return JSON.parse(await this.execute(`SELECT coalesce(json_agg(q), '[]') FROM (${sql}) q`))
  }

  /** @param {string} sql @returns {Promise<any>} */
  async value(sql) {
    const [row] = await this.rows(sql)
    return row && Object.values(row)[0]
  }

  close() {
    this.child.kill()
  }
}

const END = "-- that was all --"
