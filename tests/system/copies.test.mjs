// A copy of the database beside the original, with the same backup folder, on the same PostgreSQL: a staging
// machine, or what a restored backup is for everybody who cannot know that the original is gone.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { Customer, logIn } from "../support/customer.mjs"
import { execute, postgresProgram, value } from "../support/database.mjs"
import { Server } from "../support/server.mjs"
import { until } from "../support/until.mjs"

/** @type {Server} */
let original
/** @type {Server | undefined} */
let copy
before(async () => {
  original = await Server.prepare()
  original.settings.backup_dir = join(original.directory, "backups")
  await original.start()
})
after(async () => {
  await copy?.remove()
  await original?.remove()
})

/** @param {Server} server @param {string} method @param {string} path @param {object} [body] */
async function ask(server, method, path, body) {
  const { accessToken } = await logIn(server)
  const answer = await server.get(path, { method, body, headers: { authorization: `Bearer ${accessToken}` } })
  assert.ok(answer.status < 300, answer.text)
  return answer.body
}

/** @param {Server} server @param {string} id @param {string} state */
const becomes = (server, id, state) =>
  until(`${id} is ${state}`, async () => (await ask(server, "GET", `/api/tenants/${id}`)).state === state, { every: 300 })

/** Every file of the folder with its length and time. @param {string} folder */
const filesIn = folder =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map(name => [name, statSync(join(folder, name))])
    .filter(([, found]) => /** @type {any} */ (found).isFile())
    .map(([name, found]) => `${name} ${/** @type {any} */ (found).size} ${/** @type {any} */ (found).mtimeMs}`)
    .sort()

test("the copy brings its tenants back from the backups, ends them, and the original notices nothing", async () => {
  const customer = new Customer(original)
  await customer.goLive()
  await ask(original, "POST", "/api/tenants/ten_1/backups")
  await until("it is backed up", () =>
    value(original.dataDir, "SELECT count(*) FROM tenant_backups WHERE state = 'verified'").then(count => count === 1))
  const archives = join(original.directory, "backups/archives")
  const own = filesIn(archives)
  assert.equal(own.length, 2)  // the archive and the mark of the place

  const password = readFileSync(join(original.dataDir, "secrets/postgres_password"), "utf8").trim()
  const socket = join(original.dataDir, "postgres/socket")
  const connection = { PGHOST: socket, PGUSER: "onboarding", PGPASSWORD: password }
  await execute(original.dataDir, "CREATE DATABASE staging")
  const dump = execFileSync(postgresProgram("pg_dump"), ["--format=custom", "onboarding"], {
    env: connection,
    maxBuffer: 256 * 1024 * 1024,
  })
  execFileSync(postgresProgram("pg_restore"), ["--dbname=staging"], { env: connection, input: dump })

  copy = await Server.prepare()
  Object.assign(copy.settings, {
    backup_dir: original.settings.backup_dir,
    database_url: `postgresql://onboarding:${password}@/staging?host=${socket}`,
  })
  copy.email = original.email
  copy.password = original.password
  mkdirSync(copy.dataDir, { recursive: true, mode: 0o711 })
  mkdirSync(join(copy.dataDir, "secrets"), { mode: 0o700 })
  copyFileSync(join(original.dataDir, "secrets/master_key"), join(copy.dataDir, "secrets/master_key"))
  await copy.start()

  const twin = copy
  await until("the copy's tenant is back", async () => (await twin.tenant(customer.subdomain)).status === 200, { every: 300 })
  await customer.assertTenantAnswers()
  await ask(copy, "DELETE", `/api/tenants/ten_1?action=delete&confirm=${customer.subdomain}`)
  await becomes(copy, "ten_1", "archived")
  await ask(copy, "POST", "/api/tenants/ten_1/purge", { confirm: customer.subdomain })
  await becomes(copy, "ten_1", "purged")

  await customer.assertTenantAnswers()
  assert.deepEqual(await filesIn(archives).filter(name => own.includes(name)), own)
  const databases = await value(
    original.dataDir,
    "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE '%tenant%'",
  )
  assert.equal(databases, "onboarding_tenant_1")
  await ask(original, "POST", "/api/tenants/ten_1/backups/bkp_1/restore", { confirm: customer.subdomain })
  await until("the original restores its own", () =>
    value(original.dataDir, "SELECT state FROM tenant_operations WHERE kind = 'restore'").then(state => state === "succeeded"))
  await customer.assertTenantAnswers()
})
