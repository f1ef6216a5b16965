#!/bin/bash
# Once, in the container that becomes the golden image: Tryton's database with its modules in every
# language that tenants may have. Nothing in here may be a secret: all tenants share it.
set -euo pipefail
until pg_isready -q; do sleep 0.5; done
systemctl stop tryton-server || true

mkdir -p /etc/systemd/system/tryton-server.service.d /usr/local/lib/onboarding
install -d -m 0700 /var/lib/onboarding
install -m 0644 "$BLUEPRINT"/{*.py,application.sh,../shared/postgres.sh} /usr/local/lib/onboarding/
# Debian's unit writes a log that nothing bounds.
cat >/etc/systemd/system/tryton-server.service.d/tenant.conf <<'UNIT'
[Unit]
Wants=postgresql.service
[Service]
ExecStart=
ExecStart=/usr/bin/trytond --config /etc/tryton/trytond.conf
Restart=always
RestartSec=2
UNIT
cat >/etc/tryton/trytond.conf <<'CONF'
[web]
listen = 0.0.0.0:8069
root = /usr/share/tryton-sao/www
[database]
uri = postgresql:///
path = /var/lib/tryton
[session]
# A day without a request ends a session.
timeout = 86400
CONF
cat >/etc/postgresql/15/main/conf.d/tenant.conf <<'DATABASE'
shared_buffers = 64MB
max_connections = 40
jit = off
DATABASE
systemctl restart postgresql@15-main
until pg_isready -q; do sleep 0.5; done

# shellcheck source=blueprints/tryton/application.sh
. /usr/local/lib/onboarding/application.sh
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
systemctl enable --now tryton-server
rm -rf /var/log/tryton/*
