// What README says about real services works as it stands there: its settings are valid, and the doors open on the
// ports and names that it gives, in a network of this test's own.

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { killAll } from "../support/processes.mjs"
import { BINARY, temporaryDirectory } from "../support/server.mjs"

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8")

/** @type {string} */
let directory
/** @type {string} */
let settings
before(() => {
  directory = temporaryDirectory()
  const etc = join(directory, "etc")
  mkdirSync(etc)
  const made = spawnSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=console.example.com",
    "-addext", "subjectAltName=DNS:console.example.com,DNS:*.example.com", "-keyout", join(etc, "key"), "-out", join(etc, "chain"),
  ])
  assert.equal(made.status, 0, String(made.stderr))
  writeFileSync(join(etc, "certificate.pem"), readFileSync(join(etc, "chain"), "utf8") + readFileSync(join(etc, "key"), "utf8"))
  writeFileSync(join(etc, "stripe_key"), "sk_live_of_nobody_at_all\n")
  writeFileSync(join(etc, "stripe_webhook"), "whsec_of_nobody\n")
  const block = README.match(/In `production\.env`:\n\n```sh\n([\s\S]*?)```/)?.[1] ?? ""
  settings = block.replaceAll("/etc/onboarding", etc)
  writeFileSync(join(directory, "production.env"), `${settings}\nONBOARDING_DATA_DIR=${join(directory, "data")}\n`)
})
after(() => killAll(directory))

/** @param {string} script @param {string[]} [within] */
const shell = (script, within = []) => {
  const [program = "bash", ...words] = [...within, "bash", "-euo", "pipefail", "-c", script]
  return spawnSync(program, words, { cwd: directory, encoding: "utf8", timeout: 300_000, env: { PATH: process.env.PATH } })
}

test("the settings are valid", () => {
  const { status, stderr } = shell(`set -a; . ./production.env; set +a; "${BINARY}" config check`)
  assert.equal(status, 0, stderr)
})

const mayUnshare = process.getuid?.() === 0 && spawnSync("unshare", ["--net", "true"]).status === 0
test("console and tenants answer on 443 and 80 of every address", { skip: !mayUnshare && "needs root and network namespaces" }, () => {
  const { status, stdout, stderr } = shell(
    `ip link set lo up
     ip address add 203.0.113.7/32 dev lo
     set -a; . ./production.env; set +a
     "${BINARY}" serve >server.log 2>&1 &
     server=$!
     trap 'kill $server; wait $server || true' EXIT
     until grep -q '|  Stop ' server.log; do kill -0 $server || { cat server.log >&2; exit 1; }; read -rt 0.2 <> <(:) || true; done
     at() { curl -sS -o /dev/null -w '%{http_code} ' --cacert etc/chain --resolve "$1:443:203.0.113.7" --resolve "$1:80:203.0.113.7" "$2"; }
     at console.example.com https://console.example.com/healthz
     at nobody.example.com https://nobody.example.com/
     at nobody.example.com http://nobody.example.com/`,
    ["unshare", "--net"],
  )
  assert.equal(stdout, "200 404 307 ", stderr) // who comes without TLS is sent to it
  assert.equal(status, 0, stderr)
})
