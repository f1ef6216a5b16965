#!/bin/bash
# A root file system of busybox and the notebook's scripts, written to $ROOT_TAR. Needs no network.
set -euo pipefail
umask 022 # everybody in the container enters its root
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,root,app,etc/init.d,usr/share/udhcpc} \
  "$root"/srv/{settings,data/notes,access,sessions} "$root"/var/{lib,log/app}
chmod 1777 "$root/tmp"

cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do
  if [ ! -e "$root/bin/$applet" ]; then ln -s busybox "$root/bin/$applet"; fi
done
ln -s ../bin/busybox "$root/sbin/init"

# zstd for backups, with the libraries that this machine's copy wants.
cp /usr/bin/zstd "$root/bin/zstd"
ldd /usr/bin/zstd | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$root${library%/*}"
  cp -L "$library" "$root$library"
done

cp "$BLUEPRINT"/app/* "$root/app/"
awk -F '"' '/^version *=/ { print $2; exit }' "$BLUEPRINT/blueprint.toml" >"$root/app/version"
printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1000:app:/srv:/bin/sh' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'app:x:1000:' >"$root/etc/group"
cat >"$root/etc/inittab" <<'INITTAB'
::sysinit:/etc/init.d/rcS
::respawn:/bin/udhcpc -f -i eth0 -s /usr/share/udhcpc/default.script
::respawn:/bin/su -s /bin/sh app -c "exec /bin/nc -ll -p 8069 -e /app/serve"
::shutdown:/bin/true
INITTAB
cat >"$root/etc/init.d/rcS" <<'START'
#!/bin/sh
export PATH=/bin:/sbin
ip link set lo up
ip link set eth0 up
START
cat >"$root/usr/share/udhcpc/default.script" <<'LEASE'
#!/bin/sh
case $1 in
  bound | renew)
    ip addr flush dev "$interface" scope global
    ip addr add "$ip/${mask:-24}" dev "$interface"
    if [ -n "$router" ]; then ip route replace default via "${router%% *}"; fi
    for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
    ;;
esac
LEASE
chmod +x "$root/etc/init.d/rcS" "$root/usr/share/udhcpc/default.script" "$root/app/serve"
# What belongs to root, and then the few places that the notebook itself may write to.
own=(./srv/data ./srv/access ./srv/sessions ./var/log/app)
tar -C "$root" --owner=0 --group=0 --numeric-owner "${own[@]/#/--exclude=}" -cf "$ROOT_TAR" .
tar -C "$root" --owner=1000 --group=1000 --numeric-owner -rf "$ROOT_TAR" "${own[@]}"
