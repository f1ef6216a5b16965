#!/bin/bash
# Writes the database and the attachments into $ARCHIVE; Tryton may run meanwhile.
set -euo pipefail
# shellcheck source=blueprints/tryton/application.sh
. /usr/local/lib/onboarding/application.sh
save "$(dpkg-query -W -f '${Version}' tryton-server)"
