// Raw bytes at both doors, the one that everybody uses (TLS, HAProxy) and the program's own: what
// is ambiguous, too long or never ends is refused, nothing is smuggled through, the server stays up.

import assert from "node:assert/strict"
import { connect } from "node:net"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { connect as connectSecurely } from "node:tls"
import { value } from "../support/database.mjs"
import { Server } from "../support/server.mjs"

/** @type {Server} */
let server
before(async () => {
  server = await Server.prepare()
  await server.start()
})
after(() => server?.remove())

/** @typedef {"the front door" | "the program itself"} Door */
const DOORS = /** @type {Door[]} */ (["the front door", "the program itself"])

/** Sends bytes and gives everything that comes back until the other side closes. */
/** @param {Door} door @param {string} bytes @param {{ ending?: boolean }} [options] @returns {Promise<string>} */
function speak(door, bytes, { ending = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket =
      door === "the front door"
        ? connectSecurely({ host: "127.0.0.1", port: Number(server.settings.http_port), servername: "localhost", ca: server.ca(), ALPNProtocols: ["http/1.1"] })
        : connect(join(server.dataDir, "front_door/program/http.sock"))
    let answer = ""
    socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer and no end to ${JSON.stringify(bytes.slice(0, 200))}`)))
    // A body that nobody wants to read: the refusal is the end, whoever closes.
    if (bytes.includes("90000000")) socket.on("data", () => socket.end())
    socket.on("data", chunk => (answer += chunk.toString("latin1")))
    // Whoever refuses may close while the rest is still under way.
    socket.on("error", error => (/EPIPE|ECONNRESET/.test(String(/** @type {any} */ (error).code)) ? resolve(answer) : reject(error)))
    socket.on("close", () => resolve(answer))
    if (ending) socket.end(bytes, "latin1")
    else socket.write(bytes, "latin1")
  })
}

/** The statuses in what came back. @param {string} answer */
const statuses = answer => [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status))

const HOST = "Host: localhost\r\n"
const POST = `POST /api/checkout HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`
/** A request hidden in the body of another; it must never be answered. */
const SMUGGLED = `GET /api/plans HTTP/1.1\r\n${HOST}\r\n`

/** @type {Record<string, string>} */
const REFUSED = {
  "a length far beyond the limit": `${POST}Content-Length: 90000000\r\nConnection: close\r\n\r\n${"x".repeat(100_000)}`,
  "no HTTP at all": "\x16\x03\x01 hello there\r\n\r\n",
  "a request line of two words": `GET /\r\n${HOST}\r\n`,
  "no Host": "GET /api/plans HTTP/1.1\r\nConnection: close\r\n\r\n",
  "two Hosts": `GET /api/plans HTTP/1.1\r\n${HOST}Host: other\r\n\r\n`,
  "a blank before the colon": `GET /api/plans HTTP/1.1\r\n${HOST}X-Odd : 1\r\n\r\n`,
  "a NUL in a header": `GET /api/plans HTTP/1.1\r\n${HOST}X-Odd: a\0b\r\nConnection: close\r\n\r\n`,
  "a line end in the middle of a header": `GET /api/plans HTTP/1.1\r\n${HOST}X-Odd: a\rb\r\n\r\n`,
  "headers beyond 16 KiB": `GET /api/plans HTTP/1.1\r\n${HOST}Connection: close\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`,
  "a thousand headers": `GET /api/plans HTTP/1.1\r\n${HOST}${"X-Many: 1\r\n".repeat(2_000)}\r\n`,
  "an address beyond all measure": `GET /${"x".repeat(20_000)} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  "two lengths": `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}${SMUGGLED}`,
  "a list of different lengths": `${POST}Content-Length: 2, 3\r\n\r\n{}${SMUGGLED}`,
  "a negative length": `${POST}Content-Length: -2\r\n\r\n{}${SMUGGLED}`,
  "a length in hexadecimal": `${POST}Content-Length: 0x2\r\n\r\n{}${SMUGGLED}`,
  "a length with a sign": `${POST}Content-Length: +2\r\n\r\n{}${SMUGGLED}`,
  "chunks on HTTP/1.0": `POST /api/checkout HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "a coding that is not chunked": `${POST}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "chunked twice": `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "chunked behind another coding": `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "chunked in disguise": `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  "a chunk without a size": `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n${SMUGGLED}`,
  "a chunk longer than it says": `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n${SMUGGLED}`,
  "a chunk of more than 64 bits": `${POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n${SMUGGLED}`,
  "chunks beyond the limit": `${POST}Transfer-Encoding: chunked\r\n\r\n${`10000\r\n${"x".repeat(65_536)}\r\n`.repeat(40)}0\r\n\r\n`,
  "CONNECT": `CONNECT localhost:22 HTTP/1.1\r\n${HOST}\r\n`,
  "TRACE": `TRACE / HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\nConnection: close\r\n\r\n`,
  "a method of its own": `BREW /api/plans HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  "the way out of the tree": `GET /assets/../../../../etc/passwd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  "the way out in disguise": `GET /assets/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
}

for (const door of DOORS)
  describe(`at ${door}`, () => {
    for (const [name, bytes] of Object.entries(REFUSED))
      test(`${name} is refused`, async () => {
        const answer = await speak(door, bytes)
        const seen = statuses(answer)
        assert.ok(seen.length <= 1, `one answer at most: ${seen.join(" ")}`)
        assert.ok(seen.every(status => status >= 400 && status < 500), answer.slice(0, 500))
        assert.doesNotMatch(answer, /root:|"plans"|"data":/)
      })

    // HAProxy makes these two whole before it passes them on; what reaches the program is sound.
    for (const [name, bytes] of Object.entries({
      "another protocol's version": `GET /api/plans HTTP/3.7\r\n${HOST}Connection: close\r\n\r\n`,
      "a folded header": `GET /api/plans HTTP/1.1\r\n${HOST}Connection: close\r\nX-Odd: 1\r\n  2\r\n\r\n`,
    }))
      test(`${name} is ${door === "the front door" ? "answered once" : "refused"}`, async () => {
        const [status, ...more] = statuses(await speak(door, bytes))
        assert.deepEqual(more, [])
        assert.ok(door === "the front door" ? status < 500 : status >= 400 && status < 500, String(status))
      })

    test("both framings at once: the length is not believed", async () => {
      // Refused, or read by its chunks alone; what follows is at any rate not a request of its own.
      const answer = await speak(door, `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n${SMUGGLED}`)
      assert.ok(statuses(answer).length <= 1 && statuses(answer).every(status => status >= 400 && status < 500), answer.slice(0, 500))
    })

    test("trailers cannot bring credentials or another length", async () => {
      const trailers = "Content-Length: 9\r\nAuthorization: Bearer x\r\nHost: other\r\n"
      const answer = await speak(door, `${POST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n${trailers}\r\n`)
      assert.ok(statuses(answer).every(status => status >= 400 && status < 500), answer.slice(0, 500))
    })

    test("a hundred requests in one breath are answered one by one", async () => {
      const request = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`
      const last = `GET /healthz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
      assert.deepEqual(statuses(await speak(door, request.repeat(99) + last)), Array(100).fill(200))
    })

    test("whoever hangs up in the middle does no harm", async () => {
      for (const bytes of ["G", `GET / HTTP/1.1\r\nHo`, `${POST}Content-Length: 500\r\n\r\n{"company":`, `${POST}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a`])
        for (const status of statuses(await speak(door, bytes, { ending: true }))) assert.ok(status >= 400 && status < 500)
    })

    test("whoever does not come to an end is sent away", async () => {
      const answers = await Promise.all([
        speak(door, `GET /api/plans HTTP/1.1\r\n${HOST}X-Slow: `),
        speak(door, `${POST}Content-Length: 500\r\n\r\n{"company":`),
      ])
      for (const answer of answers) for (const status of statuses(answer)) assert.equal(status, 408, answer)
    })
  })

test("after all that the same server answers, and nothing was stored", async () => {
  assert.ok(server.isRunning)
  assert.equal((await server.get("/readyz")).status, 200)
  assert.doesNotMatch(server.logs(), /haproxy ended|stripe-sandbox ended|postgresql ended/)
  assert.equal(await value(server.dataDir, "SELECT (SELECT count(*) FROM signups) + (SELECT count(*) FROM customers)"), 0)
})
