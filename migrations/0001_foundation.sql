-- What the platform itself keeps: jobs, schedules, idempotency keys, mails, sealing keys.

CREATE TYPE job_state AS ENUM ('waiting', 'running', 'done', 'dead');

CREATE TABLE jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL,
    payload      jsonb       NOT NULL,
    state        job_state   NOT NULL DEFAULT 'waiting',
    -- Two waiting jobs of one kind never carry the same key; running ones do not count, or a
    -- change made while the job runs would be lost.
    dedupe_key   text,
    run_at       timestamptz NOT NULL DEFAULT now(),
    attempt      integer     NOT NULL DEFAULT 0,
    max_attempts integer     NOT NULL DEFAULT 10,
    fence        bigint      NOT NULL DEFAULT 0,
    lease_until  timestamptz,
    worker       text,
    last_error   text,
    request_id   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    CONSTRAINT jobs_running_is_leased CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT jobs_end_is_dated CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL))
);
CREATE INDEX jobs_ready ON jobs (run_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE state = 'done';
CREATE UNIQUE INDEX jobs_waiting_once ON jobs (kind, dedupe_key) WHERE state = 'waiting';

-- Puts a job in and wakes the dispatchers at the commit. NULL when it joined a waiting one, which
-- then runs no later than this one would have.
CREATE FUNCTION enqueue_job(p_kind text, p_payload jsonb, p_dedupe_key text, p_run_at timestamptz,
                            p_max_attempts integer) RETURNS bigint
LANGUAGE sql AS $$
    SELECT pg_notify('onboarding', 'jobs');
    INSERT INTO jobs (kind, payload, dedupe_key, run_at, max_attempts)
    VALUES (p_kind, p_payload, p_dedupe_key, coalesce(p_run_at, now()), p_max_attempts)
    ON CONFLICT (kind, dedupe_key) WHERE state = 'waiting'
    DO UPDATE SET run_at = least(jobs.run_at, excluded.run_at)
    RETURNING CASE WHEN xmax = 0 THEN id END
$$;

CREATE TABLE job_schedules (
    name          text PRIMARY KEY,
    kind          text NOT NULL,
    every_seconds integer NOT NULL CONSTRAINT job_schedules_every_is_positive CHECK (every_seconds > 0),
    next_run_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE idempotency_keys (
    key          text PRIMARY KEY,
    request_hash text NOT NULL,
    claimed_at   timestamptz NOT NULL DEFAULT now(),
    status       integer,
    body         text
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (claimed_at);

-- Data keys, each sealed with the master key that lies outside the database.
CREATE TABLE data_keys (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sealed_key text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TYPE mail_state AS ENUM ('queued', 'sent', 'kept', 'failed');

CREATE TABLE mails (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    template   text NOT NULL,
    locale     text NOT NULL,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    body       text NOT NULL,
    state      mail_state NOT NULL DEFAULT 'queued',
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);
CREATE INDEX mails_by_state ON mails (state, id DESC);
