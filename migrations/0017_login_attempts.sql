-- Every attempt to prove who one is, whether or not it succeeded. Written on its own: a refused
-- log-in commits nothing else. The account is a hash of the e-mail address as it was typed, so that
-- what people type into the wrong field is not kept.

CREATE TABLE login_attempts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    account_hash text NOT NULL,
    staff_id     bigint,      -- when the account exists; no foreign key: it is a record of the past
    method       text NOT NULL,
    succeeded    boolean NOT NULL,
    reason       text,        -- why not
    address      text NOT NULL,
    user_agent   text NOT NULL,
    CONSTRAINT login_attempts_failure_has_reason CHECK (succeeded = (reason IS NULL))
);
CREATE INDEX login_attempts_newest ON login_attempts (at);
CREATE INDEX login_attempts_by_account ON login_attempts (account_hash, at DESC);
CREATE INDEX login_attempts_by_address ON login_attempts (address, at DESC);
