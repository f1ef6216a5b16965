-- Invitations and API keys; people who were removed.

-- What a removed person did stays with their row; only the e-mail is free again.
ALTER TABLE staff ADD COLUMN removed_at timestamptz;
CREATE INDEX staff_by_name ON staff (lower(name), id) WHERE removed_at IS NULL;

CREATE TABLE invitations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL CONSTRAINT invitations_role_exists REFERENCES roles,
    locale      text NOT NULL,
    token_hash  text NOT NULL UNIQUE,
    invited_by  bigint REFERENCES staff,
    created_at  timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by bigint REFERENCES staff,
    revoked_at  timestamptz,
    CONSTRAINT invitations_email_is_lower_case CHECK (email = lower(email))
);
CREATE UNIQUE INDEX invitations_open ON invitations (email)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

CREATE TABLE api_keys (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL,
    -- The beginning of the key, to recognise it by.
    prefix            text NOT NULL,
    hash              text NOT NULL CONSTRAINT api_keys_hash_taken UNIQUE,
    scopes            text[] NOT NULL,
    -- CIDR; none: from everywhere.
    addresses         text[] NOT NULL DEFAULT '{}',
    -- A key may never do more than the person who made it may now.
    created_by        bigint NOT NULL REFERENCES staff,
    created_at        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz,
    last_used_at      timestamptz,
    last_used_address text,
    replaces          bigint REFERENCES api_keys,
    revoked_at        timestamptz,
    revoked_by        text,
    version           bigint NOT NULL DEFAULT 1
);
CREATE INDEX api_keys_usable ON api_keys (expires_at) WHERE revoked_at IS NULL;
