-- What is learnt in another order than it happened, and the ways back for who stopped paying.

-- An invoice may come before its subscription, and be paid after its subscription has ended: then
-- its tenant runs for the time that was paid for, or the money goes back.
ALTER TABLE billing_invoices
    ADD COLUMN stripe_subscription_id text,
    ADD COLUMN late_outcome text
        CONSTRAINT billing_invoices_late_outcome
        CHECK (late_outcome IN ('runs', 'refunding', 'refunded', 'settled', 'needs_person')),
    ADD COLUMN late_until timestamptz,
    ADD CONSTRAINT billing_invoices_late_until CHECK ((late_until IS NULL) OR late_outcome = 'runs');
CREATE INDEX billing_invoices_orphaned ON billing_invoices (stripe_subscription_id)
    WHERE subscription_id IS NULL;
CREATE INDEX billing_invoices_by_subscription ON billing_invoices (subscription_id);
CREATE INDEX billing_invoices_late ON billing_invoices (paid_at) WHERE late_outcome IS NOT NULL;

-- What Stripe would charge by default: a subscription's own method comes before its customer's.
ALTER TABLE subscriptions ADD COLUMN default_payment_method text;
CREATE TABLE billing_profiles (
    customer_id            bigint PRIMARY KEY REFERENCES customers,
    default_payment_method text
);

-- Events of somebody whom we do not know (yet), and those of another mode or account.
ALTER TABLE stripe_events ADD COLUMN stripe_customer text;
CREATE INDEX stripe_events_unlinked ON stripe_events (stripe_customer) WHERE state = 'unlinked';
CREATE INDEX stripe_events_foreign ON stripe_events (received_at) WHERE state = 'foreign';

-- A payment page that brings a tenant back whose subscription has ended. One at a time: two could
-- both be paid.
CREATE TABLE tenant_renewals (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id         bigint NOT NULL REFERENCES tenants,
    stripe_session_id text UNIQUE,
    url               text,
    amount            bigint NOT NULL,
    currency          char(3) NOT NULL,
    interval          text NOT NULL,
    interval_count    integer NOT NULL,
    expires_at        timestamptz NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    closed_at         timestamptz
);
CREATE UNIQUE INDEX tenant_renewals_one_open ON tenant_renewals (tenant_id) WHERE closed_at IS NULL;
