// Advice names only commands that exist: whatever a text of ours tells somebody to type is understood by the program.

import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { run } from "../support/server.mjs"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))

/** @param {string} folder @param {RegExp} ending */
const filesIn = (folder, ending) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map(name => join(ROOT, folder, String(name)))
    .filter(name => ending.test(name) && !name.includes("node_modules"))

test("every command that a text names", async () => {
  const files = [
    ...filesIn("src", /(?<!_test)\.[ch]pp$/),
    ...filesIn("web/locales", /\.json$/),
    ...filesIn("docs", /\.md$/),
    join(ROOT, "README.md"),
    join(ROOT, "run"),
    ...filesIn("scripts", /\.sh$/),
  ]
  /** @type {Map<string, string>} */
  const commands = new Map()
  for (const file of files) {
    const text = readFileSync(file, "utf8")
    const named = /(?:[`'" /]onboarding |command_line\(")([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*)/g
    for (const [whole, words] of text.matchAll(named)) {
      // Prose says "another onboarding (pid 1)"; a command stands in backticks, quotes or a shell block.
      const isCommand = whole.startsWith("`") || whole.startsWith("command_line") || whole.startsWith("/")
      if (isCommand) commands.set(String(words), file)
    }
  }
  assert.ok(commands.size > 8, [...commands.keys()].join("; "))
  for (const [words, file] of commands) {
    const { code, output } = await run([...words.split(" "), "--help"])
    assert.equal(code, 0, `${file}: onboarding ${words}\n${output}`)
  }
})

test("what somebody is to type stands with the program's path: nobody is told only its name", () => {
  const bare = filesIn("src", /(?<!_test)\.[ch]pp$/).flatMap(file =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter(line => line.includes("`onboarding ") && !line.trimStart().startsWith("//"))
      .map(line => `${file}: ${line.trim()}`),
  )
  assert.deepEqual(bare, [])
})
