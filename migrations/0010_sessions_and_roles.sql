-- Roles become rows, so that there can be others than the built-in ones; sessions are refreshed with
-- tokens that work once; the keys that sign access tokens are rows, too, so that they can rotate.

CREATE TABLE roles (
    name                   text PRIMARY KEY,
    title                  text NOT NULL,
    built_in               boolean NOT NULL DEFAULT false,
    -- Of a built-in role the scopes are computed from what the endpoints declare.
    scopes                 text[] NOT NULL DEFAULT '{}',
    second_factor_required boolean NOT NULL DEFAULT false,
    grace_days             integer NOT NULL DEFAULT 7,
    required_since         timestamptz,
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT roles_name_form CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    CONSTRAINT roles_grace_days_range CHECK (grace_days BETWEEN 0 AND 90)
);
INSERT INTO roles (name, title, built_in)
VALUES ('owner', 'Owner', true), ('admin', 'Admin', true), ('support', 'Support', true),
       ('finance', 'Finance', true), ('auditor', 'Auditor', true);

ALTER TABLE staff ALTER COLUMN role TYPE text USING role::text;
ALTER TABLE staff ADD CONSTRAINT staff_role_exists FOREIGN KEY (role) REFERENCES roles;
ALTER TABLE staff ADD COLUMN password_changed_at timestamptz NOT NULL DEFAULT now(),
                  ADD COLUMN version bigint NOT NULL DEFAULT 1;
DROP TYPE staff_role;

-- An installation is never left without somebody who may do everything.
CREATE FUNCTION staff_keeps_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role = 'owner' AND OLD.disabled_at IS NULL
       AND (TG_OP = 'DELETE' OR NEW.role <> 'owner' OR NEW.disabled_at IS NOT NULL) THEN
        -- Two owners who demote each other at one moment: the second waits and then sees the first.
        PERFORM pg_advisory_xact_lock(hashtext('staff.owners'));
        IF NOT EXISTS (SELECT 1 FROM staff
                        WHERE role = 'owner' AND disabled_at IS NULL AND id <> OLD.id) THEN
            RAISE EXCEPTION 'the last owner stays' USING ERRCODE = 'check_violation',
                  CONSTRAINT = 'staff_keeps_an_owner';
        END IF;
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER staff_keeps_an_owner BEFORE UPDATE OF role, disabled_at OR DELETE ON staff
    FOR EACH ROW EXECUTE FUNCTION staff_keeps_an_owner();

ALTER TABLE sessions
    ADD COLUMN last_used_at   timestamptz NOT NULL DEFAULT now(),
    -- How the second factor was shown at the log-in: totp, recovery_code, passkey; NULL: not at all.
    ADD COLUMN second_factor  text,
    -- When the person last proved who they are: dangerous actions ask again after five minutes.
    ADD COLUMN confirmed_at   timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN revoked_reason text;

CREATE TABLE refresh_tokens (
    hash       text PRIMARY KEY,
    session_id text NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE signing_keys (
    kid        text PRIMARY KEY,
    sealed_key text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Tokens signed with it are believed until then; NULL: it signs.
    retires_at timestamptz
);

-- What threatens the installation, for people to look at: written by identity and by the threat rules.
CREATE TYPE security_severity AS ENUM ('info', 'low', 'medium', 'high', 'critical');
CREATE TABLE security_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL,
    severity        security_severity NOT NULL,
    staff_id        bigint REFERENCES staff,
    address         text NOT NULL DEFAULT '',
    detail          jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    closed_at       timestamptz,
    closed_by       bigint REFERENCES staff,
    outcome         text
);
CREATE INDEX security_events_newest ON security_events (id DESC);
CREATE INDEX security_events_open ON security_events (severity, id) WHERE closed_at IS NULL;

-- Random values that are made once and kept, sealed; other keys are derived from them.
CREATE TABLE kept_secrets (
    name   text PRIMARY KEY,
    sealed text NOT NULL
);
