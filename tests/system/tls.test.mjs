// The TLS edge as testssl.sh sees it: nothing above "low".

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Server } from "../support/server.mjs"

/** What is expected of a certificate that the installation signed for itself, and of this machine. */
const EXPECTED = {
  cert_revocation: "a local authority has no address to ask for revoked certificates",
  cert_chain_of_trust: "nobody but who imports ca.pem trusts the local authority",
  DNS_CAArecord: "localhost has no records",
  engine_problem: "about the OpenSSL of the machine that tests",
  scanTime: "how long it took",
}

const PATIENCE = 9 * 60_000

/**
 * @param {Server} server @param {string} path @param {string[]} checks
 * @returns {Promise<{ id: string, severity: string, finding: string }[]>}
 */
async function findings(server, path, checks) {
  const file = join(server.directory, `testssl${checks.join("")}.json`)
  const child = spawn(
    "testssl",
    ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", file, ...checks,
      `localhost:${server.settings.http_port}${path}`],
    { stdio: ["ignore", "pipe", "pipe"], timeout: PATIENCE },
  )
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", chunk => (output += chunk))
  await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject))
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    throw new Error(`testssl did not finish:\n${output.slice(-3000)}`, { cause: error })
  }
}

/** @param {{ id: string, severity: string }} finding */
const isBad = ({ id, severity }) => ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity) && !(id.split(" ")[0] in EXPECTED)

describe("the TLS edge", () => {
  /** @type {Server} */
  let server
  before(async () => {
    server = await Server.prepare({ public_url: "https://console.onboarding.example" })
    await server.start()
  })
  after(() => server?.remove())

  test("testssl.sh finds nothing above low", async () => {
    const [protocols, weaknesses] = await Promise.all([
      findings(server, "/", ["-p", "-f", "-S", "-h"]),
      // Of answers that hold something secret: pages are the same bytes for everybody, so BREACH has
      // nothing to guess there, and only they are compressed.
      findings(server, "/api/plans", ["-U"]),
    ])
    const all = [...protocols, ...weaknesses]
    for (const id of ["TLS1_2", "TLS1_3", "PFS", "HSTS", "heartbleed", "BREACH", "ROBOT"])
      assert.ok(all.some(finding => finding.id.startsWith(id)), `${id} was not looked at`)
    assert.deepEqual(all.filter(isBad), [])
    // And on a name of its own, browsers are told to come by TLS only.
    assert.ok(protocols.some(({ id, severity }) => id.startsWith("HSTS") && severity === "OK"), "HSTS")
  })

  test("a browser that came to localhost is not told to stay with TLS", async () => {
    assert.match(String((await server.get("/")).headers["strict-transport-security"]), /max-age=63072000/)
    const local = await Server.prepare()
    try {
      await local.start()
      assert.equal((await local.get("/")).headers["strict-transport-security"], undefined)
    } finally {
      await local.remove()
    }
  })
})
