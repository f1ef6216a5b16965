// ./run: what cannot work is said before anything is installed or built, with the words to type; the file
// onboarding.toml counts as it does for the program; any path that the system allows will do.

import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { fileURLToPath } from "node:url"
import { freePorts, environment, temporaryDirectory } from "../support/server.mjs"
import { killAll } from "../support/processes.mjs"
import { send } from "../support/http.mjs"
import { until } from "../support/until.mjs"

const RUN = fileURLToPath(new URL("../../run", import.meta.url))
const isRoot = process.getuid?.() === 0

/** @type {string} */
let directory
/** @type {number[]} */
let ports
before(async () => {
  directory = temporaryDirectory()
  ports = await freePorts(3)
})
after(() => killAll(directory))

/** A folder to start in, with a file of settings. @param {string} name @param {string} toml */
function place(name, toml) {
  const folder = join(directory, name)
  mkdirSync(folder)
  writeFileSync(join(folder, "onboarding.toml"), toml)
  return folder
}

const portsAsToml = () =>
  `sandbox_port = ${ports[2]}\n[http]\nport = ${ports[0]} # the console's\n[tenant]\nport = ${ports[1]}\n`

/** @param {string} folder @param {RegExp} sentence @param {string[]} [words] @param {string[]} [command] */
function isRefused(folder, sentence, words = [], command = [RUN]) {
  const [program = RUN, ...rest] = [...command, ...words]
  const ended = spawnSync(program, rest, { cwd: folder, env: environment({}), encoding: "utf8", timeout: 60_000 })
  assert.match(ended.stderr, /^error: /, "it is the first thing that it says")
  assert.match(ended.stderr, sentence)
  assert.equal(ended.status, 1)
}

test("a port that is taken: who has it, and what to type", async () => {
  const folder = place("taken", portsAsToml())
  const blocker = createServer()
  await new Promise(resolve => blocker.listen(ports[1], "127.0.0.1", () => resolve(null)))
  isRefused(folder, new RegExp(`port ${ports[1]} \\(tenant-port\\) is taken by node.* \\(pid ${process.pid}\\)`))
  isRefused(folder, new RegExp(`run --demo --tenant-port [0-9]+\n *kill ${process.pid}`), ["--demo"])
  // What was asked for is exchanged, not said twice.
  const asked = ["--tenant-port", String(ports[1]), "--demo", `--sandbox-port=${ports[2]}`]
  isRefused(folder, new RegExp(`run --demo --sandbox-port=${ports[2]} --tenant-port [0-9]+\n`), asked)
  await new Promise(resolve => blocker.close(resolve))
})

test("a data directory that cannot be one", () => {
  const folder = place("data", portsAsToml())
  const file = join(folder, "file")
  writeFileSync(file, "mine")
  writeFileSync(join(folder, "other.toml"), `[data]\ndir = "${file}"\n`)
  isRefused(folder, /file is no directory/, ["--config", "other.toml"])
  isRefused(folder, /too long a path/, ["--data-dir", join(folder, "d".repeat(90))])
  isRefused(folder, /line break/, ["--data-dir", `${folder}/a\nb`])
})

test("a data directory in somebody else's folder", { skip: !isRoot && "needs root" }, () => {
  const folder = place("closed", portsAsToml())
  const closed = join(folder, "mine")
  mkdirSync(closed, { mode: 0o700 })
  isRefused(folder, /chmod o\+x '.*mine'/, ["--data-dir", join(closed, "data")])
  chmodSync(closed, 0o755)
  chownSync(folder, 65534, 65534)
  // Where this tree lies, nobody else may come.
  const tree = join(folder, "tree")
  for (const name of ["run", "scripts"]) cpSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), join(tree, name), { recursive: true })
  chownSync(tree, 65534, 65534)
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", join(tree, "run")]
  isRefused(folder, /may not write into .*mine/, ["--data-dir", join(closed, "data")], nobody)
  assert.deepEqual(readdirSync(closed), [])
})

test("onboarding.toml, a path of blanks, quotes and dollars, and a folder with strangers' files", async () => {
  const folder = place("wild", `data_dir = 'da ta "q" $x'\n${portsAsToml()}[owner]\npassword = "a good password"\n`)
  const data = join(folder, 'da ta "q" $x')
  mkdirSync(data, { mode: 0o755 })
  writeFileSync(join(data, "letter.txt"), "mine")
  chmodSync(data, 0o775)
  const child = spawn(RUN, [], { cwd: folder, env: environment({}), stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", chunk => (output += chunk))
  const ended = new Promise(resolve => child.once("exit", resolve))
  try {
    await until("the box is there", () => {
      if (child.exitCode !== null) throw Object.assign(new Error(output), { isFinal: true })
      return output.includes("|  Stop ")
    })
    assert.ok(existsSync(join(data, "postgres/data/PG_VERSION")), output)
    assert.equal(statSync(data).mode & 0o777, 0o775, "its mode is as it was")
    const answer = await until("the console answers", () =>
      send(`https://localhost:${ports[0]}/healthz`, { ca: readFileSync(join(data, "tls/ca.pem"), "utf8") }))
    assert.equal(answer.status, 200)
  } finally {
    child.kill("SIGINT")
    await ended
  }
})

test("Ctrl-C ends what ./run waits for", async () => {
  const folder = place("interrupted", "")
  symlinkSync(process.env.SCRIPTS ?? fileURLToPath(new URL("../../scripts", import.meta.url)), join(folder, "scripts"))
  const started = join(folder, "started")
  // As a long `apt install`, in front of a terminal's group of processes.
  const script = `ROOT='${folder}'; . "$ROOT/scripts/build.sh"; lively sh -c 'touch "$0"; sleep 4321' '${started}'`
  const run = spawn("bash", ["-c", script], { detached: true, stdio: "ignore" })
  const group = -(/** @type {number} */ (run.pid))
  const isAlive = () => {
    try {
      return process.kill(group, 0)
    } catch {
      return false
    }
  }
  try {
    await until("it works", () => existsSync(started))
    process.kill(group, "SIGINT")
    await until("nothing of it is left", () => !isAlive())
  } finally {
    if (isAlive()) process.kill(group, "SIGKILL")
  }
})
