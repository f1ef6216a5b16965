#!/usr/bin/env bash
# A cluster of two Incus on one machine, each in a network namespace of its own. Both carry their
# containers into one network that this machine is in, too, and that has one server of addresses.
# Needs root.
#
#   cluster.sh up DIR NAME            prints the path of the first member's socket
#   cluster.sh kill DIR NAME MEMBER   ends a member's daemon (a or b) as the kernel would
#   cluster.sh start DIR NAME MEMBER  starts it again
#   cluster.sh down DIR NAME          takes away all of it
#   cluster.sh down_after PID DIR NAME   the same as soon as that process has ended
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/incus.sh
. "$ROOT/scripts/incus.sh"

cluster_place() {
  DIR=$(realpath "$1") NAME=$2
  # Interfaces have at most 15 letters.
  case "$NAME" in '' | *[!a-z0-9]* | ?????????*) incus_fail "NAME must be 1 to 8 letters or digits" ;; esac
  BRIDGE=obc$NAME
}

member() {
  MEMBER=$1 NETNS=ob$NAME$1
  export INCUS_DIR=$DIR/$1/incus INCUS_CONF=$DIR/$1/client
}

# in_member COMMAND…: in its network; a member that joins must be asked from inside.
in_member() { nsenter --net="/run/netns/$NETNS" "$@"; }

# ---- networks --------------------------------------------------------------------------------------

# One wire a member for the cluster (eth0), one for its containers (uplink).
wire() {
  local number=$1
  ip netns add "$NETNS"
  ip link add "$BRIDGE$MEMBER" type veth peer name uplink netns "$NETNS"
  ip link set "$BRIDGE$MEMBER" master "$BRIDGE" up
  # Tenants of one member must not reach those of another, as they do not on the same one.
  bridge link set dev "$BRIDGE$MEMBER" isolated on
  ip link add "${BRIDGE}m$MEMBER" type veth peer name eth0 netns "$NETNS"
  ip link set "${BRIDGE}m$MEMBER" master "${BRIDGE}m" up
  in_member ip link set lo up
  in_member ip link set uplink up
  in_member ip link set eth0 up
  in_member ip address add "$MANAGEMENT.$number/24" dev eth0
}

networks() {
  local tenants
  tenants=$(free_subnet)
  ip link add "$BRIDGE" type bridge
  ip address add "$tenants.1/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  MANAGEMENT=$(free_subnet)
  ip link add "${BRIDGE}m" type bridge
  ip link set "${BRIDGE}m" up
  echo "$MANAGEMENT" >"$DIR/management"
  dnsmasq --conf-file=/dev/null --keep-in-foreground --no-ping --port=0 --interface="$BRIDGE" --bind-interfaces --except-interface=lo \
    --dhcp-range="$tenants.10,$tenants.250,1h" --dhcp-leasefile="$DIR/leases" --pid-file="$DIR/dnsmasq.pid" \
    --user=root >"$DIR/dnsmasq.log" 2>&1 </dev/null &
}

# ---- daemons ---------------------------------------------------------------------------------------

member_pid() {
  local pid
  pid=$(cat "$DIR/$MEMBER/incusd.pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(realpath "$DAEMON")" ] && echo "$pid"
}

# /sys shows the namespace of whoever mounted it, and the control groups lie below it.
# shellcheck disable=SC2016 # the inner shell's
RUN_DAEMON='
mount --make-rprivate /
mkdir -p "$1/cgroups"
mount --rbind /sys/fs/cgroup "$1/cgroups"
mount -t sysfs sysfs /sys
mount --rbind "$1/cgroups" /sys/fs/cgroup
echo $$ >"$1/incusd.pid"
exec "$2" --group incus-admin --logfile="$1/incusd.log"'

start_member() {
  mkdir -p "$INCUS_DIR"
  if member_pid >/dev/null; then return; fi
  setsid nsenter --net="/run/netns/$NETNS" unshare -m bash -c "$RUN_DAEMON" - "$DIR/$MEMBER" "$DAEMON" \
    >"$DIR/$MEMBER/incusd.out" 2>&1 </dev/null &
  for _ in $(seq 100); do
    if "$DAEMON" waitready --timeout=5 >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  incus_fail "member $MEMBER does not start: $(tail -n 5 "$DIR/$MEMBER/incusd.out" "$DIR/$MEMBER/incusd.log" 2>/dev/null)"
}

first_member() {
  in_member incus admin init --preseed <<YAML
config: {core.https_address: "$MANAGEMENT.1:8443"}
cluster: {server_name: a, enabled: true}
YAML
}

second_member() {
  local token
  token=$(in_first incus cluster add b -q | tail -n 1)
  in_member incus admin init --preseed <<YAML
cluster:
  enabled: true
  server_name: b
  server_address: $MANAGEMENT.2:8443
  cluster_token: $token
YAML
}

in_first() { (member a && in_member "$@"); }

# What needs both: their pools, and one bridge a member that is wired to all others.
first_settings() {
  for one in a b; do
    in_first incus storage create tenants btrfs size="${POOL_SIZE:-2GiB}" --target "$one"
    in_first incus network create tenants --type bridge --target "$one" bridge.external_interfaces=uplink
  done
  in_first incus storage create tenants btrfs
  # The least that it takes: how soon a member that is silent counts as offline.
  in_first incus config set cluster.offline_threshold=11
  in_first incus network create tenants --type bridge ipv4.address=none ipv6.address=none
}

cluster_up() {
  mkdir -p "$1"
  cluster_place "$@"
  start_lxcfs
  networks
  member a && wire 1 && start_member && first_member >&2
  member b && wire 2 && start_member && second_member >&2
  first_settings >&2
  echo "$DIR/a/incus/unix.socket"
}

cluster_kill() {
  cluster_place "$1" "$2"
  member "$3"
  kill -9 "$(member_pid)"
}

cluster_start() {
  cluster_place "$1" "$2"
  member "$3"
  start_member
}

# Of incus.sh: its processes, mounts and loop devices; its bridge goes with its namespace.
sweep_member() {
  local DIR=$DIR/$1 BRIDGE=none
  sweep
}

cluster_down() {
  cluster_place "$1" "$2"
  for one in a b; do
    member "$one"
    sweep_member "$one"
    for link in "$BRIDGE$one" "${BRIDGE}m$one"; do ip link delete "$link" 2>/dev/null || true; done
    ip netns delete "$NETNS" 2>/dev/null || true
  done
  kill "$(cat "$DIR/dnsmasq.pid" 2>/dev/null)" 2>/dev/null || true
  for link in "$BRIDGE" "${BRIDGE}m"; do ip link delete "$link" 2>/dev/null || true; done
  stop_lxcfs
  rm -rf "$DIR"
}

cluster_down_after() {
  local process=$1
  while kill -0 "$process" 2>/dev/null; do sleep 1; done
  if [ -d "$2" ]; then cluster_down "$2" "$3"; fi
}

verb=${1:-}
case "$verb" in
  up | kill | start | down | down_after)
    shift
    "cluster_$verb" "$@"
    ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
