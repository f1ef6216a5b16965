-- What a tenant needs for a whole life: config that people edit, holds with a reason and an end,
-- maintenance, operations, backups, a standby pool, former names, findings of the reconciler.

-- Counts every change that somebody could have made from an older view (If-Match).
ALTER TABLE tenants
    ADD COLUMN version               bigint NOT NULL DEFAULT 1,
    ADD COLUMN process_limit         integer NOT NULL DEFAULT 300
        CONSTRAINT tenants_processes_is_positive CHECK (process_limit > 0),
    -- What the world was told last; NULL: nothing yet. Differs from the wish while a job is due.
    ADD COLUMN applied_limits        text,
    ADD COLUMN limits_problem        text,
    ADD COLUMN settled_version       bigint NOT NULL DEFAULT 0,
    ADD COLUMN maintenance_from      timestamptz,
    ADD COLUMN maintenance_until     timestamptz,
    ADD COLUMN maintenance_message   text,
    ADD COLUMN application_version   text,
    ADD COLUMN latency_ms            integer,
    -- The machine of a cluster that it runs on; NULL: unknown or the only one.
    ADD COLUMN member                text,
    ADD COLUMN from_pool             boolean NOT NULL DEFAULT false,
    ADD COLUMN archived_at           timestamptz,
    -- Wanted gone: the worker takes it as far as the archive, or undoes what is being built.
    ADD COLUMN delete_requested_at   timestamptz,
    ADD COLUMN backed_up_at          timestamptz,
    ADD COLUMN quota_warned_at       timestamptz,
    ADD COLUMN quota_deadline        timestamptz,
    ADD COLUMN cloned_from           bigint REFERENCES tenants,
    ADD CONSTRAINT tenants_maintenance_ends_after_it_begins
        CHECK (maintenance_until IS NULL OR maintenance_from IS NULL OR maintenance_until > maintenance_from);

ALTER TABLE tenant_holds
    ADD COLUMN placed_by  text NOT NULL DEFAULT 'system',
    ADD COLUMN note       text,
    ADD COLUMN expires_at timestamptz;
CREATE INDEX tenant_holds_expiring ON tenant_holds (expires_at) WHERE expires_at IS NOT NULL;

-- A name that a tenant had before: its address leads to the present one until it is given back.
CREATE TABLE tenant_aliases (
    subdomain  text PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT tenant_aliases_subdomain_is_a_label CHECK (subdomain ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$')
);
CREATE INDEX tenant_aliases_by_tenant ON tenant_aliases (tenant_id);
CREATE INDEX tenant_aliases_expiring ON tenant_aliases (expires_at);

-- What somebody asked to be done with a tenant, with its progress and its outcome.
CREATE TYPE operation_kind AS ENUM ('restart', 'backup', 'restore', 'clone', 'move', 'upgrade');
CREATE TYPE operation_state AS ENUM ('queued', 'running', 'succeeded', 'failed');
CREATE TABLE tenant_operations (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    bigint NOT NULL REFERENCES tenants,
    kind         operation_kind NOT NULL,
    arguments    jsonb NOT NULL DEFAULT '{}',
    state        operation_state NOT NULL DEFAULT 'queued',
    stage        text,
    result       jsonb,
    error_code   text,
    error_detail text,
    requested_by text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    CONSTRAINT tenant_operations_end_is_dated
        CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)),
    CONSTRAINT tenant_operations_failure_is_named CHECK (state <> 'failed' OR error_code IS NOT NULL)
);
CREATE INDEX tenant_operations_by_tenant ON tenant_operations (tenant_id, id DESC);
-- One of a kind at a time for each tenant: asking twice joins the first.
CREATE UNIQUE INDEX tenant_operations_once ON tenant_operations (tenant_id, kind)
    WHERE state IN ('queued', 'running');

CREATE TYPE backup_state AS ENUM ('running', 'stored', 'verified', 'damaged', 'failed', 'deleted');
CREATE TYPE backup_reason AS ENUM ('scheduled', 'manual', 'before_restore', 'before_archive', 'final');
CREATE TABLE tenant_backups (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id    bigint NOT NULL REFERENCES tenants,
    reason       backup_reason NOT NULL,
    state        backup_state NOT NULL DEFAULT 'running',
    target       text NOT NULL,      -- "file" or "s3"
    location     text NOT NULL,      -- path below the target
    blueprint    text NOT NULL,
    size_bytes   bigint,
    sha256       text,
    files        bigint,             -- entries in the archive
    requested_by text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    verified_at  timestamptz,        -- size, checksum and listing were looked at
    tested_at    timestamptz,        -- it was restored for a test
    test_result  jsonb,
    expires_at   timestamptz,
    deleted_at   timestamptz,
    error_code   text,
    error_detail text,
    CONSTRAINT tenant_backups_kept_is_measured
        CHECK (state NOT IN ('stored', 'verified') OR (size_bytes IS NOT NULL AND sha256 IS NOT NULL)),
    CONSTRAINT tenant_backups_deleted_is_dated CHECK ((state = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE INDEX tenant_backups_by_tenant ON tenant_backups (tenant_id, id DESC);
CREATE INDEX tenant_backups_expiring ON tenant_backups (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('stored', 'verified');
CREATE UNIQUE INDEX tenant_backups_location ON tenant_backups (target, location);
-- What a tenant is to be filled with before it goes live; NULL: nothing, or it was done.
ALTER TABLE tenants ADD COLUMN restore_backup_id bigint REFERENCES tenant_backups;

-- Places that were built before anybody asked for them.
CREATE TYPE pool_state AS ENUM ('building', 'ready', 'claimed', 'retiring', 'gone');
CREATE TABLE tenant_pool (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provisioner text NOT NULL,
    blueprint   text NOT NULL,
    plan_id     text NOT NULL REFERENCES plans,
    image       text NOT NULL,
    state       pool_state NOT NULL DEFAULT 'building',
    tenant_id   bigint REFERENCES tenants,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ready_at    timestamptz,
    claimed_at  timestamptz,
    CONSTRAINT tenant_pool_claimed_has_a_tenant CHECK ((state = 'claimed') = (tenant_id IS NOT NULL))
);
CREATE INDEX tenant_pool_ready ON tenant_pool (provisioner, blueprint, plan_id, id) WHERE state = 'ready';

-- Where the world and the rows do not agree.
CREATE TYPE finding_kind AS ENUM ('orphan', 'ghost', 'drift');
CREATE TYPE finding_action AS ENUM ('adopt', 'heal', 'destroy', 'ignore');
CREATE TABLE world_findings (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         finding_kind NOT NULL,
    provisioner  text NOT NULL,
    name         text NOT NULL,   -- of the thing: an instance, a host name, a database
    subject      text NOT NULL,   -- instance, route, database, limits, state
    tenant_id    bigint REFERENCES tenants,
    detail       text NOT NULL,
    first_seen   timestamptz NOT NULL DEFAULT now(),
    last_seen    timestamptz NOT NULL DEFAULT now(),
    resolved_at  timestamptz,
    resolved_by  text,
    resolution   finding_action
);
CREATE UNIQUE INDEX world_findings_open ON world_findings (provisioner, subject, name) WHERE resolved_at IS NULL;
CREATE INDEX world_findings_newest ON world_findings (id DESC);

-- Probes of a day, for the uptime and its strip; `down` counts those that failed while it should run.
CREATE TABLE tenant_uptime (
    tenant_id bigint NOT NULL REFERENCES tenants,
    day       date NOT NULL,
    probes    bigint NOT NULL DEFAULT 0,
    down      bigint NOT NULL DEFAULT 0,
    degraded  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day)
);

ALTER TABLE tenant_health
    ADD COLUMN network_in  bigint NOT NULL DEFAULT 0,   -- bytes since the sample before
    ADD COLUMN network_out bigint NOT NULL DEFAULT 0,
    ADD COLUMN processes   integer NOT NULL DEFAULT 0;

-- A credential that is shown once to whoever has the link.
CREATE TABLE one_time_access (
    token_hash text PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants,
    login      text NOT NULL,
    sealed     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX one_time_access_by_tenant ON one_time_access (tenant_id);

-- One action for many tenants, worked off by a job, with a result for each of them.
CREATE TYPE batch_action AS ENUM ('suspend', 'resume', 'backup', 'restart', 'release_hold', 'change_plan');
CREATE TYPE batch_row_state AS ENUM ('waiting', 'ok', 'skipped', 'failed');
CREATE TABLE tenant_batches (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action       batch_action NOT NULL,
    arguments    jsonb NOT NULL,
    requested_by text NOT NULL,
    -- Who must still be allowed to do it when it is done.
    staff_id     bigint REFERENCES staff,
    api_key_id   bigint REFERENCES api_keys,
    total        bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    finished_at  timestamptz
);
CREATE TABLE tenant_batch_rows (
    batch_id    bigint NOT NULL REFERENCES tenant_batches ON DELETE CASCADE,
    tenant_id   bigint NOT NULL REFERENCES tenants,
    state       batch_row_state NOT NULL DEFAULT 'waiting',
    why         text,
    finished_at timestamptz,
    PRIMARY KEY (batch_id, tenant_id),
    CONSTRAINT tenant_batch_rows_end_is_dated CHECK ((state = 'waiting') = (finished_at IS NULL))
);
CREATE INDEX tenant_batch_rows_by_state ON tenant_batch_rows (batch_id, state, tenant_id);
CREATE INDEX tenant_batch_rows_by_tenant ON tenant_batch_rows (tenant_id);
