// kill -9 while a list's file is written: it is begun again, and there is one file.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { logIn } from "../support/customer.mjs"
import { execute, rows, value } from "../support/database.mjs"
import { Server } from "../support/server.mjs"
import { final, until } from "../support/until.mjs"

const ROWS = 200_000

/** @type {Server} */
let server
before(async () => {
  server = await Server.prepare()
  await server.start()
})
after(() => server?.remove())

test("an export whose worker is killed in the middle is whole, and there is one", async t => {
  await execute(
    server.dataDir,
    `INSERT INTO mails (template, locale, recipient, subject, body, state)
     SELECT 'welcome', 'en', 'p' || i || '@example.com', repeat('x', 200), '', 'kept' FROM generate_series(1, ${ROWS}) AS i`,
  )
  const session = await logIn(server)
  const ordered = await server.post(
    "/api/exports",
    { list: "mails", sort: "id", columns: ["id", "subject"] },
    { headers: session.writing },
  )
  assert.equal(ordered.status, 202, ordered.text)
  const path = ordered.headers.location
  const seen = await until(
    "some of it is written",
    async () => {
      const [row] = await rows(server.dataDir, "SELECT state, rows_done FROM exports")
      if (row.state === "done") throw final("it was written before it could be killed")
      return row.rows_done > 0 && row.rows_done
    },
    { every: 1 },
  )
  t.diagnostic(`killed after ${seen} of ${ROWS} rows`)
  await server.kill9()

  await server.start()
  const again = await logIn(server)
  await until("it is written", async () => {
    const answer = await server.get(path, { headers: again.headers })
    if (answer.body.state === "failed") throw final(answer.text)
    return answer.body.state === "done"
  })
  const file = await server.get(`${path}/file`, { headers: again.headers })
  assert.equal(file.status, 200)
  const ids = file.text.split("\r\n").filter((/** @type {string} */ line) => line.startsWith("mail_"))
  assert.equal(ids.length, ROWS)
  assert.equal(new Set(ids).size, ROWS)
  assert.equal(await value(server.dataDir, "SELECT count(*) FROM exports"), 1)
  assert.equal(
    await value(server.dataDir, "SELECT sum(octet_length(content)) = max(size_bytes) FROM export_parts, exports"),
    true,
  )
  assert.equal(
    await value(server.dataDir, "SELECT count(*) FROM jobs WHERE kind = 'list.make_export' AND state <> 'done'"),
    0,
  )
})
