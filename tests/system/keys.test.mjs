// `onboarding keys` against a server that runs: nobody is logged out, nothing becomes unreadable.

import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { run, Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

describe("the keys of a running installation", () => {
  /** @type {Server} */
  let server
  /** @type {string} */
  let token
  const keyFile = () => join(server.dataDir, "secrets/master_key")
  /** @param {string[]} words @param {import("../support/server.mjs").Settings} [more] */
  const keys = (words, more = {}) => run(["keys", ...words], { settings: { ...server.settings, ...more } })
  const status = async () => JSON.parse((await keys(["status", "--json"])).output)
  const logIn = async () =>
    (await server.post("/api/admin/login", { email: server.email, password: server.password })).body.access_token
  const me = async () => (await server.get("/api/admin/me", { headers: { authorization: `Bearer ${token}` } })).status

  before(async () => {
    server = await Server.prepare()
    await server.start()
    token = await logIn()
  })
  after(() => server?.remove())

  test("status names them and shows none", async () => {
    const { output, code } = await keys(["status"])
    assert.equal(code, 0)
    assert.match(output, /signing key {2}[0-9a-f]{12} .* signs/)
    assert.match(output, /data key {5}1 .* seals \d+ values/)
    assert.match(output, /master key {3}the file .*secrets\/master_key/)
    assert.ok(!output.includes(readFileSync(keyFile()).toString("hex")))
  })

  test("a dry run only tells", async () => {
    const [key, state] = [readFileSync(keyFile()), await status()]
    const { output, code } = await keys(["rotate", "--dry-run"])
    assert.equal(code, 0)
    for (const part of ["signing", "data", "master"]) assert.match(output, new RegExp(`would rotate ${part}: `))
    assert.deepEqual(readFileSync(keyFile()), key)
    assert.deepEqual(await status(), state)
  })

  test("all rotate, the server goes on, and it starts again", async () => {
    const [key, state] = [readFileSync(keyFile()), await status()]
    const { output, code } = await keys(["rotate", "--json"])
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(output).rotations.map((/** @type {{ part: string }} */ { part }) => part), ["master", "data", "signing"])
    assert.notDeepEqual(readFileSync(keyFile()), key)
    await until("everything is sealed again", async () => {
      const { data_keys } = await status()
      return data_keys.length === 2 && data_keys[1].values === 0 && data_keys[0].values > 0
    })
    const now = await status()
    assert.notEqual(now.signing_keys[0].kid, state.signing_keys[0].kid)
    assert.ok(now.signing_keys[1].retires_at)
    assert.equal(await me(), 200, "the old token")
    token = await logIn()
    assert.equal(await me(), 200, "a new one")
    await server.restart()
    assert.equal(await me(), 200, "after a restart")
  })

  test("a key that comes from a setting is written where one says", async () => {
    const setting = { master_key: readFileSync(keyFile()).toString("hex") }
    const refused = await keys(["rotate", "master"], setting)
    assert.equal(refused.code, 2)
    assert.match(refused.output, /comes from the setting master_key.*say with --to FILE/)
    assert.equal((await keys(["rotate"], setting)).code, 2)

    const target = join(server.directory, "new_key")
    const { code, output } = await keys(["rotate", "master", "--to", target], setting)
    assert.equal(code, 0, output)
    assert.equal(await me(), 200, "what runs goes on")
    await server.stop()
    const old = await run(["serve"], { settings: server.settings })
    assert.equal(old.code, 1)
    assert.match(old.output, /master key does not open .* nothing was changed/)
    server.settings.master_key_file = target
    await server.start()
    assert.equal(await me(), 200)
  })

  test("a wrong key is refused before anything is done", async () => {
    const state = await status()
    const wrong = join(server.directory, "wrong_key")
    writeFileSync(wrong, randomBytes(32), { mode: 0o600 })
    const { code, output } = await keys(["rotate"], { master_key_file: wrong })
    assert.equal(code, 1)
    assert.match(output, /master key does not open/)
    assert.ok(!existsSync(`${wrong}.next`))
    assert.deepEqual(await status(), state)
  })

  test("help shows how", async () => {
    const { code, output } = await keys(["rotate", "--help"])
    assert.equal(code, 0)
    assert.match(output, /onboarding keys rotate signing/)
    const typo = await keys(["rotate", "sining"])
    assert.equal(typo.code, 2)
  })
})
