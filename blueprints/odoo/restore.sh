#!/bin/bash
# Replaces database and attachments by those in $ARCHIVE. Everything is loaded beside the present
# data first, so an archive that is damaged, or a disk that is full, changes nothing.
set -euo pipefail
umask 077
data=/var/lib/odoo/.local/share/Odoo
work=$data/restore
as() { (cd / && runuser -u "$1" -- "${@:2}"); }
refuse() {
  echo "$1; nothing was changed" >&2
  exit 1
}
clean_up() {
  rm -rf "$work"
  as postgres dropdb --if-exists --force restored 2>/dev/null || true
}

until pg_isready -q; do sleep 0.5; done
# A restore that was interrupted between the two names is finished first.
exists() { [ "$(as postgres psql -Atc "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]; }
if ! exists tenant && exists replaced; then
  as postgres psql -q -c 'ALTER DATABASE replaced RENAME TO tenant'
fi
clean_up
trap clean_up EXIT
install -d -o odoo -g odoo "$data" "$work"
tar --zstd -xf "$ARCHIVE" -C "$work" || refuse 'the archive is damaged'
grep -q '"blueprint": "odoo"' "$work/manifest.json" 2>/dev/null || refuse 'this is no backup of Odoo'
as odoo createdb -T template0 -E UTF8 --lc-collate=C restored
as odoo pg_restore --no-owner --no-privileges --exit-on-error --single-transaction -d restored \
  <"$work/database.dump" || refuse 'the database could not be loaded'
# It may come from another tenant: mails must not lead there.
as odoo psql -q -v ON_ERROR_STOP=1 -v "url=$TENANT_URL" -d restored \
  <<<"UPDATE ir_config_parameter SET value = :'url' WHERE key = 'web.base.url';"
chown -R odoo:odoo "$work/tenant"

systemctl stop odoo
trap 'clean_up; systemctl start odoo' EXIT
as postgres dropdb --if-exists --force replaced
as postgres psql -q -v ON_ERROR_STOP=1 \
  -c 'ALTER DATABASE tenant RENAME TO replaced' -c 'ALTER DATABASE restored RENAME TO tenant'
mkdir -p "$data/filestore"
rm -rf "$data/filestore/replaced"
if [ -d "$data/filestore/tenant" ]; then mv "$data/filestore/tenant" "$data/filestore/replaced"; fi
mv "$work/tenant" "$data/filestore/tenant"
systemctl start odoo
trap clean_up EXIT
as postgres dropdb replaced
rm -rf "$data/filestore/replaced"
