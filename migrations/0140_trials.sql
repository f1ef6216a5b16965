-- A plan may be tried before it is paid for, and a person tries once.
ALTER TABLE plans ADD COLUMN trial_days integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT plans_trial_days CHECK (trial_days BETWEEN 0 AND 90);

-- What was promised with the order, whatever becomes of the plan meanwhile.
ALTER TABLE signups ADD COLUMN trial_days integer NOT NULL DEFAULT 0,
    -- The subscription of a trial that was not given: its owner had had one before.
    ADD COLUMN refused_trial text,
    -- Stripe's name for the card or account, the same for all customers who give it.
    ADD COLUMN method_fingerprint text;
ALTER TABLE signup_pages ADD COLUMN trial_days integer NOT NULL DEFAULT 0;
CREATE INDEX signups_by_method ON signups (method_fingerprint) WHERE method_fingerprint IS NOT NULL;
CREATE INDEX signups_by_customer ON signups (customer_id);

-- Few are in a trial or owe something: they are found without a look at all others.
CREATE INDEX subscriptions_to_look_at ON subscriptions (status, tenant_id)
 WHERE status IN ('trialing', 'past_due', 'unpaid');
