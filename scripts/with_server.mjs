// Starts a server on free ports with a data directory of its own, runs a command against it and
// takes everything away again, however this ends: `node scripts/with_server.mjs [--demo] -- node
// --test tests/browser`. The command finds the server through ONBOARDING_TEST_URL, _EMAIL,
// _PASSWORD, _TENANT_PORT, _DATABASE_URL (of the cluster, as its superuser), _DATA_DIR and
// _STRIPE_URL.

import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { Server } from "../tests/support/server.mjs"

const separator = process.argv.indexOf("--")
const command = separator < 0 ? [] : process.argv.slice(separator + 1)
if (command.length === 0) {
  console.error("usage: node scripts/with_server.mjs [options of `onboarding serve`] -- COMMAND [ARGUMENTS]")
  process.exit(2)
}
const options = process.argv.slice(2, separator)

/** @param {import("node:child_process").ChildProcess} child @returns {Promise<number>} */
const ended = child =>
  new Promise(resolve => {
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 1 : 0)))
    child.on("error", error => {
      console.error(error.message)
      resolve(127)
    })
  })

// Ctrl-C reaches the command as well; when it has ended, the server is stopped below.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})

const server = await Server.prepare({ owner_email: "owner@example.com", owner_password: "correct horse battery staple 1" })
let status = 1
try {
  await server.start(options)
  const password = readFileSync(`${server.dataDir}/secrets/postgres_password`, "utf8").trim()
  const child = spawn(command[0], command.slice(1), {
    stdio: "inherit",
    env: {
      ...process.env,
      ONBOARDING_TEST_URL: server.url,
      ONBOARDING_TEST_EMAIL: server.email,
      ONBOARDING_TEST_PASSWORD: server.password,
      ONBOARDING_TEST_TENANT_PORT: String(server.tenantPort),
      ONBOARDING_TEST_DATA_DIR: server.dataDir,
      ONBOARDING_TEST_STRIPE_URL: server.sandboxUrl,
      ONBOARDING_TEST_DATABASE_URL: `host=${server.dataDir}/postgres/socket dbname=postgres user=onboarding password=${password}`,
    },
  })
  status = await ended(child)
  if (!server.isRunning) {
    status ||= 1
    console.error("the server ended while it was tested")
  }
  if (status !== 0) console.error(`the server's last lines:\n${server.logs().split("\n").slice(-30).join("\n")}`)
} catch (error) {
  console.error(/** @type {Error} */ (error).message)
} finally {
  if (server.isRunning) await server.stop()
  await server.remove()
}
process.exit(status)
