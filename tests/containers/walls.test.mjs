// What a tenant's container may not reach, and as whom it may speak: its machine, its neighbours and
// private networks are closed to it, and its card sends with its own addresses only.

import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { networkInterfaces } from "node:os"
import { after, before, describe, test } from "node:test"
import { Installation } from "../support/incus.mjs"
import { until } from "../support/until.mjs"

describe("the walls of a container", () => {
  /** @type {Installation} */
  let installation
  /** @type {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, null>} */
  let service
  let port = 0
  /** @type {string} */
  let spy
  /** @type {string} */
  let neighbour

  before(async () => {
    installation = await Installation.start()
    spy = await installation.create("spy")
    neighbour = await installation.create("neighbour")
    // A process of its own: this one stands still while a command runs in a container.
    const program = `const s = require("node:http").createServer((_, r) => r.end("for the machine only"))
      s.listen(0, "0.0.0.0", () => console.log(s.address().port))`
    service = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] })
    port = Number(String((await once(service.stdout, "data"))[0]))
  })
  after(async () => {
    service?.kill()
    await installation?.remove()
  })

  const name = () => installation.incus.of(spy).name
  /** @param {string} script */
  const inside = script => installation.incus.inside(name(), script)
  /** @param {string} id @returns {string} */
  const addressOf = id =>
    installation.incus.of(id).state.network.eth0.addresses.find((/** @type {any} */ { family }) => family === "inet").address
  const bridge = () => installation.incus.of(spy).devices.eth0.network
  /** The addresses of this machine, and with them its LAN. */
  const machine = () =>
    Object.values(networkInterfaces()).flat().filter(one => one && !one.internal && one.family === "IPv4").map(one => one?.address)
  /** @param {string} address @param {number} at */
  const reaches = (address, at) => inside(`timeout 3 wget -q -O - http://${address}:${at}/ 2>&1 || echo refused`)

  test("it has no way to the services of its machine, nor to a neighbour", () => {
    assert.ok(machine().length > 1, "the bridge and at least one more")
    for (const address of machine()) assert.match(reaches(String(address), port), /refused$/, address)
    assert.match(reaches(addressOf(neighbour), 8069), /refused$/)
  })

  test("private networks and what clouds tell their machines are refused, the Internet is not", () => {
    const rules = JSON.parse(installation.incus.run("query", "/1.0/network-acls/onboarding-tenants"))
    const refused = rules.egress[0].destination.split(",")
    for (const block of ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7"])
      assert.ok(refused.includes(block), block)
    const network = JSON.parse(installation.incus.run("query", `/1.0/networks/${bridge()}`))
    assert.equal(network.config["security.acls"], "onboarding-tenants")
    assert.equal(network.config["security.acls.default.egress.action"], "allow")
  })

  test("its own network goes on working: an address, names, and we reach it", async () => {
    assert.match(inside(`nslookup ${name()} 2>&1`), new RegExp(addressOf(spy).replaceAll(".", "\\.")))
    await installation.assertAnswers("spy", spy)
    await installation.assertAnswers("neighbour", neighbour)
  })

  test("it cannot speak as its neighbour", async () => {
    const { eth0 } = installation.incus.of(spy).devices
    for (const filter of ["mac", "ipv4", "ipv6"]) assert.equal(eth0[`security.${filter}_filtering`], "true", filter)
    const own = addressOf(spy)
    const gateway = inside("ip route | awk '/default/ { print $3 }'")
    // Its neighbour's address, told to everybody.
    const answered = inside(
      `ip addr add ${addressOf(neighbour)}/24 dev eth0; ip addr del ${own}/24 dev eth0; ip route add default via ${gateway};` +
        `arping -q -U -c 2 -I eth0 ${addressOf(neighbour)}; nslookup -timeout=1 ${name()} ${gateway} >/dev/null 2>&1 && echo answered || echo nobody`,
    )
    assert.match(answered, /nobody$/)
    await installation.assertAnswers("neighbour", neighbour)
    const restarted = await installation.ask("POST", `/api/tenants/${spy}/restart`, {})
    assert.equal(restarted.status, 202, restarted.text)
    assert.equal((await installation.operationEnds(spy)).state, "succeeded")
    await installation.assertAnswers("spy", spy)
  })

  test("a container that was made without these filters has them after its next start", async () => {
    const { incus } = installation
    await installation.suspend(spy)
    for (const filter of ["mac", "ipv4", "ipv6"]) incus.run("config", "device", "unset", name(), "eth0", `security.${filter}_filtering`)
    await installation.resume(spy)
    assert.equal(incus.of(spy).devices.eth0["security.ipv4_filtering"], "true")
  })

  test("an operator's own list is left alone, and opens what it opens", async () => {
    const { incus } = installation
    incus.run("network", "acl", "create", "mine")
    incus.run("network", "set", bridge(), "security.acls=mine")
    await until("the machine can be reached", () => reaches(String(machine()[0]), port) === "for the machine only")
    await installation.create("third")
    assert.equal(incus.run("network", "get", bridge(), "security.acls"), "mine")
  })
})
