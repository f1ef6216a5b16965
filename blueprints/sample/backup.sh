#!/bin/sh
# Writes the notes into $ARCHIVE. A note is a file that appears whole, so the notebook may run.
set -eu
# shellcheck disable=SC3040 # busybox knows it
set -o pipefail
mkdir -p "${ARCHIVE%/*}"
tar -C /srv/data -cf - notes | zstd -q -f -o "$ARCHIVE.part"
mv "$ARCHIVE.part" "$ARCHIVE"
