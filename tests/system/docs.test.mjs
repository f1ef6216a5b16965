// The commands of the documentation run as they are printed and answer what is printed below them.

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { BINARY, Server } from "../support/server.mjs"

/**
 * The ```sh blocks of a page, each with the block of output that follows it before the next one.
 * @param {string} page
 */
function commandsOf(page) {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8")
  /** @type {{ command: string, printed?: string }[]} */
  const found = []
  for (const [, language, content] of text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (language === "sh") found.push({ command: content })
    else if (found.length && found[found.length - 1].printed === undefined) found[found.length - 1].printed = content
  }
  return found
}

/** "…" stands for anything on its line. @param {string} printed */
function pattern(printed) {
  const parts = printed.trim().split("…").map(part => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  return new RegExp(`^${parts.join(".*")}$`)
}

describe("the documentation's commands", () => {
  /** @type {Server} */
  let server
  before(async () => {
    server = await Server.prepare()
    await server.start()
    // As installed: the program is in the path.
    mkdirSync(join(server.directory, "bin"))
    symlinkSync(BINARY, join(server.directory, "bin/onboarding"))
  })
  after(() => server?.remove())

  for (const page of ["JWT_QUICKSTART.md", "JWT_AUTHENTICATION.md"])
    test(page, () => {
      const commands = commandsOf(page)
      assert.ok(commands.length > 5)
      const mark = "--- the next block ---"
      const directory = join(server.directory, page)
      mkdirSync(directory)
      const shell = spawnSync("bash", ["-euo", "pipefail"], {
        cwd: directory,
        input: commands.map(({ command }) => `${command}\necho; echo '${mark}'\n`).join(""),
        encoding: "utf8",
        env: {
          PATH: `${join(server.directory, "bin")}:${process.env.PATH}`,
          HOME: directory,
          BASE: server.url,
          CA: join(server.dataDir, "tls/ca.pem"),
          DATA: server.dataDir,
          EMAIL: server.email,
          PASSWORD: server.password,
        },
      })
      const answers = shell.stdout.split(mark).map(answer => answer.trim())
      assert.equal(shell.status, 0, `${shell.stderr}\n${answers.at(-1)}`)
      for (const [index, { command, printed }] of commands.entries()) {
        if (printed === undefined) continue
        assert.match(answers[index], pattern(printed), `after\n${command}`)
      }
    })
})
