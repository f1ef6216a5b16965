#!/bin/bash
# Once, in the container that becomes the golden image: Tryton's database with its modules in every
# language that tenants may have. Nothing in here may be a secret: all tenants share it.
set -euo pipefail
# shellcheck source=blueprints/shared/prepare.sh
. "$BLUEPRINT/../shared/prepare.sh"
prepare_application '/usr/bin/trytond --config /etc/tryton/trytond.conf'

cat >/etc/tryton/trytond.conf <<'CONF'
[web]
listen = 0.0.0.0:8069
root = /usr/share/tryton-sao/www
[database]
uri = postgresql:///
path = /var/lib/tryton
[cache]
# Not after minutes: what a script or the scheduled actions change counts at once, a new password too.
clean_timeout = 0
[session]
# A day without a request ends a session.
timeout = 86400
CONF
# Scheduled actions: started and stopped together with the server.
cron=tryton-server-cron@tenant.service
mkdir -p /etc/systemd/system/$cron.d
cat >/etc/systemd/system/$cron.d/tenant.conf <<'UNIT'
[Unit]
PartOf=tryton-server.service
After=tryton-server.service
[Service]
ExecStart=
ExecStart=/usr/bin/trytond-cron --config /etc/tryton/trytond.conf -d %i
Restart=always
RestartSec=2
UNIT
printf '[Unit]\nWants=%s\n' "$cron" >/etc/systemd/system/tryton-server.service.d/cron.conf

as postgres createuser tryton
as postgres createdb -O tryton -T template0 -E UTF8 --lc-collate=C tenant
# Nobody knows this password; the owner's replaces it.
password=$(mktemp)
head -c 24 /dev/urandom | base64 >"$password"
chown tryton "$password"
(cd / && TRYTONPASSFILE=$password runuser -u tryton --preserve-environment -- \
  trytond-admin -c /etc/tryton/trytond.conf -d tenant --activate-dependencies --email '' -l es \
  -u ir res party company country currency product account account_product account_invoice \
  account_invoice_stock stock sale purchase)
rm "$password"
systemctl daemon-reload
systemctl enable tryton-server
rm -rf /var/log/tryton/*
