-- What a schedule did last stands in its own row: its jobs leave one only when they have something
-- to tell. And every rule of retention finds what is old by an index.

ALTER TABLE job_schedules
    ADD COLUMN added_at          timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_ended_at     timestamptz,
    ADD COLUMN last_succeeded_at timestamptz,
    -- idle: nothing to tell; worked: last_note tells it; failed: last_note tells why.
    ADD COLUMN last_outcome      text CONSTRAINT job_schedules_outcome
        CHECK (last_outcome IN ('idle', 'worked', 'failed')),
    ADD COLUMN last_note         text,
    ADD COLUMN last_worker       text;

ALTER TABLE jobs
    -- Whose round it is; no foreign key: it is a record of the past.
    ADD COLUMN schedule text,
    ADD COLUMN note     text;
CREATE UNIQUE INDEX jobs_of_schedule ON jobs (schedule)
    WHERE schedule IS NOT NULL AND state IN ('waiting', 'running');
DROP INDEX jobs_dead;
CREATE INDEX jobs_dead ON jobs (finished_at) WHERE state = 'dead';

-- retention.prune does what these did.
DELETE FROM job_schedules WHERE kind IN ('http.forget_idempotency_keys', 'http.forget_full_buckets',
                                         'identity.forget_login_failures', 'security.forget');
DELETE FROM jobs
 WHERE state IN ('waiting', 'running')
   AND kind IN ('http.forget_idempotency_keys', 'http.forget_full_buckets',
                'identity.forget_login_failures', 'security.forget');

CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL;
CREATE INDEX signing_keys_retired ON signing_keys (retires_at) WHERE retires_at IS NOT NULL;
CREATE INDEX known_devices_by_age ON known_devices (last_seen_at);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
CREATE INDEX login_throttle_by_age ON login_throttle (last_at);
CREATE INDEX security_events_closed ON security_events (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX audit_verifications_by_age ON audit_verifications (at);
CREATE INDEX blocked_addresses_by_expiry ON blocked_addresses (expires_at);
CREATE INDEX blocked_addresses_by_event ON blocked_addresses (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX rate_buckets_full ON rate_buckets (full_at);
CREATE INDEX readiness_by_age ON readiness (checked_at);
CREATE INDEX mails_by_age ON mails (created_at) WHERE state <> 'queued';
CREATE INDEX billing_findings_resolved ON billing_findings (resolved_at)
    WHERE resolved_at IS NOT NULL AND kind <> 'money_owed';
CREATE INDEX tenant_operations_ended ON tenant_operations (finished_at)
    WHERE finished_at IS NOT NULL;
CREATE INDEX tenant_batches_ended ON tenant_batches (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tenant_batch_rows_by_operation ON tenant_batch_rows (operation_id)
    WHERE operation_id IS NOT NULL;
CREATE INDEX tenant_backups_deleted ON tenant_backups (deleted_at) WHERE state = 'deleted';
CREATE INDEX tenant_backups_failed ON tenant_backups (finished_at) WHERE state = 'failed';
CREATE INDEX tenants_to_restore ON tenants (restore_backup_id) WHERE restore_backup_id IS NOT NULL;
CREATE INDEX tenant_pool_gone ON tenant_pool (created_at) WHERE state = 'gone';
CREATE INDEX tenant_resources_gone ON tenant_resources (gone_at) WHERE state = 'gone';
CREATE INDEX tenant_uptime_by_day ON tenant_uptime (day);
CREATE INDEX world_findings_resolved ON world_findings (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX one_time_access_by_expiry ON one_time_access (expires_at);
