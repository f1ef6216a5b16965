-- The customer's own page: links that were mailed, sessions that they opened, and pages of Stripe's on which another card
-- is given.

CREATE TABLE portal_links (
    -- The link's end is nowhere but in its mail.
    token_hash  text PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX portal_links_by_customer ON portal_links (customer_id, created_at DESC);
CREATE INDEX portal_links_by_end ON portal_links (expires_at);

CREATE TABLE portal_sessions (
    token_hash  text PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    began_at    timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX portal_sessions_by_customer ON portal_sessions (customer_id);
CREATE INDEX portal_sessions_by_end ON portal_sessions (expires_at);

CREATE TABLE portal_card_pages (
    stripe_session_id text PRIMARY KEY,
    customer_id       bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    created_at        timestamptz NOT NULL,
    -- A card was given there, and is charged.
    given_at          timestamptz,
    -- Used, or replaced by a later one.
    closed_at         timestamptz
);
CREATE INDEX portal_card_pages_by_customer ON portal_card_pages (customer_id, created_at DESC);
CREATE INDEX portal_card_pages_by_time ON portal_card_pages (created_at);
