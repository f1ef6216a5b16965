// Somebody at Odoo, over XML-RPC at the tenant's own address.

import assert from "node:assert/strict"
import { methodCall, methodResponse } from "./xmlrpc.mjs"

/** @typedef {import("../support/server.mjs").Server} Server */

const DATABASE = "tenant"
const LANGUAGE = "es_ES"

/** @param {Server} server @param {string} subdomain @param {"common" | "object"} service @param {string} method @param {unknown[]} parameters */
async function call(server, subdomain, service, method, parameters) {
  const answer = await server.tenant(subdomain, `/xmlrpc/2/${service}`, {
    body: Buffer.from(methodCall(method, parameters)),
    headers: { "content-type": "text/xml" },
  })
  assert.equal(answer.status, 200, answer.text)
  return methodResponse(answer.text)
}

export class OdooUser {
  /** @param {Server} server @param {string} subdomain @param {number} id @param {string} password */
  constructor(server, subdomain, id, password) {
    this.server = server
    this.subdomain = subdomain
    this.id = id
    this.password = password
  }

  /** Undefined when Odoo knows no such login with that password. @param {Server} server @param {string} subdomain @param {{ login: string, password: string }} credentials */
  static async enter(server, subdomain, { login, password }) {
    const id = await call(server, subdomain, "common", "authenticate", [DATABASE, login, password, {}])
    return id ? new OdooUser(server, subdomain, id, password) : undefined
  }

  /** @param {string} model @param {string} method @param {unknown[]} [positional] @param {object} [named] */
  #do(model, method, positional = [], named = {}) {
    return call(this.server, this.subdomain, "object", "execute_kw", [DATABASE, this.id, this.password, model, method, positional, named])
  }

  /** @param {string} model @param {number} id @param {string[]} fields */
  async #read(model, id, fields) {
    return (await this.#do(model, "read", [[id], fields]))[0]
  }

  /** @param {string} name */
  async addPerson(name) {
    await this.#do("res.partner", "create", [{ name }])
  }

  /** @param {string} name */
  async knows(name) {
    return (await this.#do("res.partner", "search_count", [[["name", "=", name]]])) === 1
  }

  /** A file that Odoo keeps on its disk, not in the database. @param {string} name @param {string} text */
  async attach(name, text) {
    await this.#do("ir.attachment", "create", [{ name, datas: Buffer.from(text).toString("base64") }])
  }

  /** @param {string} name @returns {Promise<string | undefined>} */
  async attachment(name) {
    const [found] = await this.#do("ir.attachment", "search_read", [[["name", "=", name]], ["datas"]])
    return found && Buffer.from(found.datas, "base64").toString()
  }

  /** Whose Odoo it is, and in which language it speaks to them. */
  async introduction() {
    const user = await this.#read("res.users", this.id, ["name", "login", "lang", "company_id"])
    const company = await this.#read("res.company", user.company_id[0], ["name", "email", "country_id", "currency_id"])
    const country = await this.#read("res.country", company.country_id[0], ["code"])
    const fields = await this.#do("res.partner", "fields_get", [["name"], ["string"]], { context: { lang: LANGUAGE } })
    return {
      owner: user.name,
      login: user.login,
      language: user.lang.slice(0, 2),
      company: company.name,
      email: company.email,
      country: country.code,
      currency: company.currency_id[1],
      word: fields.name.string,
    }
  }

  /** What signs this Odoo's sessions, what names it, and where its mails lead. */
  async keys() {
    const value = (/** @type {string} */ key) => this.#do("ir.config_parameter", "get_param", [key])
    return { secret: await value("database.secret"), uuid: await value("database.uuid"), address: await value("web.base.url") }
  }
}
