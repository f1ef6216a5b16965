-- What a person shows beside the password, and the devices that logged in before.

-- Seeds are sealed under the context totp_factors/<staff_id>. A new seed waits in pending_seed until
-- a code of it was typed in; the old one works until then.
CREATE TABLE totp_factors (
    staff_id     bigint PRIMARY KEY REFERENCES staff ON DELETE CASCADE,
    sealed_seed  text,
    pending_seed text,
    created_at   timestamptz,
    last_used_at timestamptz,
    -- Steps of 30 s since 1970: a code is accepted only when its step is later than this one.
    last_counter bigint NOT NULL DEFAULT 0,
    CONSTRAINT totp_factors_holds_a_seed CHECK (sealed_seed IS NOT NULL OR pending_seed IS NOT NULL)
);

CREATE TABLE recovery_codes (
    hash       text PRIMARY KEY,
    staff_id   bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX recovery_codes_by_staff ON recovery_codes (staff_id);

CREATE TABLE passkeys (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staff_id      bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    name          text NOT NULL,
    credential_id text NOT NULL,               -- base64url
    algorithm     integer NOT NULL,            -- COSE: -7 ES256, -257 RS256, -8 EdDSA
    public_key    text NOT NULL,               -- base64url, in the form libfido2 takes
    sign_count    bigint NOT NULL DEFAULT 0,
    transports    text[] NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz
);
CREATE UNIQUE INDEX passkeys_credential_taken ON passkeys (credential_id);
CREATE INDEX passkeys_by_staff ON passkeys (staff_id, id);

-- Challenges that were answered at least once. They are signed, not stored, when they are given out:
-- whoever asks for many fills no table.
CREATE TABLE challenges (
    hash       text PRIMARY KEY,
    attempts   integer NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

-- Wrong second factors of a person, whatever the challenge: guessing does not get cheaper by
-- logging in again.
CREATE TABLE factor_failures (
    staff_id bigint PRIMARY KEY REFERENCES staff ON DELETE CASCADE,
    failures integer NOT NULL,
    since    timestamptz NOT NULL
);

CREATE TABLE known_devices (
    hash          text NOT NULL,
    staff_id      bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    -- Until then this device is not asked for the second factor.
    trusted_until timestamptz,
    PRIMARY KEY (staff_id, hash)
);

CREATE FUNCTION has_second_factor(of_staff bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM totp_factors WHERE staff_id = of_staff AND sealed_seed IS NOT NULL)
        OR EXISTS (SELECT 1 FROM passkeys WHERE staff_id = of_staff)
$$;

-- When a person of this role must have a second factor; NULL: the role does not ask for one. Who
-- joined after it was asked for has the same time from then on.
CREATE FUNCTION second_factor_due(person staff, role roles) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN role.second_factor_required
                THEN greatest(coalesce(role.required_since, '-infinity'), person.created_at)
                     + make_interval(days => role.grace_days) END
$$;
