#!/bin/sh
# Tells the notebook whose it is. Each setting is a file that is replaced in one go.
set -eu
set_to() {
  printf '%s' "$2" >"/srv/settings/.$1"
  chmod 0644 "/srv/settings/.$1"
  mv "/srv/settings/.$1" "/srv/settings/$1"
}
set_to company "$TENANT_COMPANY"
set_to locale "$TENANT_LOCALE"
set_to url "$TENANT_URL"
# Last: with it the notebook calls itself healthy.
set_to tenant_id "$TENANT_ID"
