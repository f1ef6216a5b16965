# shellcheck shell=bash
# What ./run can find out before anything is installed or built: the settings that concern it, and
# whether ports, disk and directories are as the server will need them.
# Sourced after scripts/build.sh, with the command line in `arguments`.
arguments=("${arguments[@]}")

# configuration_file: the one that the program will read; nothing when there is none.
configuration_file() {
  local named
  named=$(given config)
  if [ -n "$named" ]; then echo "$named" && return; fi
  for named in onboarding.toml /etc/onboarding/onboarding.toml; do
    if [ -e "$named" ]; then echo "$named" && return; fi
  done
}

# given NAME: its value on the command line, else in the environment.
given() {
  local i variable
  for ((i = 0; i < ${#arguments[@]}; i++)); do
    case "${arguments[i]}" in
      "--$1") printf '%s\n' "${arguments[i + 1]:-}" && return ;;
      "--$1="*) printf '%s\n' "${arguments[i]#*=}" && return ;;
    esac
  done
  variable=ONBOARDING_$(tr 'a-z-' 'A-Z_' <<<"$1")
  printf '%s\n' "${!variable:-}"
}

# again_with NAME VALUE: the words to type for the same start with this setting instead.
again_with() {
  local i words=("$0")
  for ((i = 0; i < ${#arguments[@]}; i++)); do
    case "${arguments[i]}" in
      "--$1") i=$((i + 1)) ;;
      "--$1="*) ;;
      *) words+=("${arguments[i]}") ;;
    esac
  done
  printf '%q ' "${words[@]}"
  printf -- '--%s %s\n' "$1" "$2"
}

# from_file NAME FILE: a text or number of a TOML file: NAME = …, or [section] rest = ….
from_file() {
  awk -v wanted="${1//-/_}" '
    function text_of(value,   quote, out, i, c) {
      quote = substr(value, 1, 1)
      if (quote != "\"" && quote != "'\''") { sub(/[ \t]*#.*$/, "", value); return value }
      out = ""
      for (i = 2; i <= length(value); ++i) {
        c = substr(value, i, 1)
        if (c == quote) break
        if (c == "\\" && quote == "\"") { ++i; c = substr(value, i, 1) }
        out = out c
      }
      return out
    }
    { sub(/^[ \t]+/, ""); sub(/[ \t\r]+$/, "") }
    /^#/ || /^$/ { next }
    /^\[/ { section = $0; gsub(/[][ \t]/, "", section); next }
    {
      at = index($0, "=")
      if (!at) next
      name = substr($0, 1, at - 1)
      gsub(/[ \t"]/, "", name)
      if (section != "") name = section "_" name
      gsub(/\./, "_", name)
      value = substr($0, at + 1)
      sub(/^[ \t]+/, "", value)
      if (name == wanted) { print text_of(value); exit }
    }' "$2"
}

# setting NAME [DEFAULT]: as the program will see it.
setting() {
  local value file
  value=$(given "$1")
  if [ -z "$value" ]; then
    file=$(configuration_file)
    if [ -n "$file" ] && [ -r "$file" ]; then value=$(from_file "$1" "$file"); fi
  fi
  printf '%s\n' "${value:-${2:-}}"
}

# data_directory: absolute, as the program will choose it.
data_directory() {
  local data
  data=$(setting data-dir)
  if [ -z "$data" ]; then
    if [ "$(id -u)" -eq 0 ]; then data=/var/lib/onboarding
    else data=${XDG_DATA_HOME:-$HOME/.local/share}/onboarding; fi
  fi
  realpath -ms -- "$data"
}

# existing PATH: itself, or the nearest directory above it that exists.
existing() {
  local path=$1
  while [ ! -e "$path" ] && [ "$path" != / ]; do path=$(dirname -- "$path"); done
  printf '%s\n' "$path"
}

# ---- ports -----------------------------------------------------------------------------------------

# listeners PORT: inodes of the sockets that listen on it, with the address in hexadecimal digits.
listeners() {
  awk -v port="$(printf '%04X' "$1")" 'FNR > 1 && $4 == "0A" {
    split($2, local, ":")
    if (local[2] == port) print local[1], $10
  }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# as_hexadecimal ADDRESS: an IPv4 address as /proc/net/tcp spells it; others as they are.
as_hexadecimal() {
  local parts
  IFS=. read -ra parts <<<"$1"
  if [ "${#parts[@]}" -ne 4 ]; then echo "$1" && return; fi
  printf '%02X%02X%02X%02X\n' "${parts[3]}" "${parts[2]}" "${parts[1]}" "${parts[0]}"
}

# holder INODE: process id of whoever has the socket; nothing when it is another user's.
holder() {
  local found
  found=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$1\]" -print -quit 2>/dev/null || true)
  found=${found#/proc/}
  echo "${found%%/*}"
}

# free_port FROM: the next one that nobody listens on.
free_port() {
  local port=$1
  while [ -n "$(listeners "$port")" ]; do port=$((port + 1)); done
  echo "$port"
}

# require_port SETTING PORT ADDRESS: what a server that was just killed still holds is waited for.
require_port() {
  local tries
  for tries in 1 2 3 4 5; do
    if try_port "$@" "$tries"; then return; fi
    sleep 1
  done
}

# try_port SETTING PORT ADDRESS TRY
try_port() {
  local name=$1 port=$2 bind=$3 address inode pid who wanted other lowest
  case "$port" in '' | *[!0-9]*) return ;; esac # the program says what is wrong with it
  other=$(free_port $((port < 1024 ? port + 4000 : port + 1)))
  lowest=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 1024)
  if [ "$port" -lt "$lowest" ] && [ "$(id -u)" -ne 0 ]; then
    fail "port $port ($name) is open to root only. Type one of:
  sudo $0 ${arguments[*]}
  $(again_with "$name" "$other")"
  fi
  wanted=$(as_hexadecimal "$bind")
  while read -r address inode; do
    # Another address of this machine on the same port is no trouble.
    case "$address" in
      *[!0]*)
        case "$bind" in
          '*' | 0.0.0.0 | ::) ;;
          127.0.0.1) if [ "$address" != "$wanted" ] && [ "$address" != 00000000000000000000000001000000 ]; then continue; fi ;;
          *) if [ "$address" != "$wanted" ]; then continue; fi ;;
        esac
        ;;
    esac
    pid=$(holder "$inode")
    if [ -z "$pid" ]; then
      fail "port $port ($name) is taken by a program of another user. End it, or type:
  $(again_with "$name" "$other")"
    fi
    who=$(cat "/proc/$pid/comm" 2>/dev/null || echo "process")
    case "$who" in haproxy | onboarding) if [ "$4" -lt 5 ]; then return 1; fi ;; esac
    fail "port $port ($name) is taken by $who (pid $pid). Type one of:
  $(again_with "$name" "$other")
  kill $pid"
  done < <(listeners "$port")
}

require_ports() {
  local bind tls
  bind=$(setting http-bind 127.0.0.1)
  require_port http-port "$(setting http-port 4443)" "$bind"
  require_port tenant-port "$(setting tenant-port 8080)" "$bind"
  tls=$(setting tenant-tls-port 0)
  if [ "$tls" != 0 ] && [ "$tls" != "$(setting http-port 4443)" ]; then require_port tenant-tls-port "$tls" "$bind"; fi
  if [ -z "$(setting stripe-api-base)" ]; then require_port sandbox-port "$(setting sandbox-port 4242)" 127.0.0.1; fi
}

# ---- directories -----------------------------------------------------------------------------------

# require_space DIRECTORY MIB WHAT
require_space() {
  local place free
  place=$(existing "$1")
  free=$(df -Pk -- "$place" | awk 'NR == 2 { print int($4 / 1024) }')
  if [ "$free" -lt "$2" ]; then
    fail "the disk of $place has $free MiB free; $3 needs $2 MiB: free some space there${4:-}"
  fi
}

# require_data DIRECTORY: it can be used, as far as that can be seen from outside.
require_data() {
  local data=$1 place path='' part
  case "$data" in *[[:cntrl:]]*) fail "the path of the data directory holds a line break or another control character: choose another data-dir" ;; esac
  # PostgreSQL's and HAProxy's sockets lie in it.
  if [ "$(printf '%s' "$data" | wc -c)" -gt 66 ]; then
    fail "$data is too long a path for the sockets in it: choose a shorter data-dir"
  fi
  place=$(existing "$data")
  if [ ! -d "$place" ]; then fail "$place is no directory: move it, or choose another data-dir"; fi
  if [ ! -w "$place" ] || [ ! -x "$place" ]; then
    fail "$(id -un) may not write into $place: give it the permission, or type
  $(again_with data-dir DIRECTORY)"
  fi
  pid=$(cat "$data/lock" 2>/dev/null || true)
  if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = onboarding ] &&
    ! flock -n "$data/lock" true 2>/dev/null; then
    fail "onboarding (pid $pid) already runs on $data. Stop it with Ctrl-C where it runs, or type:
  kill $pid"
  fi
  if [ "$(id -u)" -ne 0 ]; then return; fi
  # Started as root, PostgreSQL and HAProxy run as another user, who must get there.
  while IFS= read -r -d / part; do
    path=$path$part/
    if [ -d "$path" ] && [ $((0$(stat -c %a -- "$path") & 1)) -eq 0 ]; then
      fail "only its owner may enter $path, and the database does not run as root. Type one of:
  $(again_with data-dir DIRECTORY)
  chmod o+x '${path%/}'"
    fi
  done < <(printf '%s/' "$place")
}

# look_before_building: ends with a sentence when the server could not start anyway.
look_before_building() {
  local data
  data=$(data_directory)
  if [ "$(setting provisioner process)" = incus ] && [ -z "$(setting incus-url)" ] && [ "$(id -u)" -ne 0 ]; then
    fail "containers need an Incus of their own here, and that needs root. Type one of:
  sudo $0 ${arguments[*]}
  $0 ${arguments[*]} --incus-url https://HOST:8443"
  fi
  if [ "$(setting provisioner process)" = incus ] && [ -z "$(setting incus-url)" ]; then
    case "$data" in *[!A-Za-z0-9/._-]*) fail "Incus takes no path such as $data: choose a data-dir of letters, digits, '.', '_' and '-'" ;; esac
  fi
  require_data "$data"
  require_ports
  if [ ! -e "$ROOT/build/release/onboarding" ]; then require_space "$ROOT/build" 1500 "the first build"; fi
  require_space "$data" 600 "the data directory" ", or choose another data-dir"
}
