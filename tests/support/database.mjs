// SQL against the private cluster of a server, through PostgreSQL's own psql and as its superuser.

import { execFile } from "node:child_process"
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

const INSTALLATIONS = "/usr/lib/postgresql"

/** The newest installed program of PostgreSQL. @param {string} name */
export function postgresProgram(name) {
  const versions = readdirSync(INSTALLATIONS).sort((one, other) => Number(other) - Number(one))
  const found = versions.map(version => join(INSTALLATIONS, version, "bin", name)).find(path => existsSync(path))
  if (!found) throw new Error(`PostgreSQL's ${name} is not installed below ${INSTALLATIONS}`)
  return found
}

/** Where the cluster is goes into the environment, so that psql does not count as its process. */
/** @param {string} dataDir */
export const connectionTo = dataDir => ({
  PGHOST: join(dataDir, "postgres/socket"),
  PGPORT: "5432",
  PGUSER: "onboarding",
  PGDATABASE: "onboarding",
  PGPASSWORD: readFileSync(join(dataDir, "secrets/postgres_password"), "utf8").trim(),
  PGCONNECT_TIMEOUT: "5",
})

/** @param {string} dataDir @param {string} sql */
export async function execute(dataDir, sql) {
  const { stdout } = await promisify(execFile)(
    postgresProgram("psql"),
    ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", sql],
    { env: connectionTo(dataDir), maxBuffer: 64 * 1024 * 1024 },
  )
  return stdout.trim()
}

/** Rows of a query as objects. @param {string} dataDir @param {string} sql @returns {Promise<any[]>} */
export async function rows(dataDir, sql) {
  return JSON.parse(await execute(dataDir, `SELECT coalesce(json_agg(q), '[]') FROM (${sql}) q`))
}

/** The single value of a query. @param {string} dataDir @param {string} sql @returns {Promise<any>} */
export async function value(dataDir, sql) {
  const [row] = await rows(dataDir, sql)
  return row && Object.values(row)[0]
}
