#!/bin/sh
# Replaces the notes by those in $ARCHIVE, once it has proved to be whole.
set -eu
# shellcheck disable=SC3040 # busybox knows it
set -o pipefail
new=/srv/data/restored
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT
if ! zstd -dqc "$ARCHIVE" | tar -C "$new" -xf - || [ ! -d "$new/notes" ]; then
  echo "the archive is damaged or not a notebook's; nothing was changed" >&2
  exit 1
fi
chown -R app:app "$new/notes"
rm -rf /srv/data/replaced
mv /srv/data/notes /srv/data/replaced
mv "$new/notes" /srv/data/notes
rm -rf /srv/data/replaced
