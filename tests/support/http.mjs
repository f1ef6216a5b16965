// HTTP as the tests need it: own connections, certificates verified against the installation's own
// authority, *.localhost always on the loopback address, and a caller's address of choice.

import http from "node:http"
import https from "node:https"

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {http.IncomingHttpHeaders} headers
 * @property {string} text
 * @property {any} body parsed when it is JSON
 */

/**
 * @typedef {object} Options
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {object | URLSearchParams | Buffer} [body] sent as JSON, as a form, or as it is
 * @property {string} [ca] PEM
 * @property {boolean} [anyDate] a certificate is believed whenever it is from: its server lives in another time
 * @property {string} [from] local address, such as 127.0.0.7: limits count per address
 * @property {http.Agent} [agent]
 * @property {number} [patience] milliseconds without any byte
 */

/** @type {any} */
const loopback = (/** @type {string} */ _host, /** @type {any} */ options, /** @type {Function} */ done) =>
  options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4)

/** @param {string} address @param {Options} [options] @returns {Promise<Answer>} */
export function send(address, { method, headers = {}, body, ca, anyDate = false, from, agent, patience = 60_000 } = {}) {
  const url = new URL(address)
  const isForm = body instanceof URLSearchParams
  const text = body === undefined || body instanceof Buffer ? body : isForm ? body.toString() : JSON.stringify(body)
  const type = isForm ? "application/x-www-form-urlencoded" : "application/json"
  const { request } = url.protocol === "https:" ? https : http
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: method ?? (text === undefined ? "GET" : "POST"),
        headers: text === undefined ? headers : { "content-type": type, "content-length": Buffer.byteLength(text), ...headers },
        lookup: loopback,
        localAddress: from,
        ca,
        rejectUnauthorized: !anyDate,
        agent: agent ?? false,
        timeout: patience,
      },
      response => {
        /** @type {Buffer[]} */
        const chunks = []
        response.on("data", chunk => chunks.push(chunk))
        response.on("error", reject)
        response.on("aborted", () => reject(new Error(`${address}: the answer was cut off`)))
        response.on("end", () => resolve(answer(response, Buffer.concat(chunks).toString())))
      },
    )
    sent.on("timeout", () => sent.destroy(new Error(`${address}: no answer`)))
    sent.on("error", reject)
    sent.end(text)
  })
}

/** @param {http.IncomingMessage} response @param {string} text @returns {Answer} */
function answer(response, text) {
  const isJson = /json/.test(response.headers["content-type"] ?? "")
  return { status: response.statusCode ?? 0, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : undefined }
}

/** @param {Record<string, string>} entities */
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" }
/** @param {string} text */
const decoded = text => text.replace(/&(\w+|#39);/g, (_, name) => /** @type {any} */ (ENTITIES)[name])

/** The first form of a page that is sent by POST: where to, and with which fields. @param {string} html */
export function formOf(html) {
  const form = html.match(/<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/)
  if (!form) throw new Error(`no form in ${html.slice(0, 500)}`)
  /** @type {Record<string, string>} */
  const fields = {}
  for (const [tag] of form[2].matchAll(/<input[^>]*>/g)) {
    const attribute = (/** @type {string} */ name) => tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1]
    const name = attribute("name")
    if (!name || (attribute("type") === "radio" && !tag.includes(" checked"))) continue
    fields[name] = decoded(attribute("value") ?? "")
  }
  return { action: decoded(form[1]), fields }
}
