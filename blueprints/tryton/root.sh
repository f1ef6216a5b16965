#!/bin/bash
# Debian 12 with Tryton 6.0, its web client and PostgreSQL 15, written to $ROOT_TAR.
set -euo pipefail
# shellcheck source=blueprints/shared/debian.sh
. "$BLUEPRINT/../shared/debian.sh"
packages=postgresql-15,tryton-server,tryton-sao,python3-psycopg2,python3-bcrypt
for module in party company country currency product sale account-invoice stock purchase; do
  packages+=,tryton-modules-$module
done
debian_root bookworm "$packages"
