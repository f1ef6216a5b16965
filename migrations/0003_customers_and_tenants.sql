-- Customers, what they can buy, and the tenants that run for them.
-- A tenant's state moves only through tenants.cpp; the checks make half-made moves impossible.

CREATE TABLE customers (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company            text NOT NULL,
    name               text NOT NULL,
    email              text NOT NULL,
    country            char(2) NOT NULL,
    locale             text NOT NULL,
    stripe_customer_id text,
    is_demo            boolean NOT NULL DEFAULT false,
    created_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_country_is_a_code CHECK (country ~ '^[A-Z]{2}$')
);
CREATE UNIQUE INDEX customers_stripe_id ON customers (stripe_customer_id);
CREATE INDEX customers_by_email ON customers (lower(email));

CREATE TYPE price_interval AS ENUM ('month', 'year');
CREATE TYPE support_level AS ENUM ('email', 'priority', 'dedicated');

CREATE TABLE plans (
    id                text PRIMARY KEY,
    name              text NOT NULL,
    position          integer NOT NULL,
    max_users         integer NOT NULL CONSTRAINT plans_max_users_is_positive CHECK (max_users > 0),
    storage_limit_mib integer NOT NULL CONSTRAINT plans_storage_is_positive CHECK (storage_limit_mib > 0),
    memory_limit_mib  integer NOT NULL CONSTRAINT plans_memory_is_positive CHECK (memory_limit_mib > 0),
    cpu_limit_percent integer NOT NULL CONSTRAINT plans_cpu_is_positive CHECK (cpu_limit_percent > 0),
    support           support_level NOT NULL,
    featured          boolean NOT NULL DEFAULT false,
    for_sale          boolean NOT NULL DEFAULT true
);

CREATE TABLE plan_prices (
    plan_id     text NOT NULL REFERENCES plans,
    currency    char(3) NOT NULL CONSTRAINT plan_prices_currency_is_a_code CHECK (currency ~ '^[a-z]{3}$'),
    interval    price_interval NOT NULL,
    unit_amount bigint NOT NULL CONSTRAINT plan_prices_amount_is_positive CHECK (unit_amount > 0),
    PRIMARY KEY (plan_id, currency, interval)
);

INSERT INTO plans (id, name, position, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, support, featured) VALUES
    ('starter',  'Starter',   1,   5,   5120,  512,  50, 'email',     false),
    ('team',     'Team',      2,  25,  25600, 1024, 100, 'priority',  true),
    ('business', 'Business',  3, 100, 102400, 2048, 200, 'dedicated', false);
INSERT INTO plan_prices (plan_id, currency, interval, unit_amount) VALUES
    ('starter',  'eur', 'month',  1900), ('starter',  'eur', 'year',  19000),
    ('starter',  'usd', 'month',  2100), ('starter',  'usd', 'year',  21000),
    ('team',     'eur', 'month',  4900), ('team',     'eur', 'year',  49000),
    ('team',     'usd', 'month',  5400), ('team',     'usd', 'year',  54000),
    ('business', 'eur', 'month', 14900), ('business', 'eur', 'year', 149000),
    ('business', 'usd', 'month', 16400), ('business', 'usd', 'year', 164000);

CREATE TYPE tenant_state AS ENUM (
    'reserved', 'awaiting_payment', 'queued', 'provisioning', 'live', 'suspending', 'suspended',
    'resuming', 'archiving', 'archived', 'purging', 'purged', 'provision_failed', 'rolled_back');
CREATE TYPE tenant_health_state AS ENUM ('unknown', 'healthy', 'degraded', 'down');

CREATE TABLE tenants (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id       bigint NOT NULL REFERENCES customers,
    subdomain         text NOT NULL,
    plan_id           text NOT NULL REFERENCES plans,
    state             tenant_state NOT NULL DEFAULT 'reserved',
    state_since       timestamptz NOT NULL DEFAULT now(),
    -- Every state that is not final has an end; what happens then stands in tenants.cpp.
    state_deadline    timestamptz,
    health            tenant_health_state NOT NULL DEFAULT 'unknown',
    health_since      timestamptz,
    maintenance       boolean NOT NULL DEFAULT false,
    max_users         integer NOT NULL CONSTRAINT tenants_max_users_is_positive CHECK (max_users > 0),
    storage_limit_mib integer NOT NULL CONSTRAINT tenants_storage_is_positive CHECK (storage_limit_mib > 0),
    memory_limit_mib  integer NOT NULL CONSTRAINT tenants_memory_is_positive CHECK (memory_limit_mib > 0),
    cpu_limit_percent integer NOT NULL CONSTRAINT tenants_cpu_is_positive CHECK (cpu_limit_percent > 0),
    provisioner       text NOT NULL,
    blueprint         text NOT NULL,
    attempt           integer NOT NULL DEFAULT 0,
    retry_at          timestamptz,
    failure_code      text,
    failure_detail    text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    queued_at         timestamptz,
    live_at           timestamptz,
    CONSTRAINT tenants_subdomain_is_a_label CHECK (subdomain ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$'),
    CONSTRAINT tenants_live_is_dated CHECK (state <> 'live' OR live_at IS NOT NULL),
    CONSTRAINT tenants_failure_is_named CHECK (state <> 'provision_failed' OR failure_code IS NOT NULL)
);
-- A tenant that is gone gives its name back.
CREATE UNIQUE INDEX tenants_subdomain_taken ON tenants (subdomain) WHERE state NOT IN ('purged', 'rolled_back');
CREATE INDEX tenants_newest ON tenants (created_at DESC, id DESC);
CREATE INDEX tenants_by_state ON tenants (state, created_at DESC, id DESC);
CREATE INDEX tenants_by_name ON tenants (subdomain, id);
CREATE INDEX tenants_by_customer ON tenants (customer_id);
CREATE INDEX tenants_overdue ON tenants (state_deadline) WHERE state_deadline IS NOT NULL;
CREATE INDEX tenants_went_live ON tenants (blueprint, provisioner, live_at DESC) WHERE live_at IS NOT NULL AND queued_at IS NOT NULL;

CREATE TABLE tenant_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants,
    kind       text NOT NULL,
    from_state tenant_state,
    to_state   tenant_state,
    actor      text NOT NULL,
    detail     text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_events_by_tenant ON tenant_events (tenant_id, id DESC);

CREATE TYPE hold_reason AS ENUM ('billing', 'trial_ended', 'quota', 'abuse', 'admin', 'customer', 'dispute');
CREATE TABLE tenant_holds (
    tenant_id bigint NOT NULL REFERENCES tenants,
    reason    hold_reason NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, reason)
);

-- The ledger: a resource outside these tables stands here before it is made and until it is gone.
CREATE TYPE resource_state AS ENUM ('planned', 'present', 'gone');
CREATE TABLE tenant_resources (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  bigint NOT NULL REFERENCES tenants,
    kind       text NOT NULL,
    name       text NOT NULL,
    state      resource_state NOT NULL DEFAULT 'planned',
    detail     text,
    created_at timestamptz NOT NULL DEFAULT now(),
    gone_at    timestamptz,
    CONSTRAINT tenant_resources_gone_is_dated CHECK ((state = 'gone') = (gone_at IS NOT NULL))
);
CREATE UNIQUE INDEX tenant_resources_once ON tenant_resources (kind, name) WHERE state <> 'gone';
CREATE INDEX tenant_resources_by_tenant ON tenant_resources (tenant_id, id);

CREATE TYPE step_state AS ENUM ('queued', 'running', 'done', 'failed', 'undone', 'skipped');
CREATE TABLE provisioning_steps (
    tenant_id   bigint NOT NULL REFERENCES tenants,
    position    integer NOT NULL,
    name        text NOT NULL,
    state       step_state NOT NULL DEFAULT 'queued',
    attempts    integer NOT NULL DEFAULT 0,
    started_at  timestamptz,
    finished_at timestamptz,
    error_code  text,
    PRIMARY KEY (tenant_id, position)
);

CREATE TABLE tenant_health (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   bigint NOT NULL REFERENCES tenants,
    cpu         double precision NOT NULL,  -- per cent of one core since the sample before
    ram         bigint NOT NULL,            -- resident bytes
    disk        bigint NOT NULL,            -- bytes: directory and database
    "timestamp" timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenant_health_by_tenant ON tenant_health (tenant_id, "timestamp" DESC);
CREATE INDEX tenant_health_by_age ON tenant_health ("timestamp");

CREATE TYPE payment_state AS ENUM ('none', 'open', 'processing', 'paid', 'failed', 'expired', 'refunded');
CREATE TABLE signups (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id          bigint NOT NULL UNIQUE REFERENCES tenants,
    customer_id        bigint NOT NULL REFERENCES customers,
    plan_id            text NOT NULL,
    interval           price_interval NOT NULL,
    currency           char(3) NOT NULL,
    amount             bigint NOT NULL,
    payment            payment_state NOT NULL DEFAULT 'none',
    stripe_session_id  text UNIQUE,
    stripe_session_url text,
    session_attempt    integer NOT NULL DEFAULT 0,
    lease_until        timestamptz NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    paid_at            timestamptz
);
CREATE INDEX signups_by_age ON signups (created_at);

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX customers_by_company ON customers (lower(company), id);
CREATE INDEX customers_search ON customers USING gin (lower(company || ' ' || email || ' ' || name) gin_trgm_ops);
CREATE INDEX tenants_search ON tenants USING gin (subdomain gin_trgm_ops);
