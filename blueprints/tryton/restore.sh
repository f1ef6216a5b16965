#!/bin/bash
# Replaces database and attachments by those in $ARCHIVE; a damaged one changes nothing.
set -euo pipefail
# shellcheck source=blueprints/tryton/application.sh
. /usr/local/lib/onboarding/application.sh
load
exchange
