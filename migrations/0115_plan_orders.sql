-- Another plan that a customer asked for or that staff put off to the end of the period: until the payment of a dearer one
-- has arrived, or the period of the present one is over.

CREATE TYPE plan_order_state AS ENUM ('scheduled', 'awaiting_payment', 'done', 'dropped');
CREATE TABLE billing_plan_orders (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id              bigint NOT NULL REFERENCES tenants ON DELETE CASCADE,
    plan_id                text NOT NULL REFERENCES plans,
    stripe_subscription_id text NOT NULL,
    state                  plan_order_state NOT NULL,
    -- What it costs an interval, as it was shown: the price list may be another one by then.
    amount                 bigint NOT NULL,
    -- The end of the period in which it was asked for.
    takes_effect_at        timestamptz,
    -- What was shown was worked out for this moment, and so is what is charged.
    quoted_at              timestamptz,
    -- The invoice that it waits for, and Stripe's page on which that can be paid.
    stripe_invoice_id      text,
    pay_url                text,
    asked_by               text NOT NULL,
    created_at             timestamptz NOT NULL,
    ended_at               timestamptz,
    dropped_why            text CONSTRAINT billing_plan_orders_why CHECK (dropped_why IN (
        'taken_back', 'replaced', 'not_paid', 'refused', 'subscription_ends', 'storage_below_use', 'tenant_ends')),
    CONSTRAINT billing_plan_orders_ended CHECK ((state IN ('done', 'dropped')) = (ended_at IS NOT NULL)),
    CONSTRAINT billing_plan_orders_dropped CHECK ((state = 'dropped') = (dropped_why IS NOT NULL)),
    CONSTRAINT billing_plan_orders_scheduled CHECK (state <> 'scheduled' OR takes_effect_at IS NOT NULL)
);
CREATE UNIQUE INDEX billing_plan_orders_one_open ON billing_plan_orders (tenant_id) WHERE ended_at IS NULL;
CREATE INDEX billing_plan_orders_open_of ON billing_plan_orders (stripe_subscription_id) WHERE ended_at IS NULL;
CREATE INDEX billing_plan_orders_by_tenant ON billing_plan_orders (tenant_id, id DESC);
CREATE INDEX billing_plan_orders_by_end ON billing_plan_orders (ended_at) WHERE ended_at IS NOT NULL;
