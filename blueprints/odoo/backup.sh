#!/bin/bash
# Writes the database and the attachments into $ARCHIVE; Odoo may run meanwhile.
set -euo pipefail
# shellcheck source=blueprints/odoo/application.sh
. /usr/local/lib/onboarding/application.sh
save "$(dpkg-query -W -f '${Version}' odoo-14)"
