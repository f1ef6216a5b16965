# shellcheck shell=bash
# Where Tryton keeps its data; see postgres.sh.
# shellcheck disable=SC2034
database=tenant role=tryton service=tryton-server kind=tryton
files=/var/lib/tryton/tenant
# shellcheck source=blueprints/shared/postgres.sh
. "${BASH_SOURCE[0]%/*}/postgres.sh"
