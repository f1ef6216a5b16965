#!/bin/sh
# Prints a path that makes whoever opens it first the owner, for 7 days. Only its hash is kept.
set -eu
token=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
file=/srv/access/$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
echo $(($(date +%s) + 7 * 86400)) >"$file"
chown app:app "$file"
echo "/access/$token"
