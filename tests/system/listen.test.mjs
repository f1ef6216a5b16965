// The program on a TCP port behind its front door: it knows its visitors there, and believes nobody
// else of this machine about them.

import assert from "node:assert/strict"
import { request as plain } from "node:http"
import { request as secure } from "node:https"
import { after, before, test } from "node:test"
import { value } from "../support/database.mjs"
import { freePorts, Server } from "../support/server.mjs"

/** @type {Server} */
let server
let port = 0
before(async () => {
  ;[port] = await freePorts(1)
  server = await Server.prepare({ http_listen: `127.0.0.1:${port}` })
  await server.start()
})
after(() => server?.remove())

/** A log-in of nobody, sent from an address of this machine. @param {"front door" | "program"} door @param {string} from @param {Record<string, string>} headers @returns {Promise<number | undefined>} */
function logIn(door, from, headers) {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      localAddress: from,
      method: "POST",
      path: "/api/admin/login",
      agent: false,
      headers: { "Content-Type": "application/json", Host: "localhost", ...headers },
    }
    const sent =
      door === "program"
        ? plain({ ...options, port })
        : secure({ ...options, port: Number(server.settings.http_port), servername: "localhost", ca: server.ca() })
    sent.on("response", answer => answer.resume().on("end", () => resolve(answer.statusCode)))
    sent.on("error", reject)
    sent.end(JSON.stringify({ email: "nobody@test.example", password: "not this one" }))
  })
}

const addresses = () => value(server.dataDir, "SELECT string_agg(address, ' ' ORDER BY id) FROM login_attempts")

test("the front door tells who the visitor is, and nobody else can", async () => {
  const claim = { "X-Forwarded-For": "203.0.113.9", "X-Front-Door": "a guess" }
  assert.equal(await logIn("front door", "127.0.0.7", claim), 401)
  assert.equal(await logIn("program", "127.0.0.8", claim), 401)
  assert.equal(await addresses(), "127.0.0.7 127.0.0.8")
})

test("two visitors are two for the limits", async () => {
  assert.equal(await logIn("front door", "127.0.0.9", {}), 401)
  assert.equal(await value(server.dataDir, "SELECT count(DISTINCT address) FROM login_attempts"), 3)
})
