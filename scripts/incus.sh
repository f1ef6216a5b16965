#!/usr/bin/env bash
# A private Incus that lives in a directory: no systemd, no settings of the machine, beside another
# one if need be. Needs root.
#
#   incus.sh install              the Debian packages that are missing
#   incus.sh up DIR NAME          starts it (again); prints the path of its socket
#   incus.sh stop DIR NAME        stops its containers and itself; everything is kept
#   incus.sh down DIR NAME        takes away all of it: containers, pool, bridge, mounts, DIR/incus
#   incus.sh down_after PID DIR NAME   the same as soon as that process has ended, however it did
#
# NAME (letters and digits, at most 11) makes the bridge's name. POOL_SIZE, such as 8GiB, is the
# most that the containers may take; it is not taken before they need it.
set -euo pipefail
ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
DAEMON=/usr/libexec/incus/incusd
LXCFS_PID=/run/onboarding-lxcfs.pid # of the one that all of ours share

incus_fail() {
  echo "error: $*" >&2
  exit 1
}

# ---- packages --------------------------------------------------------------------------------------

# incus_sources FILE: what this machine's own sources say, and the backports where Debian 12 has Incus.
incus_sources() {
  local archive key=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC2016 # apt's own names
  archive=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" { print $2; exit }')
  if [ -z "$archive" ]; then
    incus_fail "this machine's apt sources name no archive of Debian 12: install incus-base yourself"
  fi
  printf 'deb [signed-by=%s] %s %s main\n' "$key" "$archive" bookworm \
    "$key" "$archive" bookworm-backports >"$1"
}

incus_install() {
  # shellcheck source=scripts/build.sh
  . "$ROOT/scripts/build.sh"
  local missing view options=()
  mapfile -t missing < <(missing_packages incus)
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  if [ "$(debian_codename)" != bookworm ]; then
    install_packages incus
    return
  fi
  # A view of apt of its own, so that nothing else is ever taken from the backports.
  view=$(mktemp -d)
  mkdir -p "$view/lists/partial"
  chmod -R a+rX "$view"
  incus_sources "$view/sources.list"
  options=(-o "Dir::Etc::sourcelist=$view/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$view/lists" -t bookworm-backports)
  say "installing Incus: ${missing[*]}"
  apt_get "${options[@]}" update || true
  apt_get "${options[@]}" install -y --no-install-recommends "${missing[@]}" ||
    fail "Incus could not be installed (all output: $LOG)"
  rm -rf "$view"
}

# ---- where things are ------------------------------------------------------------------------------

incus_place() {
  DIR=$1 NAME=$2
  case "$NAME" in '' | *[!a-z0-9]* | ????????????*) incus_fail "NAME must be 1 to 11 letters or digits" ;; esac
  mkdir -p "$DIR"
  DIR=$(realpath "$DIR")
  export INCUS_DIR=$DIR/incus INCUS_CONF=$DIR/client
  BRIDGE=ob$NAME
  if [ "${#INCUS_DIR}" -gt 80 ]; then incus_fail "$INCUS_DIR is too long for a socket: use a shorter directory"; fi
  if [ "$(id -u)" -ne 0 ]; then incus_fail "Incus needs root"; fi
}

# incus_pid: of the daemon that runs in INCUS_DIR.
incus_pid() {
  local pid
  pid=$(cat "$DIR/incusd.pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(realpath "$DAEMON")" ] && echo "$pid"
}

# free_subnet: the first three numbers of a /24 that this machine has no address in and no way to.
free_subnet() {
  local taken second third
  taken=$(ip -4 route show table all; ip -4 -brief address)
  for _ in $(seq 200); do
    second=$((64 + RANDOM % 64)) third=$((RANDOM % 256))
    if ! grep -qF "10.$second.$third." <<<"$taken"; then
      echo "10.$second.$third"
      return
    fi
  done
  incus_fail "no free network was found below 10.64.0.0/10"
}

# pool_size: at most four fifths of what is free, because the pool's file grows when it is written.
pool_size() {
  local free
  free=$(df -Pk "$DIR" | awk 'NR == 2 { print int($4 * 0.8 / 1048576) }')
  echo "$((free < 64 ? free : 64))GiB"
}

# ---- up --------------------------------------------------------------------------------------------

# lxcfs_lives: it is mounted and answers; the mount of one that was killed stays, and only refuses.
lxcfs_lives() { timeout 5 head -c 1 /var/lib/lxcfs/proc/meminfo >/dev/null 2>&1; }

start_lxcfs() {
  if lxcfs_lives || ! command -v lxcfs >/dev/null || [ ! -e /dev/fuse ]; then return; fi
  while grep -q ' /var/lib/lxcfs ' /proc/self/mountinfo; do umount -l /var/lib/lxcfs || break; done
  mkdir -p /var/lib/lxcfs
  setsid lxcfs /var/lib/lxcfs >"$DIR/lxcfs.log" 2>&1 </dev/null &
  echo $! >"$LXCFS_PID"
  for _ in $(seq 50); do
    if lxcfs_lives; then return; fi
    sleep 0.1
  done
}

# cut_loose_wires PORT…: of those that hung on the bridge before the daemon came up, the ones that a machine or a
# daemon left behind when it was killed: their containers, which do not run, could not be started beside them. What
# hangs there since then may belong to a container that is only about to run.
cut_loose_wires() {
  local port running
  running=$(incus list --all-projects --format csv --columns s,volatile.eth0.host_name) || return 0
  running=$(awk -F, '$1 != "STOPPED" && $2 != "" { print $2 }' <<<"$running")
  for port in "$@"; do
    port=${port##*/}
    if [ "$port" = '*' ] || grep -qxF "$port" <<<"$running"; then continue; fi
    ip link delete "$port" 2>/dev/null || true
  done
}

# network_is_away: Incus has not brought it up. It looks at every interface of the machine and gives up when one of
# them, whosever it is, goes away in that moment; it would try again a minute later.
network_is_away() { incus query "/1.0/networks/$BRIDGE" 2>/dev/null | grep -q '"status": "Unavailable"'; }

start_daemon() {
  local pid wires
  if incus_pid >/dev/null; then return; fi
  wires=("/sys/class/net/$BRIDGE/brif"/*)
  launch_daemon
  for _ in 1 2 3 4; do
    if ! network_is_away; then break; fi
    # Anything gentler may end its containers, which run on.
    if pid=$(incus_pid); then kill -KILL "$pid"; fi
    while incus_pid >/dev/null; do sleep 0.1; done
    launch_daemon
  done
  if network_is_away; then
    echo "the network $BRIDGE is not up yet: Incus tries again by itself each minute" >&2
  fi
  cut_loose_wires "${wires[@]}"
}

launch_daemon() {
  mkdir -p "$INCUS_DIR"
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
  # The group decides who may use the socket; Debian's package makes incus-admin.
  # shellcheck disable=SC2016 # the inner shell's
  setsid bash -c 'echo $$ >"$1/incusd.pid"; exec "$2" --group incus-admin --logfile="$1/incusd.log"' \
    - "$DIR" "$DAEMON" >"$DIR/incusd.out" 2>&1 </dev/null &
  "$DAEMON" waitready --timeout=60 >/dev/null 2>&1 ||
    incus_fail "Incus does not start: $(tail -n 5 "$DIR/incusd.out" "$DIR/incusd.log" 2>/dev/null)"
}

# preseed DRIVER SIZE: what the first start is told.
preseed() {
  cat <<YAML
networks:
- name: $BRIDGE
  type: bridge
  config: {ipv4.address: $(free_subnet).1/24, ipv4.nat: "true", ipv6.address: none}
storage_pools:
- name: tenants
  driver: $1
  $2
profiles:
- name: default
  config: {boot.autostart: "false"}
  devices:
    eth0: {name: eth0, network: $BRIDGE, type: nic, security.port_isolation: "true"}
    root: {path: /, pool: tenants, type: disk}
YAML
}

first_settings() {
  local driver=dir size=''
  local attempt
  if incus network show "$BRIDGE" >/dev/null 2>&1; then return; fi
  # Without btrfs it works too, but nothing bounds a tenant's storage.
  modprobe btrfs 2>/dev/null || true
  if command -v mkfs.btrfs >/dev/null && grep -qw btrfs /proc/filesystems; then
    driver=btrfs
    size="config: {size: ${POOL_SIZE:-$(pool_size)}}"
  fi
  # Incus looks at every interface of the machine and gives up when one of them, whosever it is, goes
  # away in that moment; it takes back what it had begun.
  for attempt in 1 2 3 4 5; do
    if preseed "$driver" "$size" | incus admin init --preseed; then return; fi
    sleep "$attempt"
  done
  incus_fail "Incus refused its first settings five times"
}

incus_up() {
  incus_place "$@"
  if [ ! -x "$DAEMON" ]; then incus_fail "Incus is not installed: $0 install"; fi
  start_lxcfs
  start_daemon
  first_settings >&2
  echo "$INCUS_DIR/unix.socket"
}

# ---- stop and down ---------------------------------------------------------------------------------

stop_lxcfs() {
  local pid
  pid=$(cat "$LXCFS_PID" 2>/dev/null) || return 0
  # Another Incus may use it, whoever started it; the last one takes it away. What has ended but was
  # not collected by its parent yet does not count.
  if pgrep -r D,R,S,T -x incusd >/dev/null || pgrep -r D,R,S,T -f '^\[lxc monitor\]' >/dev/null; then
    return 0
  fi
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = lxcfs ]; then kill "$pid" || true; fi
  rm -f "$LXCFS_PID"
}

# names_place FILE: whether a word of this command line is a path in INCUS_DIR. A longer path that ends
# in ours is another installation's: /mnt/copy/var/lib/x beside /var/lib/x.
names_place() {
  tr '\0' '\n' <"$1" 2>/dev/null | awk -v place="$INCUS_DIR/" '
    { for (rest = $0; (at = index(rest, place)) > 0; rest = substr(rest, at + 1)) {
        before = at > 1 ? substr(rest, at - 1, 1) : " "
        if (rest != $0 && at == 1) continue
        if (index(" =:,", before)) { found = 1; exit } } }
    END { exit !found }'
}

# ours: process ids of everything whose command line names INCUS_DIR, and what they have started.
ours() {
  local pid
  # The pattern comes through a file: grep must not find its own command line.
  # shellcheck disable=SC2013 # paths without spaces
  for pid in $(grep -lsF -f <(echo "$INCUS_DIR/") /proc/[0-9]*/cmdline | cut -d/ -f3); do
    if ! names_place "/proc/$pid/cmdline"; then continue; fi
    if grep -qsF '[lxc monitor]' "/proc/$pid/cmdline"; then
      cat "/proc/$pid/task/$pid/children" 2>/dev/null || true
    fi
    echo "$pid"
  done
}

# What a killed Incus leaves: containers, helpers, mounts, loop devices, the bridge and its rules.
sweep() {
  local pid place loop chain port
  if pid=$(incus_pid); then kill -9 "$pid" 2>/dev/null || true; fi
  for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
  for _ in $(seq 50); do
    if [ -z "$(ours)" ]; then break; fi
    sleep 0.1
  done
  # shellcheck disable=SC2013 # they hold no spaces
  for place in $(awk -v below="$INCUS_DIR/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
    umount -l "$place" 2>/dev/null || true
  done
  for loop in $(losetup -nlO NAME,BACK-FILE 2>/dev/null | awk -v below="$INCUS_DIR/" 'index($2, below) == 1 { print $1 }'); do
    losetup -d "$loop" || true
  done
  if [ -e "/sys/class/net/$BRIDGE" ]; then
    # Also wires to containers that were killed, or that Incus could not start.
    for port in "/sys/class/net/$BRIDGE/brif"/*; do
      if [ -e "$port" ]; then ip link delete "${port##*/}" 2>/dev/null || true; fi
    done
    ip link delete "$BRIDGE"
  fi
  # Twice: a chain that others jump to goes after them.
  for _ in 1 2; do
    for chain in $(nft -a list table inet incus 2>/dev/null | awk -v bridge=".$BRIDGE" \
      '$1 == "chain" && substr($2, length($2) - length(bridge) + 1) == bridge { print $2 }'); do
      nft delete chain inet incus "$chain" 2>/dev/null || true
    done
  done
  # Filters of cards that are gone, whosever they were.
  { nft list table bridge incus 2>/dev/null || true; } |
    awk '$1 == "chain" { chain = $2 } $1 == "iifname" { gsub(/"/, "", $2); print chain, $2 }' | sort -u |
    while read -r chain port; do
      if [ ! -e "/sys/class/net/$port" ]; then nft delete chain bridge incus "$chain" 2>/dev/null || true; fi
    done
}

incus_stop() {
  incus_place "$@"
  local pid
  if pid=$(incus_pid); then
    timeout 120 incus admin shutdown --timeout 90 >/dev/null 2>&1 || true
    for _ in $(seq 100); do
      if [ ! -e "/proc/$pid" ]; then break; fi
      sleep 0.1
    done
  fi
  sweep
  stop_lxcfs
}

incus_down() {
  incus_place "$@"
  sweep
  stop_lxcfs
  rm -rf "$INCUS_DIR" "$INCUS_CONF" "$DIR"/incusd.* "$DIR"/lxcfs.log
  rmdir "$DIR" 2>/dev/null || true
}

incus_down_after() {
  local process=$1
  while kill -0 "$process" 2>/dev/null; do sleep 1; done
  if [ -d "$2/incus" ]; then incus_down "$2" "$3"; fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  verb=${1:-}
  case "$verb" in
    install) incus_install ;;
    up | stop | down | down_after)
      shift
      "incus_$verb" "$@"
      ;;
    *)
      sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
      exit 2
      ;;
  esac
fi
