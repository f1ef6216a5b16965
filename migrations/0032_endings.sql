-- The end of a tenant is the end of its bill.

-- What is done about a subscription because its tenant ends, written down before it is done.
CREATE TABLE billing_endings (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id              bigint NOT NULL REFERENCES tenants,
    stripe_subscription_id text NOT NULL,
    ends                   text NOT NULL CONSTRAINT billing_endings_ends CHECK (ends IN ('now', 'period_end')),
    refund                 text NOT NULL CONSTRAINT billing_endings_refund CHECK (refund IN ('none', 'unused')),
    ends_at                timestamptz,
    given_back             bigint NOT NULL DEFAULT 0,
    currency               char(3),
    asked_at               timestamptz NOT NULL DEFAULT now(),
    done_at                timestamptz
);
CREATE UNIQUE INDEX billing_endings_under_way ON billing_endings (stripe_subscription_id) WHERE done_at IS NULL;
CREATE INDEX billing_endings_by_tenant ON billing_endings (tenant_id);

-- Where Stripe's subscriptions and our tenants do not agree.
CREATE TABLE billing_findings (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind                   text NOT NULL CONSTRAINT billing_findings_kind
        CHECK (kind IN ('subscription_for_nothing', 'tenant_without_subscription', 'tenant_pays_twice')),
    subject                text NOT NULL,
    tenant_id              bigint REFERENCES tenants,
    stripe_subscription_id text,
    detail                 text NOT NULL,
    first_seen             timestamptz NOT NULL DEFAULT now(),
    last_seen              timestamptz NOT NULL DEFAULT now(),
    resolved_at            timestamptz
);
CREATE UNIQUE INDEX billing_findings_open ON billing_findings (kind, subject) WHERE resolved_at IS NULL;
