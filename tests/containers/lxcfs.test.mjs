// An lxcfs that was killed leaves a mount that only refuses: the next start of Incus puts a living one in its place.
// In a mount namespace of its own, beside whatever else runs on this machine.

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const SCRIPT = fileURLToPath(new URL("../../scripts/incus.sh", import.meta.url))
const mayTry = process.getuid?.() === 0 && existsSync("/usr/bin/lxcfs") && existsSync("/dev/fuse")

test("a dead lxcfs does not stop the next start", { skip: !mayTry && "needs root, lxcfs and FUSE" }, () => {
  const ended = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", "bash", "-c", `
      umount -l /var/lib/lxcfs 2>/dev/null
      mount -t tmpfs none /run
      . "$1"
      DIR=/run; LXCFS_PID=/run/ours
      start_lxcfs
      head -c 9 /var/lib/lxcfs/proc/meminfo
      first=$(cat "$LXCFS_PID")
      kill -9 "$first"
      wait "$first" 2>/dev/null || true
      ! head -c 9 /var/lib/lxcfs/proc/meminfo 2>/dev/null
      start_lxcfs
      head -c 9 /var/lib/lxcfs/proc/meminfo
      kill "$(cat "$LXCFS_PID")"`, "-", SCRIPT],
    { encoding: "utf8" },
  )
  assert.equal(ended.stdout, "MemTotal:MemTotal:", ended.stderr)
  assert.equal(ended.status, 0, ended.stderr)
})
