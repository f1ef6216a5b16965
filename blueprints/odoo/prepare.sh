#!/bin/bash
# Once, in the container that becomes the golden image: Odoo's database with its base modules in
# every language that tenants may have. Nothing in here may be a secret: all tenants share it.
set -euo pipefail
# shellcheck source=blueprints/shared/prepare.sh
. "$BLUEPRINT/../shared/prepare.sh"
prepare_application '/usr/bin/odoo --config /etc/odoo/odoo.conf'

as postgres createuser -d odoo
as odoo odoo -c /etc/odoo/odoo.conf -d tenant -i base --load-language=en_US,es_ES \
  --without-demo=all --stop-after-init --log-level=warn
# Nobody knows this password; the owner's replaces it. Nor is there a master password to know.
as postgres psql -q -d tenant -c "UPDATE res_users SET password = md5(random()::text) || gen_random_uuid() WHERE login = 'admin'"
cat >>/etc/odoo/odoo.conf <<CONF
admin_passwd = $(head -c 24 /dev/urandom | base64)
proxy_mode = True
list_db = False
db_name = tenant
dbfilter = ^tenant$
db_maxconn = 16
workers = 0
max_cron_threads = 1
CONF
chown root:odoo /etc/odoo/odoo.conf
chmod 0640 /etc/odoo/odoo.conf
rm -rf /var/log/odoo/*
