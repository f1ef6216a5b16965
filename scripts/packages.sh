# shellcheck shell=bash
# The Debian packages that setting up, testing and linting need, and how they get installed.
# Sourced by ./run, ./test, ./lint and ./bench; this is the only place that names packages.

# debian_codename: bookworm, trixie, …
debian_codename() {
  # shellcheck disable=SC1091
  (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# packages_of_the_baseline: the FastAPI that benchmarks measure against and a test keeps equal.
packages_of_the_baseline() {
  printf '%s\n' python3 python3-asyncpg python3-fastapi python3-httptools python3-uvicorn python3-uvloop
  # The fastest JSON writer: orjson where Debian has it (from 13 on).
  if apt-cache show python3-orjson >/dev/null 2>&1; then echo python3-orjson; else echo python3-ujson; fi
}

# packages_for GROUP: one package a line. Groups: run, incus, test, lint, bench.
packages_for() {
  local boost=""
  # Debian 12 has two versions of Boost side by side; its default one is too old.
  if [ "$(debian_codename)" = bookworm ]; then boost=1.81; fi
  case "$1" in
    run)
      printf '%s\n' \
        ca-certificates ccache cmake fonts-dejavu-core fonts-inter g++ git ninja-build pkg-config \
        "libboost$boost-dev" "libboost-json$boost-dev" "libboost-url$boost-dev" \
        libcli11-dev libcurl4-openssl-dev libfido2-dev libfontconfig-dev libfmt-dev libidn2-dev libjwt-dev liboath-dev \
        libpango1.0-dev libpq-dev libqrencode-dev libsodium-dev libspdlog-dev libssl-dev \
        libtomlplusplus-dev libxml2-dev prometheus-cpp-dev \
        haproxy lego postgresql zstd
      # A Node from elsewhere brings its own npm, which Debian's packages would conflict with.
      command -v node >/dev/null || echo nodejs
      command -v npm >/dev/null || echo npm
      ;;
    test)
      printf '%s\n' chromium curl doctest-dev libbenchmark-dev pebble poppler-utils python3-aiosmtpd qpdf testssl.sh
      packages_of_the_baseline
      ;;
    incus)
      # For containers: the daemon, addresses (dnsmasq), the pool (btrfs), and what images are made of.
      printf '%s\n' incus-base incus-client dnsmasq-base btrfs-progs busybox-static iproute2 lxcfs \
        mmdebstrap nftables uidmap zstd
      ;;
    lint)
      printf '%s\n' clang-format clang-tidy shellcheck
      ;;
    bench)
      printf '%s\n' libbenchmark-dev wrk
      packages_of_the_baseline
      ;;
  esac
}

# missing_packages GROUP…: those that are not installed, one a line.
missing_packages() {
  local group package
  for group in "$@"; do packages_for "$group"; done | while read -r package; do
    # One query per package: an unknown name must not hide the others.
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      echo "$package"
    fi
  done
}

# apt_get ARGUMENTS…: apt-get as root; its words go to $LOG, the newest now and then to the person too,
# and the last ones when it fails.
apt_get() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  # env, because sudo drops the environment; confold, because nobody is there to answer questions.
  if ! lively "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"; then
    tail -n 20 "$LOG" >&2
    return 1
  fi
}

# install_packages GROUP…: installs what is missing, or says what to type.
install_packages() {
  local missing
  if ! command -v apt-get >/dev/null; then
    fail "this machine has no apt-get: use Debian 12 or later, or install what $ROOT/scripts/packages.sh lists"
  fi
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    fail "some packages are missing; as root, type:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    # Ask for the password now: below, its prompt would be hidden in the log.
    sudo -v || fail "sudo was refused; as root, type:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  without_main_cluster apt_install "${missing[@]}" ||
    fail "the packages could not be installed (all output: $LOG)"
}

apt_install() {
  say "fetching package lists"
  apt_get update || say "the lists could not all be fetched; trying with those that are there"
  say "downloading and unpacking"
  apt_get install -y --no-install-recommends "$@"
}

# without_main_cluster COMMAND…: Debian's PostgreSQL package makes and starts a cluster of its own.
# Ours lives in the data directory, so a machine that had no PostgreSQL is spared the other one.
without_main_cluster() {
  local as_root=() snippet=/etc/postgresql-common/createcluster.d/onboarding-setup.conf status=0
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  if dpkg-query -W postgresql-common >/dev/null 2>&1; then
    "$@"
    return
  fi
  "${as_root[@]}" mkdir -p "${snippet%/*}"
  echo "create_main_cluster = false" | "${as_root[@]}" tee "$snippet" >/dev/null
  "$@" || status=$?
  # Later installations on this machine behave as Debian's do everywhere.
  "${as_root[@]}" rm -f "$snippet"
  return "$status"
}
