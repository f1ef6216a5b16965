// The drivers' contract (tests/functional/driver_test.cpp) with a real Incus beside the processes.

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { dirname, join } from "node:path"
import { test } from "node:test"
import { buildImage, Incus } from "../support/incus.mjs"
import { BINARY, environment, temporaryDirectory } from "../support/server.mjs"

test("processes and containers keep the same promises", async () => {
  const incus = new Incus({ pool: "2GiB" }).up()
  try {
    await buildImage({ data_dir: join(temporaryDirectory(), "data"), provisioner: "incus", incus_url: incus.socket })
    const program = join(dirname(BINARY), "tests/functional_tests")
    const done = spawnSync(program, ["-sf=*functional/driver_test.cpp"], {
      encoding: "utf8",
      env: environment({}, { ONBOARDING_TEST_INCUS_URL: incus.socket }),
    })
    assert.equal(done.status, 0, done.stdout + done.stderr)
    assert.match(done.stdout, /test cases: +\d+ \|/)
    assert.deepEqual(incus.instances(), [])
  } finally {
    incus.down()
  }
})
