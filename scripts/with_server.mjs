// Starts a server on free ports with a data directory of its own, runs a command against it and
// takes everything away again: `node scripts/with_server.mjs [--demo] -- node --test tests/browser`.
// The command finds the server through ONBOARDING_TEST_URL, _EMAIL, _PASSWORD, _TENANT_PORT,
// _DATABASE_URL (an empty database of the same cluster), _DATA_DIR and _STRIPE_URL.

import { spawn } from "node:child_process"
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises"
import { get } from "node:https"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const START_PATIENCE_MS = 120_000
const PAUSE_MS = 100

const separator = process.argv.indexOf("--")
const command = separator < 0 ? [] : process.argv.slice(separator + 1)
if (command.length === 0) {
  console.error("usage: node scripts/with_server.mjs [options of `onboarding serve`] -- COMMAND [ARGUMENTS]")
  process.exit(2)
}
const options = process.argv.slice(2, separator)
const binary = process.env.ONBOARDING_BINARY ?? fileURLToPath(new URL("../build/release/onboarding", import.meta.url))

/** All probes stay open until every port is known, so that no port is given twice. */
async function freePorts(count) {
  const probes = Array.from({ length: count }, () => createServer())
  const ports = []
  for (const probe of probes) {
    await new Promise(resolve => probe.listen(0, "127.0.0.1", resolve))
    ports.push(probe.address().port)
  }
  await Promise.all(probes.map(probe => new Promise(resolve => probe.close(resolve))))
  return ports
}

function isReady(url) {
  return new Promise(resolve => {
    const request = get(`${url}/readyz`, { rejectUnauthorized: false, timeout: 2000 }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    request.on("error", () => resolve(false))
    request.on("timeout", () => request.destroy())
  })
}

const ended = child =>
  new Promise(resolve => {
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 1 : 0)))
    child.on("error", error => {
      console.error(error.message)
      resolve(127)
    })
  })

const directory = await mkdtemp(join(tmpdir(), "onboarding-test-"))
// The database and the front door run as users of their own, who have to pass through.
await chmod(directory, 0o711)
const dataDirectory = join(directory, "data")
const [httpPort, tenantPort, sandboxPort] = await freePorts(3)
const url = `https://localhost:${httpPort}`
const owner = { email: "owner@example.com", password: "correct horse battery staple 1" }

const server = spawn(binary, ["serve", ...options], {
  env: {
    ...process.env,
    ONBOARDING_DATA_DIR: dataDirectory,
    ONBOARDING_HTTP_PORT: String(httpPort),
    ONBOARDING_TENANT_PORT: String(tenantPort),
    ONBOARDING_SANDBOX_PORT: String(sandboxPort),
    ONBOARDING_OWNER_EMAIL: owner.email,
    ONBOARDING_OWNER_PASSWORD: owner.password,
  },
  stdio: ["ignore", "pipe", "pipe"],
})
let printed = ""
for (const stream of [server.stdout, server.stderr]) {
  stream.on("data", bytes => {
    printed = (printed + bytes).slice(-20_000)
  })
}
const serverEnded = ended(server)
let serverIsGone = false
serverEnded.then(() => {
  serverIsGone = true
})
// Ctrl-C reaches the command as well; when it has ended, the server is stopped below.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})

let status = 1
try {
  const deadline = Date.now() + START_PATIENCE_MS
  while (!(await isReady(url))) {
    if (serverIsGone || Date.now() > deadline) throw new Error(`the server did not start:\n${printed}`)
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
  const password = (await readFile(join(dataDirectory, "secrets/postgres_password"), "utf8")).trim()
  const child = spawn(command[0], command.slice(1), {
    stdio: "inherit",
    env: {
      ...process.env,
      ONBOARDING_TEST_URL: url,
      ONBOARDING_TEST_EMAIL: owner.email,
      ONBOARDING_TEST_PASSWORD: owner.password,
      ONBOARDING_TEST_TENANT_PORT: String(tenantPort),
      ONBOARDING_TEST_DATA_DIR: dataDirectory,
      ONBOARDING_TEST_STRIPE_URL: `http://localhost:${sandboxPort}`,
      ONBOARDING_TEST_DATABASE_URL: `host=${dataDirectory}/postgres/socket dbname=postgres user=onboarding password=${password}`,
    },
  })
  status = await ended(child)
  if (serverIsGone) {
    status ||= 1
    console.error("the server ended while it was tested")
  }
  if (status !== 0) console.error(`the server's last lines:\n${printed.split("\n").slice(-30).join("\n")}`)
} catch (error) {
  console.error(error.message)
} finally {
  if (!serverIsGone) server.kill("SIGINT")
  await serverEnded
  await rm(directory, { recursive: true, force: true })
}
process.exit(status)
