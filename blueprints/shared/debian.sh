# shellcheck shell=bash
# Makes Debian root file systems for containers, from the mirrors that this machine itself uses.
# Sourced by the root.sh of blueprints that stand on Debian.

# mirror REGEX: the first archive in this machine's apt sources whose release matches.
mirror() {
  # shellcheck disable=SC2016 # apt's own names
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v pattern="$1" '$1 ~ pattern { print $2; exit }'
}

# has_release URI RELEASE: whether that archive offers it.
has_release() {
  /usr/lib/apt/apt-helper download-file "$1dists/$2/InRelease" "$work/probe" >/dev/null 2>&1
}

# debian_sources SUITE: sources for that suite with its updates and security fixes. The suite itself
# comes first; it is complete without the others.
debian_sources() {
  local suite=$1 main security key=/usr/share/keyrings/debian-archive-keyring.gpg
  main=$(mirror '^[a-z]+$')
  security=$(mirror '-security$')
  if [ -z "$main" ] || [ ! -f "$key" ]; then
    echo "this machine's apt sources name no Debian archive, or $key is missing" >&2
    return 1
  fi
  echo "deb [signed-by=$key] $main $suite main"
  if has_release "$main" "$suite-updates"; then
    echo "deb [signed-by=$key] $main $suite-updates main"
  fi
  if [ -n "$security" ] && has_release "$security" "$suite-security"; then
    echo "deb [signed-by=$key] $security $suite-security main"
  fi
}

# debian_root SUITE PACKAGES [HOOK]: writes $ROOT_TAR; HOOK is a program that gets the root
# directory before it is packed.
debian_root() {
  local suite=$1 packages=$2 hook=${3:-/bin/true}
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  debian_sources "$suite" >"$work/sources.list"
  cat >"$work/container.sh" <<'HOOK'
#!/bin/sh
set -eu
root=$1
etc=$root/etc
mkdir -p "$etc/systemd/network" "$etc/systemd/journald.conf.d" \
  "$etc/systemd/system/systemd-networkd.service.d"
# Without udev, networkd configures a link only where /sys looks read-only.
printf '[Service]\nReadOnlyPaths=/sys\n' >"$etc/systemd/system/systemd-networkd.service.d/container.conf"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n[DHCPv4]\nClientIdentifier=mac\n' \
  >"$etc/systemd/network/20-eth0.network"
printf '[Journal]\nSystemMaxUse=32M\n' >"$etc/systemd/journald.conf.d/container.conf"
chroot "$root" systemctl enable systemd-networkd
chroot "$root" systemctl mask systemd-networkd-wait-online.service systemd-udevd.service \
  systemd-journald-audit.socket apt-daily.timer apt-daily-upgrade.timer
chroot "$root" systemctl set-default multi-user.target
# Only while it is built may dpkg skip waiting for the disk.
sed -i '/force-unsafe-io/d' "$root"/etc/dpkg/dpkg.cfg.d/* 2>/dev/null || true
: >"$etc/machine-id"
rm -f "$etc/hostname"
HOOK
  chmod 0755 "$work/container.sh"
  if ! bootstrap "$suite" "$packages" "$hook"; then
    # Archives let go of an old suite's fixes one by one; the suite itself stays whole.
    echo "not all of $suite's security fixes can be had: building without them" >&2
    sed -i '2,$d' "$work/sources.list"
    bootstrap "$suite" "$packages" "$hook"
  fi
}

bootstrap() {
  # An old suite is no longer signed anew: its dates say nothing.
  mmdebstrap --variant=minbase --format=tar \
    --include="systemd,systemd-sysv,dbus,iproute2,netbase,ca-certificates,procps,zstd,$2" \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
    --customize-hook="$work/container.sh" --customize-hook="$3" \
    "$1" "$ROOT_TAR" "$work/sources.list"
}
