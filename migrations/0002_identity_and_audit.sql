-- Staff, their sessions, and the audit trail that nobody can change unseen.

CREATE TYPE staff_role AS ENUM ('owner', 'admin', 'support', 'finance', 'auditor');

CREATE TABLE staff (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL,
    name          text NOT NULL,
    role          staff_role NOT NULL,
    password_hash text NOT NULL,
    locale        text,
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT staff_email_is_lower_case CHECK (email = lower(email))
);
CREATE UNIQUE INDEX staff_email_taken ON staff (email);

CREATE TABLE sessions (
    id         text PRIMARY KEY,
    staff_id   bigint NOT NULL REFERENCES staff,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    address    text NOT NULL,
    user_agent text NOT NULL
);
CREATE INDEX sessions_revoked ON sessions (expires_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_by_staff ON sessions (staff_id, created_at DESC);

CREATE TABLE audit_logs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "timestamp"   timestamptz NOT NULL DEFAULT clock_timestamp(),
    admin_id      bigint REFERENCES staff,
    actor         text NOT NULL,
    action        text NOT NULL,
    target        text NOT NULL,
    address       text NOT NULL,
    request_id    text NOT NULL,
    before        jsonb,
    after         jsonb,
    previous_hash text NOT NULL,
    hash          text NOT NULL
);
CREATE INDEX audit_logs_by_target ON audit_logs (target, id DESC);
CREATE INDEX audit_logs_by_admin ON audit_logs (admin_id, id DESC);

-- SHA-256 over every column of the row and the hash before it.
CREATE FUNCTION audit_hash(row_id bigint, at timestamptz, admin_id bigint, actor text, action text,
                           target text, address text, request_id text, before jsonb, after jsonb,
                           previous_hash text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        row_id, extract(epoch FROM at), admin_id, actor, action, target, address, request_id,
        before, after, previous_hash)::text, 'UTF8')), 'hex')
$$;

-- One writer at a time until its commit: the chain has no forks and no gaps.
CREATE FUNCTION audit_append(p_admin_id bigint, p_actor text, p_action text, p_target text,
                             p_address text, p_request_id text, p_before jsonb, p_after jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    row audit_logs%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_logs'));
    row.id := nextval(pg_get_serial_sequence('audit_logs', 'id'));
    row."timestamp" := clock_timestamp();
    SELECT coalesce((SELECT hash FROM audit_logs ORDER BY id DESC LIMIT 1), 'genesis')
      INTO row.previous_hash;
    INSERT INTO audit_logs OVERRIDING SYSTEM VALUE VALUES (
        row.id, row."timestamp", p_admin_id, p_actor, p_action, p_target, p_address, p_request_id,
        p_before, p_after, row.previous_hash,
        audit_hash(row.id, row."timestamp", p_admin_id, p_actor, p_action, p_target, p_address,
                   p_request_id, p_before, p_after, row.previous_hash));
    RETURN row.id;
END $$;

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_logs is append-only';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
