// What every real application must live through, from a stranger's payment to its end: the customer's
// own login works at their own address each time, and their data are theirs.

import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"
import { after, before, beforeEach, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { rows, value } from "../support/database.mjs"
import { until } from "../support/until.mjs"
import { SpanishCustomer } from "./customer.mjs"
import { PATIENCE, Place } from "./place.mjs"

/**
 * A person who is logged in to the application.
 * @typedef {object} User
 * @property {(name: string) => Promise<unknown>} addPerson
 * @property {(name: string) => Promise<boolean>} knows
 * @property {(name: string, text: string) => Promise<void>} attach
 * @property {(name: string) => Promise<string | undefined>} attachment
 * @property {() => Promise<object>} introduction
 */
/** @typedef {import("../support/server.mjs").Server} Server */
/** @typedef {{ login: string, password: string, url: string }} Credentials */

const FILE = "an attached file, longer than what a database would take beside its rows ".repeat(2000)

/** What a damaged archive may look like once its checksum says nothing. @type {[string, string][]} */
const DAMAGES = [
  ["cut off", "head -c 20000 good >bad"],
  ["no archive at all", "head -c 20000 /dev/urandom >bad"],
  ["another application's", "tar --zstd -xf good; sed -i 's/: \"/: \"other-/' manifest.json; tar --zstd -cf bad manifest.json database.dump files"],
  ["a dump that ends early", "tar --zstd -xf good; truncate -s -50000 database.dump; tar --zstd -cf bad manifest.json database.dump files"],
]

/**
 * @param {object} application
 * @param {string} application.blueprint
 * @param {(server: Server, subdomain: string, credentials: { login: string, password: string }) => Promise<User | undefined>} application.enter
 * @param {(customer: SpanishCustomer) => object} application.introduction what a Spanish customer's own looks like
 * @param {(pooled: { user: any, customer: SpanishCustomer, id: string }, cold: { user: any, customer: SpanishCustomer, id: string }, place: Place) => Promise<void>} [application.alsoTrue]
 */
export function describeLife({ blueprint, enter, introduction, alsoTrue }) {
  describe(blueprint, () => {
    /** @type {Place} */
    let place
    /** @type {SpanishCustomer} */
    let acme
    let id = ""
    /** @type {Credentials} */
    let credentials
    let failed = false

    before(async () => {
      place = await Place.open(blueprint)
    })
    beforeEach(() => place.logIn())
    after(async () => {
      if (failed) process.stderr.write(place.lastWords())
      await place?.close()
    })

    /** A step of the story: when one fails, those after it say nothing. @param {string} name @param {(context: import("node:test").TestContext) => Promise<void>} story */
    const chapter = (name, story) =>
      test(name, async context => {
        if (failed) return context.skip("an earlier chapter failed")
        try {
          await story(context)
        } catch (error) {
          failed = true
          throw error
        }
      })

    /** Whoever may come in; throws when nobody may. @param {SpanishCustomer} customer @param {Credentials} [own] */
    async function comeIn(customer, own = credentials) {
      const user = await enter(place.server, customer.subdomain, own)
      assert.ok(user, `${own.login} does not come in at ${customer.subdomain}`)
      return user
    }

    /** Opens the link in the mail that says that it runs. @param {SpanishCustomer} customer @returns {Promise<Credentials>} */
    async function credentialsFromMail(customer) {
      const mail = await place.mailTo(customer.email, "tenant_ready")
      const [link] = mail.match(/https:\/\/\S+\/access\/\S+/) ?? []
      assert.ok(link, mail)
      const opened = await place.openAccess(link)
      assert.equal(opened.status, 200, opened.text)
      assert.equal((await place.openAccess(link)).status, 410, "it works once")
      return opened.body
    }

    /** Payment to live as the dashboard counts it, and where the time went. @param {import("node:test").TestContext} context @param {string} tenant @param {string} how */
    async function report(context, tenant, how) {
      const number = tenant.replace("ten_", "")
      const [{ seconds, steps }] = await rows(
        place.server.dataDir,
        `SELECT round(extract(epoch FROM live_at - queued_at), 1) AS seconds,
                (SELECT string_agg(name || ' ' || round(extract(epoch FROM finished_at - started_at), 1), ', ' ORDER BY position)
                   FROM provisioning_steps WHERE tenant_id = tenants.id) AS steps
           FROM tenants WHERE id = ${number}`,
      )
      context.diagnostic(`${blueprint}, ${how}: paid to live in ${seconds} s (${steps}); load ${loadavg()[0].toFixed(1)}`)
    }

    chapter("a stranger pays, and their own login works at their own address", async context => {
      acme = new SpanishCustomer(place.server, { subdomain: "acme", company: "Ñandú & Hijos <S.L.>" })
      await acme.goLive()
      id = await place.tenantId("acme")
      await report(context, id, "built from the image")
      credentials = await credentialsFromMail(acme)
      assert.equal(credentials.login, acme.email)
      assert.equal(credentials.url, `http://acme.localhost:${place.server.tenantPort}`)
      await comeIn(acme)
      assert.equal(await enter(place.server, "acme", { ...credentials, password: "admin" }), undefined)
      assert.equal(await enter(place.server, "acme", { login: "admin", password: "admin" }), undefined)
    })

    chapter("company, country, currency and language are those of the sign-up", async () => {
      const user = await comeIn(acme)
      assert.deepEqual(await user.introduction(), introduction(acme))
    })

    chapter("what was backed up comes back, files too, and what came later is gone", async () => {
      const user = await comeIn(acme)
      await user.addPerson("Old Partner")
      await user.attach("contract.txt", FILE)
      const backup = await place.backUp(id)
      await user.addPerson("Later Partner")
      assert.equal(await user.knows("Later Partner"), true)
      const ended = await place.restore(id, "acme", backup.id)
      assert.equal(ended.state, "succeeded", JSON.stringify(ended))
      await place.answers("acme")
      const again = await comeIn(acme)
      assert.equal(await again.knows("Old Partner"), true)
      assert.equal(await again.knows("Later Partner"), false)
      assert.equal(await again.attachment("contract.txt"), FILE)
      assert.deepEqual(await again.introduction(), introduction(acme))
    })

    chapter("a backup that was damaged is refused and the tenant runs on", async () => {
      const user = await comeIn(acme)
      const backup = await place.backUp(id)
      await user.addPerson("After The Backup")
      const { dataDir } = place.server
      const [{ location }] = await rows(dataDir, `SELECT location FROM tenant_backups WHERE id = ${backup.id.replace(/\D/g, "")}`)
      const file = join(dataDir, "backups/archives", location)
      const bytes = readFileSync(file)
      bytes[bytes.length >> 1] ^= 0xff
      writeFileSync(file, bytes)
      const ended = await place.restore(id, "acme", backup.id)
      assert.equal(ended.state, "failed")
      assert.equal(ended.error_code, "archive_damaged")
      assert.equal(await (await comeIn(acme)).knows("After The Backup"), true)
    })

    chapter("its own script refuses what is no whole backup, and leaves nothing behind", async () => {
      const [backup, restore] = ["backup", "restore"].map(name => readFileSync(fileURLToPath(new URL(`../../blueprints/${blueprint}/${name}.sh`, import.meta.url)), "utf8"))
      const container = place.instanceOf(id).name
      const inside = (/** @type {string} */ script, archive = "") =>
        place.incus(["exec", container, "--cwd", "/var/tmp", "--env", `ARCHIVE=${archive}`, "--env", `TENANT_URL=${credentials.url}`, "--", "/bin/bash", "-c", script])
      const databases = () => inside("su postgres -c \"psql -Atc 'SELECT datname FROM pg_database ORDER BY 1'\"")
      const before = databases()
      inside(backup, "/var/tmp/good")
      for (const [what, damage] of DAMAGES) {
        inside(`set -e; ${damage}`)
        assert.throws(() => inside(restore, "/var/tmp/bad"), error => /nothing was changed/.test(/** @type {any} */ (error).stderr), what)
        assert.equal(databases(), before, what)
      }
      assert.equal(await (await comeIn(acme)).knows("After The Backup"), true)
      inside("rm -rf /var/tmp/*")
    })

    chapter("suspended there is a page instead; resumed the login works again", async () => {
      await place.ask("DELETE", `/api/tenants/${id}?action=suspend`)
      await place.becomes(id, "suspended")
      const page = await place.server.tenant("acme", "/", { headers: { "accept-language": "es" } })
      assert.equal(page.status, 503)
      assert.match(page.text, /<html lang="es"/)
      await assert.rejects(() => enter(place.server, "acme", credentials), /503/)
      await place.ask("POST", `/api/tenants/${id}/resume`, {})
      await place.becomes(id, "live")
      assert.equal(await (await comeIn(acme)).knows("Old Partner"), true)
    })

    chapter("staff make a new way in; the old password is over", async () => {
      const { url } = await place.ask("POST", `/api/tenants/${id}/owner-link`, {})
      const opened = await place.openAccess(url)
      assert.equal(opened.status, 200, opened.text)
      assert.equal((await place.openAccess(url)).status, 410)
      assert.equal(await enter(place.server, "acme", credentials), undefined)
      credentials = opened.body
      await comeIn(acme)
    })

    chapter("who comes next gets a place that was ready before", async context => {
      await place.server.stop()
      place.server.settings.pool_size = 1
      await place.server.start()
      await place.logIn()
      await until(
        "a place of each plan is ready",
        async () => {
          const { data } = await place.ask("GET", "/api/tenants/pool")
          return data.every((/** @type {any} */ plan) => plan.ready === 1)
        },
        { every: 500, patience: PATIENCE },
      )
      const globex = new SpanishCustomer(place.server, { subdomain: "globex", company: "Globex España" })
      await globex.goLive()
      const pooled = await place.tenantId("globex")
      assert.equal(await value(place.server.dataDir, `SELECT from_pool FROM tenants WHERE id = ${pooled.replace("ten_", "")}`), true)
      await report(context, pooled, "from the standby pool")
      const own = await credentialsFromMail(globex)
      const user = await comeIn(globex, own)
      assert.deepEqual(await user.introduction(), introduction(globex))
      assert.equal(await user.knows("Old Partner"), false)
      assert.equal(await enter(place.server, "acme", own), undefined, "it opens nobody else's")
      await alsoTrue?.({ user, customer: globex, id: pooled }, { user: await comeIn(acme), customer: acme, id }, place)
    })

    chapter("deleted and purged, nothing of it is left in Incus", async () => {
      await place.server.stop()
      place.server.settings.pool_size = 0
      await place.server.start()
      await place.logIn()
      for (const subdomain of ["acme", "globex"]) {
        const tenant = await place.tenantId(subdomain)
        await place.ask("DELETE", `/api/tenants/${tenant}?action=delete&confirm=${subdomain}`)
        await place.becomes(tenant, "archived")
        await place.ask("POST", `/api/tenants/${tenant}/purge`, { confirm: subdomain })
        await place.becomes(tenant, "purged")
        assert.equal((await place.server.tenant(subdomain)).status, 404)
      }
      await until("no container is left", () => place.instances().length === 0, { every: 250, patience: PATIENCE })
    })
  })
}
