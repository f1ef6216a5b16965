// Somebody at Tryton, over JSON-RPC at the tenant's own address.

import assert from "node:assert/strict"

/** @typedef {import("../support/server.mjs").Server} Server */

const DATABASE = "/tenant/"
const CONTEXT = { language: "es" }

export class TrytonUser {
  /** @param {Server} server @param {string} subdomain @param {number} id @param {string} session */
  constructor(server, subdomain, id, session) {
    this.server = server
    this.subdomain = subdomain
    this.id = id
    this.session = session
  }

  /** Undefined when Tryton knows no such login with that password. @param {Server} server @param {string} subdomain @param {{ login: string, password: string }} credentials */
  static async enter(server, subdomain, { login, password }) {
    const answer = await server.tenant(subdomain, DATABASE, {
      body: { id: 1, method: "common.db.login", params: [login, { password }, CONTEXT.language] },
    })
    if (answer.status === 401) return undefined
    assert.equal(answer.status, 200, answer.text)
    const [id, key] = answer.body.result
    return new TrytonUser(server, subdomain, id, Buffer.from(`${login}:${id}:${key}`).toString("base64"))
  }

  /** @param {string} method @param {unknown[]} params */
  async #do(method, params) {
    const answer = await this.server.tenant(this.subdomain, DATABASE, {
      body: { id: 1, method: `model.${method}`, params: [...params, CONTEXT] },
      headers: { authorization: `Session ${this.session}` },
    })
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body.error, undefined, answer.text)
    return answer.body.result
  }

  /** @param {string} model @param {number} id @param {string[]} fields */
  async #read(model, id, fields) {
    return (await this.#do(`${model}.read`, [[id], fields]))[0]
  }

  /** @param {string} name @returns {Promise<number>} */
  async addPerson(name) {
    return (await this.#do("party.party.create", [[{ name }]]))[0]
  }

  /** @param {string} name */
  async knows(name) {
    return (await this.#do("party.party.search_count", [[["name", "=", name]]])) === 1
  }

  /** A file of a party of its own. @param {string} name @param {string} text */
  async attach(name, text) {
    const party = await this.addPerson(`Owner of ${name}`)
    const data = { __class__: "bytes", base64: Buffer.from(text).toString("base64") }
    await this.#do("ir.attachment.create", [[{ name, data, resource: `party.party,${party}` }]])
  }

  /** @param {string} name @returns {Promise<string | undefined>} */
  async attachment(name) {
    const [found] = await this.#do("ir.attachment.search_read", [[["name", "=", name]], 0, 1, null, ["data"]])
    return found && Buffer.from(found.data.base64, "base64").toString()
  }

  /** Whose Tryton it is, and in which language it speaks to them. */
  async introduction() {
    const user = await this.#read("res.user", this.id, ["name", "login", "language", "company"])
    const company = await this.#read("company.company", user.company, ["party", "currency"])
    const party = await this.#read("party.party", company.party, ["name", "email"])
    const currency = await this.#read("currency.currency", company.currency, ["code"])
    const language = await this.#read("ir.lang", user.language, ["code"])
    const fields = await this.#do("party.party.fields_get", [["name"]])
    return {
      owner: user.name,
      login: user.login,
      language: language.code,
      company: party.name,
      email: party.email,
      currency: currency.code,
      word: fields.name.string,
    }
  }
  /** Makes a scheduled action due since long ago. @returns {Promise<number>} */
  async scheduleNow() {
    const [action] = await this.#do("ir.cron.search", [[], 0, 1, null])
    const past = { __class__: "datetime", year: 2020, month: 1, day: 1, hour: 0, minute: 0, second: 0, microsecond: 0 }
    await this.#do("ir.cron.write", [[action], { next_call: past }])
    return action
  }

  /** Whether it is due no longer, because it was carried out. @param {number} action */
  async wasRun(action) {
    const { next_call } = await this.#read("ir.cron", action, ["next_call"])
    return next_call.year > 2020
  }
}
