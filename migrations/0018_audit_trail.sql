-- The audit trail says more (role, API key, reason), belongs to a role of its own, and its head is
-- anchored outside the chain now and then. Later migrations of audit_logs must take that ownership
-- for the moment as the block at the end does.

ALTER TABLE audit_logs
    ADD COLUMN actor_role   text,
    ADD COLUMN api_key_id   bigint,  -- no foreign key: it is a record of the past
    ADD COLUMN reason       text,
    -- How `hash` was computed; rows from before this migration stay as they were hashed then.
    ADD COLUMN hash_version smallint NOT NULL DEFAULT 1;
CREATE INDEX audit_logs_by_action ON audit_logs (action, id DESC);
CREATE INDEX audit_logs_by_time ON audit_logs ("timestamp");

CREATE FUNCTION audit_row_hash(entry audit_logs) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE entry.hash_version
        WHEN 1 THEN public.audit_hash(entry.id, entry."timestamp", entry.admin_id, entry.actor,
                                      entry.action, entry.target, entry.address,
                                      entry.request_id, entry.before, entry.after,
                                      entry.previous_hash)
        WHEN 2 THEN encode(sha256(convert_to(jsonb_build_array(
            2, entry.id, extract(epoch FROM entry."timestamp"), entry.admin_id, entry.actor,
            entry.actor_role, entry.api_key_id, entry.action, entry.target, entry.reason,
            entry.address, entry.request_id, entry.before, entry.after,
            entry.previous_hash)::text, 'UTF8')), 'hex')
        ELSE 'unknown version' END
$$;

DROP FUNCTION audit_append(bigint, text, text, text, text, text, jsonb, jsonb);
CREATE FUNCTION audit_append(p_admin_id bigint, p_actor text, p_actor_role text, p_api_key_id bigint,
                             p_action text, p_target text, p_reason text, p_address text,
                             p_request_id text, p_before jsonb, p_after jsonb)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
-- Whoever may create functions in public could put a better matching one in the way of ours.
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry public.audit_logs%ROWTYPE;
BEGIN
    -- One writer at a time until its commit: the chain has no forks and no gaps.
    PERFORM pg_advisory_xact_lock(hashtext('audit_logs'));
    entry.id := nextval(pg_get_serial_sequence('public.audit_logs', 'id'));
    entry."timestamp" := clock_timestamp();
    entry.admin_id := p_admin_id;
    entry.actor := p_actor;
    entry.actor_role := p_actor_role;
    entry.api_key_id := p_api_key_id;
    entry.action := p_action;
    entry.target := p_target;
    entry.reason := p_reason;
    entry.address := p_address;
    entry.request_id := p_request_id;
    entry.before := p_before;
    entry.after := p_after;
    entry.hash_version := 2;
    SELECT coalesce((SELECT hash FROM public.audit_logs ORDER BY id DESC LIMIT 1), 'genesis')
      INTO entry.previous_hash;
    entry.hash := public.audit_row_hash(entry);
    INSERT INTO public.audit_logs OVERRIDING SYSTEM VALUE SELECT entry.*;
    RETURN entry.id;
END $$;

-- The head of the chain at a moment, signed; the same lines stand in a file in the data directory.
CREATE TABLE audit_anchors (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    rows      bigint NOT NULL,
    last_id   bigint NOT NULL,
    last_hash text NOT NULL,
    signature text NOT NULL
);
CREATE TRIGGER audit_anchors_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TABLE audit_verifications (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    finding         text NOT NULL,
    rows            bigint NOT NULL,
    anchors         bigint NOT NULL,
    first_broken_id bigint,
    anchor_at       timestamptz  -- of the anchor that does not fit
);

-- The application may read and call audit_append, nothing else. Needs the right to create roles;
-- without it the tables stay with the application's own role and only the triggers protect them.
DO $$
BEGIN
    BEGIN
        CREATE ROLE onboarding_audit NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this cluster has made it
    END;
    EXECUTE format('GRANT onboarding_audit TO %I', current_user);
    -- Who owns the schema may drop what is in it. Who does not own it could not either.
    BEGIN
        ALTER SCHEMA public OWNER TO onboarding_audit;
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege THEN
        GRANT USAGE, CREATE ON SCHEMA public TO onboarding_audit;
    END;
    ALTER TABLE audit_logs OWNER TO onboarding_audit;
    ALTER TABLE audit_anchors OWNER TO onboarding_audit;
    ALTER FUNCTION audit_append(bigint, text, text, bigint, text, text, text, text, text, jsonb,
                                jsonb) OWNER TO onboarding_audit;
    ALTER FUNCTION audit_hash(bigint, timestamptz, bigint, text, text, text, text, text, jsonb,
                              jsonb, text) OWNER TO onboarding_audit;
    ALTER FUNCTION audit_row_hash(audit_logs) OWNER TO onboarding_audit;
    ALTER FUNCTION audit_is_append_only() OWNER TO onboarding_audit;
    EXECUTE format('GRANT SELECT ON audit_logs TO %I', current_user);
    EXECUTE format('GRANT SELECT, INSERT ON audit_anchors TO %I', current_user);
    REVOKE EXECUTE ON FUNCTION audit_append(bigint, text, text, bigint, text, text, text, text,
                                            text, jsonb, jsonb) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION audit_append(bigint, text, text, bigint, text, text, '
                   'text, text, text, jsonb, jsonb) TO %I', current_user);
    EXECUTE format('REVOKE onboarding_audit FROM %I', current_user);
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'audit_logs stays with the role %: it may not create the role onboarding_audit',
                  current_user;
END $$;
