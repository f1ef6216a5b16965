# shellcheck shell=bash
# Steps that ./run, ./test and ./lint share: words to the person, web packages, configure, build.
# Sourced after ROOT is set.

LOG="$ROOT/build/setup.log"

say() { printf '==> %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

if ! { mkdir -p "$ROOT/build" && touch "$LOG"; } 2>/dev/null; then
  fail "$(id -un) may not write into $ROOT/build, where the program is built: type
  sudo chown -R $(id -un): '$ROOT/build'"
fi

# lively COMMAND…: runs it with its words in $LOG, and shows every few seconds that it lives: how long
# it has worked, and its newest line.
lively() {
  local begun=$SECONDS status=0 watcher line
  # The command stands in front, so that Ctrl-C ends it; only who watches is behind.
  (while sleep 5 && kill -0 $$ 2>/dev/null; do
    line=$(tail -n 1 "$LOG" | tr -d '\r' | cut -c1-70)
    say "  $((SECONDS - begun)) s: ${line:-still at work}"
  done) &
  watcher=$!
  "$@" >>"$LOG" 2>&1 </dev/null || status=$?
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  return "$status"
}

# shellcheck source=scripts/packages.sh
. "$ROOT/scripts/packages.sh"

# install_web_packages DIRECTORY: npm ci, unless it was done for this very lock file.
install_web_packages() {
  local directory="$1"
  if cmp -s "$directory/package-lock.json" "$directory/node_modules/.installed-lock.json"; then
    return
  fi
  say "installing the packages of ${directory#"$ROOT"/}"
  # Node brings its own list of authorities; those that this machine trusts (a company's proxy) count.
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
  fi
  # Without scripts: nothing that is downloaded runs before somebody could read it.
  lively npm --prefix "$directory" ci --ignore-scripts --no-audit --no-fund --loglevel=http || {
    tail -n 20 "$LOG" >&2
    fail "npm ci failed in $directory (all output: $LOG); is the network there?"
  }
  cp "$directory/package-lock.json" "$directory/node_modules/.installed-lock.json"
}

# build_jobs: as many as there are cores, but no more than memory bears (1.2 GB a compiler).
build_jobs() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable/ { print int($2 / 1200000) }' /proc/meminfo)
  if [ "$by_memory" -lt "$cores" ]; then cores=$by_memory; fi
  if [ "$cores" -lt 1 ]; then cores=1; fi
  echo "$cores"
}

# build TARGET…: configures when that was not done yet (Ninja notices later changes by itself).
build() {
  if [ ! -f "$ROOT/build/release/build.ninja" ]; then
    say "configuring"
    lively cmake -S "$ROOT" --preset release || {
      tail -n 30 "$LOG" >&2
      fail "configuring failed (all output: $LOG)"
    }
  fi
  if [ -e "$ROOT/build/release/libcore.a" ]; then say "building $*"
  else say "building $* (the first time takes some minutes)"; fi
  NINJA_STATUS="[%f/%t, %es] " ninja -C "$ROOT/build/release" -j "$(build_jobs)" "$@" >&2 ||
    fail "the build failed; the first error stands above"
}
