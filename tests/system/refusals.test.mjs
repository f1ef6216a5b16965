// What cannot work is refused with a sentence that says what to do, the right exit status, and
// without a process left behind or a file changed.

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { Customer } from "../support/customer.mjs"
import { BINARY, freePorts, run, Server } from "../support/server.mjs"

const PORTS = ["http_port", "tenant_port", "sandbox_port"]

/** @type {Server} */
let server
before(async () => {
  server = await Server.prepare()
})
after(() => server?.remove())

/** Starts with other settings, expects a refusal in one line, and nothing running afterwards. */
/** @param {Record<string, string | number>} settings @param {RegExp} sentence @param {number} code */
async function isRefused(settings, sentence, code = 1, words = ["serve"]) {
  const ended = await run(words, { settings: { ...server.settings, ...settings } })
  const line = ended.output.trim().split("\n").at(-1) ?? ""
  if (code === 2) assert.equal(ended.output.trim(), line, "nothing was begun")
  assert.match(line, /^onboarding: /, ended.output)
  assert.match(line, sentence)
  assert.equal(ended.code, code, ended.output)
  assert.doesNotMatch(ended.output, /\|  Stop /, "it did not claim to be ready")
  await server.nothingLeft()
}

/** Names, sizes, modes and contents below a directory. @param {string} directory */
function fingerprint(directory) {
  const hash = createHash("sha256")
  for (const entry of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, entry)
    const { mode, size, uid } = statSync(path)
    hash.update(`${entry} ${mode} ${uid} ${statSync(path).isFile() ? size : ""}\n`)
    if (statSync(path).isFile()) hash.update(readFileSync(path))
  }
  return hash.digest("hex")
}

describe("settings", () => {
  test("an unknown one is named, with a suggestion", async () => {
    await isRefused({ htp_port: 1 }, /ONBOARDING_HTP_PORT.*ONBOARDING_HTTP_PORT/, 2)
    await isRefused({}, /--htp-port.*--http-port/, 2, ["serve", "--htp-port", "1"])
  })

  test("one in the file as well", async () => {
    const file = join(server.directory, "wrong.toml")
    writeFileSync(file, "[http]\nprot = 4443\n")
    await isRefused({}, /http.*prot.*http.*port/, 2, ["serve", "--config", file])
  })

  for (const [name, value, sentence] of /** @type {const} */ ([
    ["http_port", "99999", /ONBOARDING_HTTP_PORT.*99999.*65535/],
    ["http_port", "many", /ONBOARDING_HTTP_PORT.*many/],
    ["tenant_port", "0", /ONBOARDING_TENANT_PORT.*0/],
    ["log_level", "loud", /ONBOARDING_LOG_LEVEL.*loud.*debug/],
    ["provisioner", "magic", /ONBOARDING_PROVISIONER.*magic.*process/],
    ["stripe_api_base", "http://stripe.example", /ONBOARDING_STRIPE_API_BASE.*stripe\.example.*https/],
    ["owner_email", "nobody", /ONBOARDING_OWNER_EMAIL.*"nobody".*email address/],
    ["http_bind", "here", /ONBOARDING_HTTP_BIND.*"here".*numeric address/],
    ["http_listen", "here", /ONBOARDING_HTTP_LISTEN.*"here".*socket/],
    ["public_url", "gibberish", /ONBOARDING_PUBLIC_URL.*"gibberish".*https:/],
    ["public_url", "https://console.example.com/path", /ONBOARDING_PUBLIC_URL.*https:/],
    ["database_url", "gibberish", /ONBOARDING_DATABASE_URL is \(hidden\).*postgresql:/],
    ["tenant_domain", "bad domain!", /ONBOARDING_TENANT_DOMAIN.*"bad domain!".*example\.com/],
    ["mail_from", "nobody", /ONBOARDING_MAIL_FROM.*"nobody".*email address/],
    ["support_email", "nobody", /ONBOARDING_SUPPORT_EMAIL.*"nobody".*email address/],
    ["smtp_url", "gibberish", /ONBOARDING_SMTP_URL is \(hidden\).*smtps:/],
    ["blueprint", "nope", /ONBOARDING_BLUEPRINT.*"nope".*sample/],
    ["stripe_secret_key", "pk_live_x", /ONBOARDING_STRIPE_SECRET_KEY is \(hidden\).*publishable/],
    ["stripe_secret_key", "gibberish", /ONBOARDING_STRIPE_SECRET_KEY is \(hidden\).*sk_/],
    ["stripe_secret_key", "sk_live_of_nobody", /ONBOARDING_STRIPE_SECRET_KEY is a live key.*ONBOARDING_STRIPE_API_BASE/],
    ["stripe_webhook_secret", "gibberish", /ONBOARDING_STRIPE_WEBHOOK_SECRET is \(hidden\).*whsec_/],
    ["certificate_file", "/nowhere/chain.pem", /ONBOARDING_CERTIFICATE_FILE.*nowhere.*not there/],
    ["backup_s3_url", "s3://bucket", /ONBOARDING_BACKUP_S3_URL.*"s3:\/\/bucket".*https:/],
    ["backup_s3_url", "https://s3.example.com/bucket", /backup_s3_access_key/],
    ["incus_url", "gibberish", /ONBOARDING_INCUS_URL.*"gibberish".*socket/],
    ["acme_directory_url", "gibberish", /ONBOARDING_ACME_DIRECTORY_URL.*"gibberish".*https:/],
    ["domain_addresses", "here", /ONBOARDING_DOMAIN_ADDRESSES.*"here".*numeric/],
    ["dns_server", "here", /ONBOARDING_DNS_SERVER.*"here".*127\.0\.0\.1:53/],
    ["http_bind", "192.0.2.1", /192\.0\.2\.1.*http_bind/],
  ]))
    test(`${name} = ${value} is refused with name, value and what is allowed`, () =>
      isRefusedBeforeTheStart({ [name]: value }, sentence))

  test("a user that does not exist", { skip: process.getuid?.() !== 0 && "needs root" }, () =>
    isRefusedBeforeTheStart({ embedded_user: "nobody-there" }, /nobody-there.*embedded_user/))

  test("all that is wrong is said at once, by `config check` too", async () => {
    const wrong = {
      stripe_secret_key: "pk_live_x",
      smtp_url: "gibberish",
      public_url: "gibberish",
      tenant_domain: "bad domain!",
      mail_from: "nobody",
    }
    for (const words of [["config", "check"], ["serve"]]) {
      const { code, output } = await run(words, { settings: { ...server.settings, ...wrong } })
      assert.equal(code, 2, output)
      const lines = output.trim().split("\n")
      assert.equal(lines.length, Object.keys(wrong).length, output)
      for (const name of Object.keys(wrong))
        assert.ok(lines.some(line => line.startsWith(`onboarding: ONBOARDING_${name.toUpperCase()} is `)), `${name} in\n${output}`)
      assert.ok(!output.includes("pk_live_x"), "a key is not shown")
    }
    const { code, output } = await run(["config", "check"], { settings: { ...server.settings, blueprint: "nope" } })
    assert.equal(code, 2, output)
    assert.match(output, /ONBOARDING_BLUEPRINT is "nope".*sample/)
    assert.equal((await run(["config", "check"], { settings: server.settings })).code, 0)
  })

  test("a password that is too short, which is not shown", async () => {
    await isRefusedBeforeTheStart({ owner_password: "tiny-secret" }, /^(?!.*tiny).*ONBOARDING_OWNER_PASSWORD.*at least 12/)
  })

  for (const setting of PORTS)
    test(`${setting} is taken by another program`, () =>
      whileTaken(Number(server.settings[setting]), port =>
        isRefusedBeforeTheStart({}, new RegExp(`port ${port} .*taken by another program.*set ${setting}`))))

  test("the tenants' own HTTPS port is taken by another program", async () => {
    const [tenant_tls_port] = await freePorts(1)
    await whileTaken(tenant_tls_port, port =>
      isRefusedBeforeTheStart({ tenant_tls_port }, new RegExp(`port ${port} .*taken by another program.*set tenant_tls_port`)))
  })

  test("one port for two purposes", async () => {
    const { http_port, tenant_port } = server.settings
    await isRefusedBeforeTheStart({ tenant_tls_port: tenant_port }, new RegExp(`tenant_port and tenant_tls_port are both ${tenant_port}`))
    await isRefusedBeforeTheStart({ tenant_port: http_port }, new RegExp(`http_port and tenant_port are both ${http_port}`))
    await isRefusedBeforeTheStart({ sandbox_port: http_port }, new RegExp(`http_port and sandbox_port are both ${http_port}`))
  })

  test("a worker guesses nothing", async () => {
    const words = ["worker"]
    await isRefused({}, /ONBOARDING_DATABASE_URL.*serve/, 2, words)
    const database_url = "postgresql://nobody@127.0.0.1:1/nothing"
    await isRefused({ database_url }, /ONBOARDING_PUBLIC_URL/, 2, words)
    const public_url = "https://localhost"
    await isRefused({ database_url, public_url }, /ONBOARDING_STRIPE_API_BASE/, 2, words)
    const stripe_api_base = "http://localhost:1"
    await isRefused({ database_url, public_url, stripe_api_base }, /ONBOARDING_STRIPE_SECRET_KEY/, 2, words)
    const settings = { database_url, public_url, stripe_api_base, stripe_secret_key: "sk_test_1" }
    await isRefused(settings, /master_key.*copy/, 2, words)
    assert.ok(!existsSync(join(server.dataDir, "secrets/master_key")), "no key was made")
  })
})

/** As a wrong setting is refused: with exit status 2, and the data directory is not even begun. */
/** @param {Record<string, string | number>} settings @param {RegExp} sentence */
async function isRefusedBeforeTheStart(settings, sentence) {
  await isRefused(settings, sentence, 2)
  const made = existsSync(server.dataDir) ? readdirSync(server.dataDir) : []
  assert.ok(!made.some(name => ["postgres", "secrets", "front_door"].includes(name)), made.join(" "))
}

/** Another program sits on the port during `use`. @param {number} port @param {(port: number) => Promise<void>} use */
async function whileTaken(port, use) {
  const blocker = createServer(socket => socket.destroy())
  await new Promise((resolve, reject) => blocker.once("error", reject).listen(port, "127.0.0.1", () => resolve(null)))
  try {
    await use(port)
  } finally {
    await new Promise(resolve => blocker.close(resolve))
  }
}

describe("the data directory", () => {
  test("is a file", async () => {
    const file = join(server.directory, "file")
    writeFileSync(file, "mine")
    await isRefused({ data_dir: file }, /file.*data_dir/)
    assert.equal(readFileSync(file, "utf8"), "mine")
  })

  test("is named by nothing, or by more than one line", async () => {
    const empty = await run(["config", "check", "--data-dir", ""])
    assert.equal(empty.code, 2)
    assert.match(empty.output, /--data-dir is empty/)
    await isRefused({ data_dir: `${server.directory}/a\nb` }, /DATA_DIR/, 2)
  })

  test("lies below a file", async () => {
    await isRefused({ data_dir: join(server.directory, "file/data") }, /data_dir/)
  })

  test("has too long a path for a unix socket", async () => {
    await isRefused({ data_dir: join(server.directory, "d".repeat(90)) }, /too long.*shorter data_dir/)
  })

  test("may not be entered by the database's user", { skip: process.getuid?.() !== 0 && "needs root" }, async () => {
    const closed = join(server.directory, "closed")
    mkdirSync(closed, { mode: 0o700 })
    await isRefused({ data_dir: join(closed, "data") }, /cannot enter .*closed.*chmod o\+x/)
  })

  test("is not writable for this user", async () => {
    const directory = join(server.directory, "not-mine")
    mkdirSync(directory)
    if (process.getuid?.() === 0) {
      // Root may write everywhere, so nobody starts a copy that nobody can reach.
      const program = join(server.directory, "onboarding")
      copyFileSync(BINARY, program)
      const blueprints = join(server.directory, "blueprints")
      cpSync(new URL("../../blueprints", import.meta.url), blueprints, { recursive: true })
      const ended = spawnSync(
        "setpriv",
        ["--reuid=65534", "--regid=65534", "--clear-groups", "env", `ONBOARDING_DATA_DIR=${directory}`, `ONBOARDING_BLUEPRINTS_DIR=${blueprints}`, program, "serve"],
        { encoding: "utf8", cwd: "/" },
      )
      assert.ifError(ended.error)
      assert.match(ended.stderr, /onboarding: cannot .*not-mine.*Permission denied.*data_dir/)
      assert.equal(ended.status, 1)
    } else {
      chmodSync(directory, 0o500)
      await isRefused({ data_dir: directory }, /not-mine.*Permission denied.*data_dir/)
    }
    assert.deepEqual(readdirSync(directory), [])
  })

  test("lies on a read-only file system", { skip: !mayMount() && "needs root and mount namespaces" }, async () => {
    const mounted = join(server.directory, "read-only")
    mkdirSync(mounted)
    const ended = spawnSync(
      "unshare",
      ["--mount", "sh", "-c", 'mount -t tmpfs -o ro,size=1m none "$1" && exec env ONBOARDING_DATA_DIR="$1/data" "$2" serve', "sh", mounted, BINARY],
      { encoding: "utf8" },
    )
    assert.match(ended.stderr, /onboarding: .*read-only.*data_dir/i)
    assert.equal(ended.status, 1)
  })
})

function mayMount() {
  return process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "true"]).status === 0
}

const lost = () => undefined

/** Changes a file during `use`, which must leave it, the other secrets and the routes as they are. */
/** @param {string} name @param {(content: Buffer) => Buffer | string | undefined} change @param {() => Promise<void>} use */
async function changed(name, change, use) {
  const file = join(server.dataDir, name)
  const whole = readFileSync(file)
  const content = change(whole)
  if (content === undefined) renameSync(file, `${server.directory}/away`)
  else writeFileSync(file, content)
  const kept = () => [
    fingerprint(join(server.dataDir, "secrets")),
    readFileSync(join(server.dataDir, "front_door/hosts.map"), "utf8"),
    existsSync(file) && readFileSync(file, "utf8"),
  ]
  const before = kept()
  try {
    await use()
    assert.deepEqual(kept(), before, "nothing was written")
  } finally {
    if (content === undefined) renameSync(`${server.directory}/away`, file)
    else writeFileSync(file, whole)
  }
}

describe("an installation that has been used", () => {
  before(async () => {
    await server.start()
    await new Customer(server).goLive()
    await server.stop()
    await server.nothingLeft()
  })

  for (const setting of PORTS)
    test(`${setting} is taken by another program: the database is not even started`, () =>
      whileTaken(Number(server.settings[setting]), async port => {
        const log = join(server.dataDir, "logs/postgresql.log")
        const before = readFileSync(log, "utf8")
        await isRefused({}, new RegExp(`port ${port} .*taken by another program.*set ${setting}`), 2)
        assert.equal(readFileSync(log, "utf8"), before)
      }))

  test("the database is of another version", () =>
    changed("postgres/data/PG_VERSION", () => "12\n", () => isRefused({}, /PostgreSQL 12.*(postgresql-12|upgrade)/)))

  test("the database's password is lost", () =>
    changed("secrets/postgres_password", lost, () => isRefused({}, /password is missing: restore .*postgres_password/)))

  test("the master key is cut short", () =>
    changed("secrets/master_key", key => key.subarray(0, 16), () =>
      isRefused({}, /key file .*master_key does not hold exactly 32 bytes: restore it/)))

  test("the master key is another one", () =>
    changed("secrets/master_key", () => Buffer.alloc(32, 7), () =>
      isRefused({}, /master key does not open.*put back .*master_key/)))

  test("the master key is lost: no new one is made in its place", () =>
    changed("secrets/master_key", lost, () => isRefused({}, /key file .*master_key is missing: restore it/)))

  test("its owner has changed", { skip: process.getuid?.() !== 0 && "needs root" }, async () => {
    const data = join(server.dataDir, "postgres/data")
    const { uid, gid } = statSync(data)
    chownSync(data, 65534, 65534)
    await isRefused({}, /PostgreSQL did not start|belongs to|wrong ownership/)
    chownSync(data, uid, gid)
  })

  test("and after all that it starts as before", async () => {
    await server.start()
    assert.equal((await server.get("/readyz")).status, 200)
  })
})
