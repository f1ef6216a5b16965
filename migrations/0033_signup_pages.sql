-- What a sign-up asked for and what happened to it: every payment page that was opened, with the
-- amount it asks for (nothing else counts as paid); where the visitor came from, so that unpaid
-- reservations can be bounded; which subscription paid; why money that came too late went back.

CREATE TABLE signup_pages (
    session_id      text PRIMARY KEY,
    signup_id       bigint NOT NULL REFERENCES signups,
    interval        price_interval NOT NULL,
    currency        char(3) NOT NULL,
    amount          bigint NOT NULL,
    subscription_id text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- Nobody can pay there any more, and what paying there had begun is ended too.
    ended_at        timestamptz
);
CREATE INDEX signup_pages_by_signup ON signup_pages (signup_id);
CREATE INDEX signup_pages_by_subscription ON signup_pages (subscription_id) WHERE subscription_id IS NOT NULL;
INSERT INTO signup_pages (session_id, signup_id, interval, currency, amount)
    SELECT stripe_session_id, id, interval, currency, amount FROM signups WHERE stripe_session_id IS NOT NULL;

ALTER TABLE signups
    ADD COLUMN address text,
    ADD COLUMN network text,
    ADD COLUMN paid_subscription_id text,
    ADD COLUMN refusal text;

-- Whom we have told that what they paid for is over and where their money is: once.
CREATE TABLE signup_returns (
    what    text PRIMARY KEY,
    told_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO signup_returns (what) SELECT 'ten_' || tenant_id FROM signups WHERE payment = 'refunded';
