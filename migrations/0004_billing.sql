-- The mirror of Stripe and what follows from it.

CREATE TYPE stripe_event_state AS ENUM ('received', 'applied', 'ignored', 'dead');
CREATE TABLE stripe_events (
    id           text PRIMARY KEY,
    type         text NOT NULL,
    object_id    text NOT NULL,
    api_version  text,
    created      timestamptz NOT NULL,
    payload      text NOT NULL,
    source       text NOT NULL DEFAULT 'webhook',
    state        stripe_event_state NOT NULL DEFAULT 'received',
    last_error   text,
    received_at  timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz
);
CREATE INDEX stripe_events_by_age ON stripe_events (created DESC);
CREATE INDEX stripe_events_unfinished ON stripe_events (received_at) WHERE state IN ('received', 'dead');

CREATE TYPE subscription_status AS ENUM ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused');
CREATE TABLE subscriptions (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id            bigint NOT NULL REFERENCES customers,
    tenant_id              bigint REFERENCES tenants,
    stripe_subscription_id text UNIQUE,
    status                 subscription_status NOT NULL,
    currency               char(3) NOT NULL,
    mrr                    bigint NOT NULL DEFAULT 0,
    cancel_at_period_end   boolean NOT NULL DEFAULT false,
    current_period_end     timestamptz,
    started_at             timestamptz NOT NULL,
    ended_at               timestamptz,
    CONSTRAINT subscriptions_mrr_is_not_negative CHECK (mrr >= 0)
);
CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id);
CREATE INDEX subscriptions_by_tenant ON subscriptions (tenant_id);

CREATE TYPE invoice_status AS ENUM ('draft', 'open', 'paid', 'void', 'uncollectible');
CREATE TABLE billing_invoices (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id          bigint NOT NULL REFERENCES customers,
    subscription_id      bigint REFERENCES subscriptions,
    stripe_invoice_id    text UNIQUE,
    number               text,
    amount               bigint NOT NULL,
    amount_paid          bigint NOT NULL DEFAULT 0,
    currency             char(3) NOT NULL,
    status               invoice_status NOT NULL,
    attempt_count        integer NOT NULL DEFAULT 0,
    next_payment_attempt timestamptz,
    hosted_invoice_url   text,
    date                 timestamptz NOT NULL,
    paid_at              timestamptz,
    -- What the roll-ups were told about this invoice, so that a repeat changes nothing.
    counted_paid         bigint NOT NULL DEFAULT 0,
    counted_failed       bigint NOT NULL DEFAULT 0
);
CREATE INDEX billing_invoices_by_customer ON billing_invoices (customer_id, date DESC);
CREATE INDEX billing_invoices_by_date ON billing_invoices (date DESC, id DESC);

CREATE TABLE billing_refunds (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id      bigint NOT NULL REFERENCES customers,
    stripe_refund_id text NOT NULL UNIQUE,
    amount           bigint NOT NULL,
    currency         char(3) NOT NULL,
    status           text NOT NULL,
    date             timestamptz NOT NULL,
    counted          bigint NOT NULL DEFAULT 0
);
CREATE INDEX billing_refunds_by_customer ON billing_refunds (customer_id);

CREATE TABLE payment_methods (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    stripe_pm_id text NOT NULL UNIQUE,
    type         text NOT NULL,
    "default"    boolean NOT NULL DEFAULT false,
    brand        text,
    last4        text,
    expires      date
);
CREATE INDEX payment_methods_by_customer ON payment_methods (customer_id);

-- D7 of the report definitions. Append-only; the sum of all amounts is the present MRR.
CREATE TYPE movement_kind AS ENUM ('new', 'expansion', 'contraction', 'churn', 'reactivation');
CREATE TABLE mrr_movements (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id     bigint NOT NULL REFERENCES customers,
    subscription_id bigint NOT NULL REFERENCES subscriptions,
    stripe_event_id text,
    kind            movement_kind NOT NULL,
    currency        char(3) NOT NULL,
    amount          bigint NOT NULL CONSTRAINT mrr_movements_move CHECK (amount <> 0),
    occurred_at     timestamptz NOT NULL,
    CONSTRAINT mrr_movements_sign CHECK ((amount > 0) = (kind IN ('new', 'expansion', 'reactivation')))
);
CREATE INDEX mrr_movements_by_customer ON mrr_movements (customer_id, occurred_at);
