// Incus on another machine: over https, with a certificate of our own, the server's pinned, and a
// token that makes us known.

import assert from "node:assert/strict"
import { rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { buildImage, Incus } from "../support/incus.mjs"
import { freePorts, run, temporaryDirectory } from "../support/server.mjs"

describe("https", () => {
  /** @type {Incus} */
  let incus
  /** @type {string} */
  let directory
  let url = ""
  before(async () => {
    incus = new Incus({ pool: "1GiB" }).up()
    directory = temporaryDirectory()
    const [port] = await freePorts(1)
    incus.run("config", "set", "core.https_address", `127.0.0.1:${port}`)
    url = `https://127.0.0.1:${port}`
  })
  after(() => {
    incus?.down()
    if (directory) rmSync(directory, { recursive: true, force: true })
  })

  /** @param {string} name */
  const newToken = name => incus.run("config", "trust", "add", name, "-q").split("\n").at(-1) ?? ""
  /** @param {import("../support/server.mjs").Settings} [settings] @param {string} [data] */
  const list = (settings, data = "data") =>
    run(["image", "list"], { settings: { data_dir: join(directory, data), provisioner: "incus", incus_url: url, ...settings } })

  test("a server that nobody vouched for is refused by name, and so is one that does not know us", async () => {
    const unknown = await list()
    assert.notEqual(unknown.code, 0)
    assert.match(unknown.output, /certificate/i)
    writeFileSync(join(directory, "server.pem"), incus.run("query", "/1.0").match(/"certificate": "([^"]+)"/)?.[1].replaceAll("\\n", "\n") ?? "")
    const untrusted = await list({ incus_server_certificate_file: join(directory, "server.pem") })
    assert.notEqual(untrusted.code, 0)
    assert.match(untrusted.output, /does not know .*incus_client\.pem: add it with/)
  })

  test("a token makes us known, once; what it is needed for is kept and works without it", async () => {
    const token = newToken("control-plane")
    const first = await list({ incus_trust_token: token })
    assert.equal(first.code, 0, first.output)
    assert.ok(!first.output.includes(token))
    assert.equal(statSync(join(directory, "data/secrets/incus_client_key.pem")).mode & 0o777, 0o600)
    assert.equal((await list({ incus_trust_token: token })).code, 0, "a token that was used up does no harm")
    assert.equal((await list()).code, 0)
    assert.match(incus.run("config", "trust", "list", "--format", "csv"), /control-plane/)
    await buildImage({ data_dir: join(directory, "data"), provisioner: "incus", incus_url: url })
  })

  test("another server than the pinned one gets nothing from us", async () => {
    const other = new Incus({ pool: "1GiB" }).up()
    try {
      const certificate = JSON.parse(other.run("query", "/1.0")).environment.certificate
      writeFileSync(join(directory, "other.pem"), certificate)
      const refused = await list({ incus_server_certificate_file: join(directory, "other.pem") })
      assert.notEqual(refused.code, 0)
      assert.match(refused.output, /pinned|certificate/i)
      const [port] = await freePorts(1)
      other.run("config", "set", "core.https_address", `127.0.0.1:${port}`)
      const foreign = other.run("config", "trust", "add", "elsewhere", "-q").split("\n").at(-1) ?? ""
      const lured = await list({ incus_trust_token: foreign }, "fresh")
      assert.notEqual(lured.code, 0)
      assert.match(lured.output, /not the one that incus_trust_token names/)
      assert.doesNotMatch(incus.run("config", "trust", "list", "--format", "csv"), /elsewhere/)
    } finally {
      other.down()
    }
  })
})
