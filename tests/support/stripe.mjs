// Stripe's official client, pointed at the sandbox of a server.

import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

/** @typedef {import("./server.mjs").Server} Server */

/** The client is installed for the sandbox's own tests. */
const Stripe = createRequire(new URL("../sandbox/package.json", import.meta.url))("stripe")

/** @param {Server} server @returns {any} */
export function stripeOf(server) {
  const { hostname, port } = new URL(server.sandboxUrl)
  const key = readFileSync(join(server.dataDir, "secrets/sandbox_secret_key"), "utf8").trim()
  return new Stripe(key, { host: hostname, port, protocol: "http", maxNetworkRetries: 0, telemetry: false })
}

/** What only a sandbox can do. @param {any} stripe @param {string} path @param {object} [parameters] @returns {Promise<any>} */
export const helper = (stripe, path, parameters = {}) => stripe.rawRequest("POST", `/v1/test_helpers/${path}`, parameters)

/** All objects of a list. @param {any} list @returns {Promise<any[]>} */
export async function allOf(list) {
  const found = []
  for await (const one of list) found.push(one)
  return found
}
