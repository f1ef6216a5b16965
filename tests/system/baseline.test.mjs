// What ./bench measures against does the same work: on one database it answers the list, health and
// webhook as the program does. Who adds a field here adds it there.

import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { createHmac, randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { logIn } from "../support/customer.mjs"
import { execute, postgresProgram, rows } from "../support/database.mjs"
import { send } from "../support/http.mjs"
import { freePorts, Server } from "../support/server.mjs"
import { final, until } from "../support/until.mjs"

const BENCHMARKS = fileURLToPath(new URL("../../benchmarks/", import.meta.url))

/** @param {string} secret @param {string} text */
const hmac = (secret, text) => createHmac("sha256", secret).update(text)

/** One of the baseline's own tokens, as long as it runs. @param {Buffer} key */
function token(key) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url")
  const now = Math.floor(Date.now() / 1000)
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "onboarding", aud: "onboarding-console", role: "owner", exp: now + 3600, jti: "test" })}`
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`
}

// Several subscriptions of which the newest is not the best, none, windows of maintenance that are open,
// over and to come, a backup, and letters that JSON writes in its own way.
const CORNERS = `
  INSERT INTO subscriptions (customer_id, tenant_id, stripe_subscription_id, status, currency, mrr, started_at, ended_at)
  SELECT id, id, 'sub_older' || id, 'canceled', 'eur', 100, now(), now() FROM tenants WHERE id BETWEEN 2 AND 4;
  INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib, memory_limit_mib,
                       cpu_limit_percent, provisioner, blueprint)
  VALUES (1, 'without-subscription', 'starter', 'rolled_back', 5, 5120, 512, 50, 'demo', 'sample');
  UPDATE tenants SET maintenance = true WHERE id = 5;
  UPDATE tenants SET maintenance = true, maintenance_until = now() - interval '1 hour' WHERE id = 6;
  UPDATE tenants SET maintenance = true, maintenance_from = now() + interval '1 day' WHERE id = 7;
  UPDATE tenants SET backed_up_at = '2026-01-02 03:04:05.678Z' WHERE id = 8;
  UPDATE customers SET company = E'Ñandú "Ltd" / <b> & \\\\ \\t 本' WHERE id = 9`

describe("the program and its baseline, on one database", () => {
  /** @type {Server} */
  let server
  /** @type {import("node:child_process").ChildProcess} */
  let baseline
  let url = ""
  /** @type {Record<string, string>} */
  let ours = {}
  /** @type {Record<string, string>} */
  let theirs = {}

  before(async () => {
    server = await Server.prepare()
    // Nobody changes what is compared.
    await server.start(["--no-jobs"])
    const password = readFileSync(join(server.dataDir, "secrets/postgres_password"), "utf8").trim()
    const database = `postgresql://onboarding:${password}@/onboarding?host=${join(server.dataDir, "postgres/socket")}`
    await promisify(execFile)(postgresProgram("psql"), ["--no-psqlrc", "--quiet", "--set=customers=200", `--file=${join(BENCHMARKS, "load.sql")}`, database])
    await execute(server.dataDir, CORNERS)
    const [port] = await freePorts(1)
    const key = randomBytes(32)
    url = `http://127.0.0.1:${port}`
    let said = ""
    baseline = spawn("/usr/bin/python3", [join(BENCHMARKS, "baseline/app.py")], {
      cwd: server.directory,
      env: {
        PATH: process.env.PATH,
        BENCH_DSN: database,
        BENCH_PORT: String(port),
        BENCH_SIGNING_KEY: key.toString("hex"),
        BENCH_WEBHOOK_SECRET: readFileSync(join(server.dataDir, "secrets/sandbox_webhook_secret"), "utf8"),
        BENCH_TENANT_PORT: String(server.tenantPort),
      },
      stdio: ["ignore", "ignore", "pipe"],
    })
    baseline.stderr?.on("data", chunk => (said += chunk))
    await until("the baseline answers", async () => {
      if (baseline.exitCode !== null) throw final(`the baseline ended:\n${said}`)
      return (await send(`${url}/healthz`)).status === 200
    })
    ours = (await logIn(server)).headers
    theirs = { authorization: `Bearer ${token(key)}` }
  })
  after(async () => {
    baseline?.kill()
    await server?.remove()
  })

  /** @param {string} path */
  const pair = async path => [await server.get(path, { headers: ours }), await send(url + path, { headers: theirs })]

  /** All that was answered but for the cursor, which is each side's own. @param {import("../support/http.mjs").Answer} answer */
  function comparable(answer) {
    const cursor = answer.body.next_cursor
    return [answer.status, answer.headers["content-type"], cursor ? answer.text.replace(JSON.stringify(cursor), '"…"') : answer.text]
  }

  test("the list, page after page to its end", async () => {
    const path = "/api/tenants?limit=50"
    let pages = await pair(path)
    let count = 1
    const compare = () => {
      assert.deepEqual(pages[1].body.data, pages[0].body.data) // shows what differs
      assert.deepEqual(comparable(pages[1]), comparable(pages[0]))
    }
    for (; pages[0].body.has_more; ++count) {
      compare()
      const after = pages.map(page => `${path}&cursor=${encodeURIComponent(page.body.next_cursor)}`)
      pages = [await server.get(after[0], { headers: ours }), await send(url + after[1], { headers: theirs })]
    }
    compare()
    assert.equal(count, 5, "pages of 201 tenants")
  })

  test("health", async () => {
    const [mine, others] = await pair("/healthz")
    assert.equal(mine.status, 200)
    assert.deepEqual([others.status, others.headers["content-type"], others.text], [mine.status, mine.headers["content-type"], mine.text])
  })

  test("the dashboard's jobs, durations and activity", async () => {
    const [mine, others] = await pair("/api/dashboard/metrics")
    assert.deepEqual([mine.status, others.status], [200, 200])
    for (const part of ["jobs", "activity", "provisioning"]) assert.deepEqual(others.body[part], mine.body[part], part)
  })

  test("a webhook, and the rows that it leaves", async () => {
    const secret = readFileSync(join(server.dataDir, "secrets/sandbox_webhook_secret"), "utf8")
    const now = Math.floor(Date.now() / 1000)
    /** @param {string} id @param {string} [forged] */
    const event = (id, forged) => {
      const text = JSON.stringify({
        id,
        object: "event",
        api_version: "2026-10-28.endive",
        created: now,
        livemode: false,
        type: "invoice.paid",
        data: { object: { id: `in_${id}`, object: "invoice", customer: "cus_bench1", status: "paid" } },
      })
      const signature = hmac(secret, `${now}.${text}${forged ?? ""}`).digest("hex")
      return { body: Buffer.from(text), headers: { "stripe-signature": `t=${now},v1=${signature}`, "content-type": "application/json" } }
    }
    const mine = await send(`${server.url}/webhook/stripe`, { method: "POST", ca: server.ca(), ...event("evt_ours") })
    const others = await send(`${url}/webhook/stripe`, { method: "POST", ...event("evt_theirs") })
    assert.equal(mine.status, 200, mine.text)
    assert.deepEqual([others.status, others.headers["content-type"], others.text], [mine.status, mine.headers["content-type"], mine.text])
    const kept = await rows(
      server.dataDir,
      `SELECT e.type, e.api_version, e.created, e.source, e.state, replace(e.payload::text, e.id, 'evt') AS payload,
              j.kind, j.state AS job_state, j.max_attempts, replace(j.payload::text, e.id, 'evt') AS job
         FROM stripe_events e JOIN jobs j ON j.payload ->> 'event_id' = e.id
        WHERE e.id IN ('evt_ours', 'evt_theirs') ORDER BY e.id`,
    )
    assert.equal(kept.length, 2)
    assert.deepEqual(kept[1], kept[0])

    const refused = await send(`${server.url}/webhook/stripe`, { method: "POST", ca: server.ca(), ...event("evt_forged", " ") })
    const refusedToo = await send(`${url}/webhook/stripe`, { method: "POST", ...event("evt_forged", " ") })
    assert.deepEqual([refusedToo.status, refusedToo.body.code], [refused.status, refused.body.code])
  })
})
