#!/bin/bash
# Debian 12 with Tryton 6.0, its web client and PostgreSQL 15, written to $ROOT_TAR.
set -euo pipefail
# shellcheck source=blueprints/shared/debian.sh
. "$BLUEPRINT/../shared/debian.sh"
modules=party,company,country,currency,product,sale,account-invoice,stock,purchase
debian_root bookworm "postgresql-15,tryton-server,tryton-sao,python3-psycopg2,python3-bcrypt,$(
  echo "$modules" | sed 's/[^,]*/tryton-modules-&/g'
)"
