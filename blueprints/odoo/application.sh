# shellcheck shell=bash
# Where Odoo keeps its data; see postgres.sh.
# shellcheck disable=SC2034
database=tenant role=odoo service=odoo kind=odoo
files=/var/lib/odoo/.local/share/Odoo/filestore/tenant
# shellcheck source=blueprints/shared/postgres.sh
. "${BASH_SOURCE[0]%/*}/postgres.sh"
