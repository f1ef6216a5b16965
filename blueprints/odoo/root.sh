#!/bin/bash
# Debian 11 with Odoo 14 and PostgreSQL 13, written to $ROOT_TAR.
set -euo pipefail
# shellcheck source=blueprints/shared/debian.sh
. "$BLUEPRINT/../shared/debian.sh"
debian_root bullseye postgresql-13,odoo-14
