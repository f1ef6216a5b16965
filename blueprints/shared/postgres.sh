# shellcheck shell=bash
# Backup and restore of an application with its own PostgreSQL and a directory of files. prepare.sh
# puts this into the image; backup.sh and restore.sh source it after setting:
#   database  its name          role     of the system and of PostgreSQL, owner of both
#   files     the directory     service  the unit that is stopped while both are exchanged
#   kind      the blueprint, so that nothing else's archive is restored
# shellcheck disable=SC2154
set -euo pipefail

as() { (cd / && runuser -u "$1" -- "${@:2}"); }

# wait_for_postgres: the container may have been started a moment ago.
wait_for_postgres() {
  for _ in $(seq 240); do
    if pg_isready -q; then return; fi
    sleep 0.5
  done
  echo 'PostgreSQL does not run' >&2
  return 1
}

# save VERSION: writes $ARCHIVE; the application may run.
save() {
  umask 077
  wait_for_postgres
  work=$(mktemp -d /var/lib/onboarding/backup.XXXXXX)
  trap 'rm -rf "$work" "$ARCHIVE.part"' EXIT
  mkdir -p "${ARCHIVE%/*}"
  # The database first: a file that is added meanwhile is one too many, never one missing.
  # Not compressed, because zstd does that better.
  as postgres pg_dump -Fc -Z0 "$database" >"$work/database.dump"
  printf '{"blueprint": "%s", "version": "%s"}\n' "$kind" "$1" >"$work/manifest.json"
  if [ ! -d "$files" ]; then install -d -o "$role" -g "$role" "$files"; fi
  local status=0
  tar --zstd -cf "$ARCHIVE.part" --warning=no-file-changed -C "$work" manifest.json database.dump \
    --transform "s|^${files##*/}|files|S" -C "${files%/*}" "${files##*/}" || status=$?
  # 1: a file changed or went away while it was read, as those do that are cleaned up.
  if [ "$status" -gt 1 ]; then return "$status"; fi
  mv "$ARCHIVE.part" "$ARCHIVE"
}

refuse() {
  echo "$1; nothing was changed" >&2
  exit 1
}
clean_up() {
  rm -rf "$files.restored"
  as postgres dropdb --if-exists --force restored 2>/dev/null || true
}
has_database() {
  [ "$(as postgres psql -Atc "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]
}

# load: unpacks $ARCHIVE beside the present data, into the database `restored` and $files.restored.
# An archive that is damaged, or a disk that is full, ends here.
load() {
  umask 077
  wait_for_postgres
  # One that was interrupted between the two names is undone first.
  if ! has_database "$database" && has_database replaced; then
    as postgres psql -q -c "ALTER DATABASE replaced RENAME TO $database"
  fi
  clean_up
  trap clean_up EXIT
  install -d -o "$role" -g "$role" "${files%/*}" "$files.restored"
  tar --zstd -xf "$ARCHIVE" -C "$files.restored" || refuse 'the archive is damaged'
  grep -q "\"blueprint\": \"$kind\"" "$files.restored/manifest.json" 2>/dev/null ||
    refuse "this is no backup of $kind"
  as postgres createdb -O "$role" -T template0 -E UTF8 --lc-collate=C restored
  as "$role" pg_restore --no-owner --no-privileges --exit-on-error --single-transaction -d restored \
    <"$files.restored/database.dump" || refuse 'the database could not be loaded'
  chown -R "$role:$role" "$files.restored/files"
}

# exchange: what load() has made takes the place of the present data; the application runs afterwards.
exchange() {
  systemctl stop "$service"
  trap 'clean_up; systemctl start "$service"' EXIT
  as postgres dropdb --if-exists --force replaced 2>/dev/null
  as postgres psql -q -v ON_ERROR_STOP=1 \
    -c "ALTER DATABASE $database RENAME TO replaced" \
    -c "ALTER DATABASE restored RENAME TO $database"
  rm -rf "$files.replaced"
  if [ -d "$files" ]; then mv "$files" "$files.replaced"; fi
  mv "$files.restored/files" "$files"
  systemctl start "$service"
  trap clean_up EXIT
  as postgres dropdb replaced
  rm -rf "$files.replaced"
}
