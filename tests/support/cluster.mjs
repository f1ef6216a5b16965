// An empty PostgreSQL cluster of its own below /tmp, for tests that need a database and no server.
// It is thrown away afterwards, so nothing is written durably.

import { execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chownSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { postgresProgram } from "./database.mjs"
import { killAll } from "./processes.mjs"
import { temporaryDirectory } from "./server.mjs"
import { final, until } from "./until.mjs"

const run = promisify(execFile)

/** PostgreSQL refuses to run as root: then it runs as its own user. */
async function unprivilegedUser() {
  if (process.getuid?.() !== 0) return {}
  const { stdout } = await run("getent", ["passwd", "postgres"])
  const [, , user, group] = stdout.split(":")
  return { uid: Number(user), gid: Number(group) }
}

export async function startCluster() {
  const directory = temporaryDirectory()
  const [data, socket, passwordFile] = ["data", "socket", "password"].map(name => join(directory, name))
  const user = await unprivilegedUser()
  const password = randomBytes(12).toString("hex")
  writeFileSync(passwordFile, password)
  for (const path of [data, socket]) mkdirSync(path, { mode: 0o700 })
  if (user.uid) for (const path of [data, socket, passwordFile]) chownSync(path, user.uid, user.gid)
  await run(
    postgresProgram("initdb"),
    [`--pgdata=${data}`, "--username=tests", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
    { ...user, cwd: directory },
  )
  const logFile = join(directory, "log")
  const log = openSync(logFile, "a")
  const postmaster = spawn(
    postgresProgram("postgres"),
    ["-D", data, "-k", socket, "-h", "", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"],
    { ...user, cwd: directory, stdio: ["ignore", log, log] },
  )
  /** How libpq is told where it is: a directory as host is a unix socket. */
  const url = `postgresql://tests:${password}@/postgres?host=${encodeURIComponent(socket)}`
  try {
    await until("the cluster answers", async () => {
      if (postmaster.exitCode !== null) throw final(readFileSync(logFile, "utf8"))
      await run(postgresProgram("psql"), ["--no-psqlrc", "--command", "SELECT 1", url])
      return true
    })
  } catch (error) {
    await remove()
    throw error
  }
  return { url, remove }

  async function remove() {
    await killAll(directory)
    rmSync(directory, { recursive: true, force: true })
  }
}
