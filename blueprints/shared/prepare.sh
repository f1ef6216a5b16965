# shellcheck shell=bash
# How prepare.sh of an application with its own PostgreSQL begins; it sources this. The folder must
# hold application.sh (see postgres.sh).
set -euo pipefail

# prepare_application COMMAND: puts the helpers into the image and makes the service run COMMAND,
# write to the journal, which is bounded, and come back when it ends. The service is left stopped.
prepare_application() {
  install -d -m 0755 /usr/local/lib/onboarding
  install -d -m 0700 /var/lib/onboarding
  install -m 0644 "$BLUEPRINT"/{*.py,application.sh,../shared/postgres.sh} /usr/local/lib/onboarding/
  # shellcheck source=/dev/null
  . /usr/local/lib/onboarding/application.sh
  wait_for_postgres
  # shellcheck disable=SC2154 # application.sh sets it
  systemctl stop "$service"
  mkdir -p "/etc/systemd/system/$service.service.d"
  cat >"/etc/systemd/system/$service.service.d/tenant.conf" <<UNIT
[Unit]
Wants=postgresql.service
After=postgresql.service
[Service]
ExecStart=
ExecStart=$1
Restart=always
RestartSec=2
UNIT
  local cluster=(/etc/postgresql/*/main)
  cat >"${cluster[0]}/conf.d/tenant.conf" <<'DATABASE'
shared_buffers = 64MB
max_connections = 40
jit = off
DATABASE
  systemctl daemon-reload
  systemctl restart 'postgresql@*'
  wait_for_postgres
}
