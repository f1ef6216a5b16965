-- What Stripe sells, bills and gives back, in columns: what pages and definitions need of it. NULL stands for "not
-- known yet": the first comparison fills what was there before.

ALTER TABLE subscriptions
    ADD COLUMN trial_end         timestamptz,
    ADD COLUMN cancel_at         timestamptz,
    ADD COLUMN canceled_at       timestamptz,
    ADD COLUMN pause_behavior    text,
    ADD COLUMN pause_resumes_at  timestamptz,
    ADD COLUMN collection_method text,
    ADD CONSTRAINT subscriptions_pause CHECK (pause_resumes_at IS NULL OR pause_behavior IS NOT NULL);

-- No references between these tables where Stripe's words may come in any order: children before their parents.
CREATE TABLE subscription_items (
    stripe_item_id         text PRIMARY KEY,
    stripe_subscription_id text NOT NULL,
    price_id               text NOT NULL,
    quantity               bigint,
    current_period_start   timestamptz,
    current_period_end     timestamptz
);
CREATE INDEX subscription_items_by_subscription ON subscription_items (stripe_subscription_id);
CREATE INDEX subscription_items_by_price ON subscription_items (price_id);

CREATE TABLE stripe_prices (
    id                  text PRIMARY KEY,
    product             text NOT NULL,
    nickname            text,
    currency            char(3) NOT NULL,
    unit_amount         bigint,
    unit_amount_decimal numeric,
    interval            text,
    interval_count      integer,
    usage_type          text,
    tax_behavior        text,
    is_active           boolean NOT NULL,
    CONSTRAINT stripe_prices_recur CHECK ((interval IS NULL) = (interval_count IS NULL))
);

ALTER TABLE billing_profiles ADD COLUMN deleted_at timestamptz;

ALTER TABLE billing_invoices
    ADD COLUMN subtotal            bigint,
    ADD COLUMN tax                 bigint,
    ADD COLUMN amount_due          bigint,
    ADD COLUMN amount_remaining    bigint,
    ADD COLUMN collection_method   text,
    ADD COLUMN billing_reason      text,
    ADD COLUMN due_date            timestamptz,
    ADD COLUMN finalized_at        timestamptz,
    ADD COLUMN voided_at           timestamptz,
    ADD COLUMN uncollectible_at    timestamptz,
    ADD COLUMN first_failed_at     timestamptz,
    ADD COLUMN is_paid_out_of_band boolean;
CREATE INDEX billing_invoices_by_failure ON billing_invoices (first_failed_at) WHERE first_failed_at IS NOT NULL;

CREATE TABLE billing_invoice_lines (
    stripe_line_id text PRIMARY KEY,
    invoice_id     bigint NOT NULL REFERENCES billing_invoices ON DELETE CASCADE,
    position       integer NOT NULL,
    description    text,
    amount         bigint NOT NULL,
    discount       bigint NOT NULL,
    tax_inclusive  bigint NOT NULL,
    tax_exclusive  bigint NOT NULL,
    period_start   timestamptz,
    period_end     timestamptz,
    is_proration   boolean NOT NULL,
    price_id       text,
    stripe_item_id text,
    quantity       bigint
);
CREATE INDEX billing_invoice_lines_by_invoice ON billing_invoice_lines (invoice_id, position);

-- One row an attempt to charge somebody.
CREATE TABLE billing_attempts (
    stripe_charge_id  text PRIMARY KEY,
    stripe_invoice_id text,
    customer_id       bigint NOT NULL REFERENCES customers,
    at                timestamptz NOT NULL,
    outcome           text NOT NULL CONSTRAINT billing_attempts_outcome
        CHECK (outcome IN ('succeeded', 'failed', 'pending')),
    failure_code      text,
    decline_code      text,
    stripe_pm_id      text,
    amount            bigint NOT NULL,
    currency          char(3) NOT NULL
);
CREATE INDEX billing_attempts_by_invoice ON billing_attempts (stripe_invoice_id, at);
CREATE INDEX billing_attempts_by_customer ON billing_attempts (customer_id, at);

ALTER TABLE billing_refunds
    ADD COLUMN stripe_invoice_id     text,
    ADD COLUMN stripe_charge_id      text,
    ADD COLUMN reason                text,
    ADD COLUMN failure_reason        text,
    ADD COLUMN failed_at             timestamptz,
    ADD COLUMN stripe_credit_note_id text;
CREATE INDEX billing_refunds_by_invoice ON billing_refunds (stripe_invoice_id);

CREATE TABLE billing_credit_notes (
    stripe_credit_note_id         text PRIMARY KEY,
    customer_id                   bigint NOT NULL REFERENCES customers,
    stripe_invoice_id             text NOT NULL,
    number                        text,
    status                        text NOT NULL,
    reason                        text,
    amount                        bigint NOT NULL,
    tax                           bigint NOT NULL,
    pre_payment_amount            bigint NOT NULL,
    post_payment_amount           bigint NOT NULL,
    out_of_band_amount            bigint NOT NULL,
    currency                      char(3) NOT NULL,
    stripe_refund_ids             text[] NOT NULL,
    stripe_balance_transaction_id text,
    created_at                    timestamptz NOT NULL,
    voided_at                     timestamptz
);
CREATE INDEX billing_credit_notes_by_invoice ON billing_credit_notes (stripe_invoice_id);
CREATE INDEX billing_credit_notes_by_customer ON billing_credit_notes (customer_id);

CREATE TABLE billing_disputes (
    stripe_dispute_id text PRIMARY KEY,
    customer_id       bigint NOT NULL REFERENCES customers,
    stripe_charge_id  text NOT NULL,
    stripe_invoice_id text,
    reason            text NOT NULL,
    status            text NOT NULL,
    amount            bigint NOT NULL,
    currency          char(3) NOT NULL,
    evidence_due_by   timestamptz,
    created_at        timestamptz NOT NULL,
    closed_at         timestamptz,
    -- What the bank took, and gave back.
    funds_withdrawn   bigint NOT NULL,
    funds_reinstated  bigint NOT NULL
);
CREATE INDEX billing_disputes_by_invoice ON billing_disputes (stripe_invoice_id);
CREATE INDEX billing_disputes_by_customer ON billing_disputes (customer_id);

-- Movements of a customer's own balance: negative is credit.
CREATE TABLE billing_balance_transactions (
    stripe_balance_transaction_id text PRIMARY KEY,
    customer_id                   bigint NOT NULL REFERENCES customers,
    type                          text NOT NULL,
    amount                        bigint NOT NULL,
    ending_balance                bigint NOT NULL,
    currency                      char(3) NOT NULL,
    stripe_invoice_id             text,
    stripe_credit_note_id         text,
    description                   text,
    created_at                    timestamptz NOT NULL
);
CREATE INDEX billing_balance_transactions_by_customer ON billing_balance_transactions (customer_id, created_at);
CREATE INDEX billing_balance_transactions_by_invoice ON billing_balance_transactions (stripe_invoice_id);

-- Events as people look through them.
ALTER TABLE stripe_events
    ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT stripe_events_number UNIQUE (number);
DROP INDEX stripe_events_by_age;
CREATE INDEX stripe_events_by_age ON stripe_events (created DESC, number DESC);
CREATE INDEX stripe_events_by_state ON stripe_events (state, created DESC, number DESC);
CREATE INDEX stripe_events_by_type ON stripe_events (type text_pattern_ops, created DESC, number DESC);
