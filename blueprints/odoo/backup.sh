#!/bin/bash
# Writes the database and the attachments into $ARCHIVE; Odoo may run meanwhile.
set -euo pipefail
umask 077
work=$(mktemp -d /var/lib/onboarding/backup.XXXXXX)
trap 'rm -rf "$work" "$ARCHIVE.part"' EXIT
mkdir -p "${ARCHIVE%/*}"

# The database first: an attachment that is added meanwhile is one file too many, never one missing.
# Not compressed, because zstd does that better.
(cd / && runuser -u postgres -- pg_dump -Fc -Z0 tenant) >"$work/database.dump"
printf '{"blueprint": "odoo", "version": "%s"}\n' "$(dpkg-query -W -f '${Version}' odoo-14)" \
  >"$work/manifest.json"
store=/var/lib/odoo/.local/share/Odoo/filestore
mkdir -p "$store/tenant"
status=0
tar --zstd -cf "$ARCHIVE.part" --warning=no-file-changed -C "$work" manifest.json database.dump \
  -C "$store" tenant || status=$?
# 1: a file changed or went away while it was read, as attachments do that are cleaned up.
if [ "$status" -gt 1 ]; then exit "$status"; fi
mv "$ARCHIVE.part" "$ARCHIVE"
