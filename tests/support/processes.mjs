// What runs on this machine for one data directory, read from /proc. A process belongs to the
// directory when its command line or working directory names it, or a setting in its environment.

import { readFileSync, readdirSync, readlinkSync } from "node:fs"
import { until } from "./until.mjs"

/** @typedef {{ pid: number, parent: number, command: string[] }} Process */

/** @param {string} path */
function text(path) {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return "" // it has ended meanwhile, or belongs to somebody else
  }
}

/** @param {number} pid */
function workingDirectory(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ""
  }
}

/** @param {number} pid state and parent, from proc(5): they follow the name, which may hold anything */
function stat(pid) {
  const line = text(`/proc/${pid}/stat`)
  const [state, parent] = line.slice(line.lastIndexOf(")") + 2).split(" ")
  return { state, parent: Number(parent) }
}

/** All living processes of a data directory. @param {string} dataDir @returns {Process[]} */
export function processesOf(dataDir) {
  const found = []
  for (const name of readdirSync("/proc")) {
    const pid = Number(name)
    if (!pid || pid === process.pid) continue
    const command = text(`/proc/${pid}/cmdline`).split("\0").slice(0, -1)
    const directory = workingDirectory(pid)
    const isOurs =
      command.some(word => word.includes(dataDir)) ||
      directory === dataDir ||
      directory.startsWith(`${dataDir}/`) ||
      text(`/proc/${pid}/environ`).split("\0").some(entry => entry.startsWith("ONBOARDING_") && entry.includes(dataDir))
    if (!isOurs) continue
    const { state, parent } = stat(pid)
    if (state && state !== "Z" && state !== "X") found.push({ pid, parent, command })
  }
  return found
}

/** @param {number} pid */
export function isAlive(pid) {
  const { state } = stat(pid)
  return Boolean(state) && state !== "Z" && state !== "X"
}

/** Kills by id what is left of a data directory and waits until nothing is. @param {string} dataDir */
export async function killAll(dataDir) {
  await until(`nothing runs in ${dataDir}`, () => {
    const left = processesOf(dataDir)
    for (const { pid } of left) signal(pid, "SIGKILL")
    return left.length === 0
  })
}

/** False when it has ended already. @param {number} pid @param {NodeJS.Signals} name */
export function signal(pid, name) {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** @param {Process[]} processes */
export const describeProcesses = processes =>
  processes.map(({ pid, command }) => `${pid} ${command.join(" ").slice(0, 120)}`).join("\n")

/** The children of a server by what they do. @param {string} dataDir */
export function roles(dataDir) {
  const all = processesOf(dataDir)
  const word = (/** @type {string} */ wanted) => (/** @type {Process} */ { command }) => command.includes(wanted)
  const isProgram = (/** @type {RegExp} */ name) => (/** @type {Process} */ { command }) => name.test(command[0] ?? "")
  const haproxies = all.filter(isProgram(/haproxy$/))
  return {
    server: all.find(word("serve")),
    sandbox: all.find(word("sandbox")),
    postmaster: all.find(process => isProgram(/bin\/postgres$/)(process) && word("-D")(process)),
    /** The master first, then its workers. */
    haproxies: haproxies.sort((one, other) => Number(isChild(one, haproxies)) - Number(isChild(other, haproxies))),
    tenants: all.filter(word("sample-app")),
  }
}

/** @param {Process} process @param {Process[]} among */
const isChild = ({ parent }, among) => among.some(({ pid }) => pid === parent)
