#!/bin/bash
# Replaces database and attachments by those in $ARCHIVE; a damaged one changes nothing.
set -euo pipefail
# shellcheck source=blueprints/odoo/application.sh
. /usr/local/lib/onboarding/application.sh
load
# It may come from another tenant: mails must not lead there.
as odoo psql -q -v ON_ERROR_STOP=1 -v "url=$TENANT_URL" -d restored \
  <<<"UPDATE ir_config_parameter SET value = :'url' WHERE key = 'web.base.url';"
exchange
