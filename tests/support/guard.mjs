// Outlives the test that started it: when that ends, however it ends, everything that still runs for
// its data directory is killed and the directory is removed. The directory comes on standard input,
// because whatever names it on a command line counts as running for it.

import { rmSync } from "node:fs"
import { killAll } from "./processes.mjs"

process.chdir("/")
let directory = ""
process.stdin.setEncoding("utf8")
for (const signal of /** @type {NodeJS.Signals[]} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => {})
process.stdin.on("data", text => {
  directory += text
})
process.stdin.on("close", async () => {
  directory = directory.trim()
  if (!directory.startsWith("/tmp/")) return
  await killAll(directory)
  rmSync(directory, { recursive: true, force: true })
})
