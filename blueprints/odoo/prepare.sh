#!/bin/bash
# Once, in the container that becomes the golden image: Odoo's database with its base modules in
# every language that tenants may have. Nothing in here may be a secret: all tenants share it.
set -euo pipefail
until pg_isready -q; do sleep 0.5; done
systemctl stop odoo

mkdir -p /etc/systemd/system/odoo.service.d /usr/local/lib/onboarding
install -d -m 0700 /var/lib/onboarding
install -m 0644 "$BLUEPRINT"/{*.py,application.sh,../shared/postgres.sh} /usr/local/lib/onboarding/
# Debian's unit ends with Odoo, and writes a log that nothing bounds.
cat >/etc/systemd/system/odoo.service.d/tenant.conf <<'UNIT'
[Unit]
Wants=postgresql.service
After=postgresql.service
[Service]
ExecStart=
ExecStart=/usr/bin/odoo --config /etc/odoo/odoo.conf
Restart=always
RestartSec=2
UNIT
cat >/etc/postgresql/13/main/conf.d/tenant.conf <<'DATABASE'
shared_buffers = 64MB
max_connections = 40
jit = off
DATABASE
systemctl daemon-reload
systemctl restart postgresql@13-main
until pg_isready -q; do sleep 0.5; done

# shellcheck source=blueprints/odoo/application.sh
. /usr/local/lib/onboarding/application.sh
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
