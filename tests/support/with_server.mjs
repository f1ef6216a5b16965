// Runs a command with a server of its own: node tests/support/with_server.mjs -- node --test tests/browser/
// The command finds it in ONBOARDING_TEST_URL, _EMAIL, _PASSWORD, _TENANT_PORT, _CA and in
// NODE_EXTRA_CA_CERTS. With --database instead it gets ONBOARDING_TEST_DATABASE_URL: an empty cluster.

import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { startCluster } from "./cluster.mjs"
import { BINARY, withServer } from "./server.mjs"

/** What CTest is told to understand as "skipped", see tests/CMakeLists.txt. */
const SKIPPED = 77

/** @param {string[]} words @param {Record<string, string>} environment @returns {Promise<number>} */
function runCommand([program, ...words], environment) {
  const child = spawn(program, words, { stdio: "inherit", env: { ...process.env, ...environment } })
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", code => resolve(code ?? 1))
  })
}

/** @param {string} reason */
function skip(reason) {
  console.log(`SKIPPED: ${reason}`)
  process.exit(SKIPPED)
}

const separator = process.argv.indexOf("--")
const options = process.argv.slice(2, Math.max(separator, 2))
const command = process.argv.slice(separator + 1)
const unknown = options.filter(option => !["--database", "--needs-chromium"].includes(option))
if (separator < 0 || command.length === 0 || unknown.length > 0) {
  console.error("usage: node tests/support/with_server.mjs [--database] [--needs-chromium] -- COMMAND…")
  process.exit(2)
}
if (options.includes("--needs-chromium") && !existsSync("/usr/bin/chromium")) skip("/usr/bin/chromium is not installed")

if (options.includes("--database")) {
  const cluster = await startCluster()
  try {
    process.exitCode = await runCommand(command, {
      ONBOARDING_BINARY: BINARY,
      ONBOARDING_TEST_DATABASE_URL: cluster.url,
    })
  } finally {
    await cluster.remove()
  }
} else {
  await withServer(async server => {
    process.exitCode = await runCommand(command, {
      ONBOARDING_BINARY: BINARY,
      ONBOARDING_TEST_URL: server.url,
      ONBOARDING_TEST_EMAIL: server.email,
      ONBOARDING_TEST_PASSWORD: server.password,
      ONBOARDING_TEST_TENANT_PORT: String(server.tenantPort),
      ONBOARDING_TEST_CA: join(server.dataDir, "tls/ca.pem"),
      NODE_EXTRA_CA_CERTS: join(server.dataDir, "tls/ca.pem"),
    })
    if (process.exitCode !== 0) process.stderr.write(`--- the last lines of the server ---\n${server.logs().slice(-4000)}\n`)
  })
}
