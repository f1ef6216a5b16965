-- A mail is handed over once: what the mail server said is kept, and while nobody knows whether it has a mail, that is a
-- state. What must be written once has a key.
ALTER TYPE mail_state ADD VALUE 'handed' AFTER 'queued';
ALTER TYPE mail_state ADD VALUE 'bounced';
ALTER TYPE mail_state ADD VALUE 'suppressed';

ALTER TABLE mails
    -- How it looks as HTML: the name and the colour of the day it was written.
    ADD COLUMN look_name     text NOT NULL DEFAULT '',
    ADD COLUMN look_colour   text NOT NULL DEFAULT '',
    -- In the link by which its reader declines more of its kind.
    ADD COLUMN decline_token text,
    ADD COLUMN message_id    text,
    ADD COLUMN handed_at     timestamptz,
    -- How often it was handed over without an answer.
    ADD COLUMN unanswered    integer NOT NULL DEFAULT 0,
    -- How often it was put off by the mail server.
    ADD COLUMN put_off       integer NOT NULL DEFAULT 0,
    -- Later nobody is served by it any more.
    ADD COLUMN useful_until  timestamptz NOT NULL DEFAULT now() + interval '4 days',
    -- Of the mail server: its enhanced status code (RFC 3463), and the whole answer.
    ADD COLUMN status_code   text,
    ADD COLUMN server_answer text;
CREATE INDEX mails_by_state_and_age ON mails (state, created_at);
CREATE INDEX mails_failed ON mails (id DESC) WHERE state = 'failed' AND status_code IS NULL;
CREATE INDEX mails_refused ON mails (id DESC) WHERE state = 'failed' AND status_code IS NOT NULL;
CREATE UNIQUE INDEX mails_by_decline_token ON mails (decline_token) WHERE decline_token IS NOT NULL;

-- Kept for ever, so that a mail which was removed long ago is not written again.
CREATE TABLE mail_keys (
    key     text PRIMARY KEY,
    mail_id bigint NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now()
);

-- Whether the mail server answers, as all nodes see it: while it does not, one mail at a time asks.
CREATE TABLE mail_server (
    is_only    boolean PRIMARY KEY DEFAULT true CONSTRAINT mail_server_is_one CHECK (is_only),
    away_since timestamptz,
    tries      bigint NOT NULL DEFAULT 0,
    next_at    timestamptz,
    last_error text,
    CONSTRAINT mail_server_away CHECK ((away_since IS NULL) = (next_at IS NULL))
);
INSERT INTO mail_server DEFAULT VALUES;

-- Who is not written to: nothing at all ('') since the address does not exist, or no mail of one kind since its reader
-- declined it.
CREATE TABLE mail_suppressions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address     text NOT NULL CONSTRAINT mail_suppressions_lower CHECK (address = lower(address)),
    template    text NOT NULL DEFAULT '',
    reason      text NOT NULL CONSTRAINT mail_suppressions_reason CHECK (reason IN ('bounced', 'declined')),
    status_code text,
    detail      text,
    mail_id     bigint,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mail_suppressions_once UNIQUE (address, template)
);
CREATE INDEX mail_suppressions_search ON mail_suppressions USING gin (address gin_trgm_ops);
CREATE INDEX mail_suppressions_by_age ON mail_suppressions (created_at) WHERE reason = 'bounced';
CREATE INDEX mail_suppressions_by_reason ON mail_suppressions (reason, id DESC);

-- The words of a mail as staff have changed them, both languages together; NULL: the program's own. The version never
-- goes back.
CREATE TABLE mail_texts (
    template   text PRIMARY KEY,
    version    bigint NOT NULL,
    en_subject text,
    en_body    text,
    es_subject text,
    es_body    text,
    changed_at timestamptz,
    changed_by text,
    CONSTRAINT mail_texts_whole CHECK (num_nonnulls(en_subject, en_body, es_subject, es_body) IN (0, 4))
);
