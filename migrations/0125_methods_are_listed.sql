-- Payment methods as staff look through them, and what they had done about one: written down before Stripe is asked.

CREATE INDEX payment_methods_by_expiry ON payment_methods (expires, id);
CREATE INDEX payment_methods_search ON payment_methods
    USING gin (lower(stripe_pm_id || ' ' || coalesce(last4, '')) gin_trgm_ops);

-- An outcome that is not known is being found out; of two wishes about the same the later one counts.
CREATE TABLE billing_method_orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    stripe_pm_id text NOT NULL,
    wish         text NOT NULL CONSTRAINT billing_method_orders_wish CHECK (wish IN ('charge', 'removal')),
    asked_by     text NOT NULL,
    asked_at     timestamptz NOT NULL,
    outcome      text CONSTRAINT billing_method_orders_outcome CHECK (outcome IN (
        'done', 'gone', 'overtaken', 'refused', 'unknown')),
    refusal      text,
    ended_at     timestamptz,
    CONSTRAINT billing_method_orders_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX billing_method_orders_open ON billing_method_orders (customer_id) WHERE outcome IS NULL;
CREATE INDEX billing_method_orders_by_customer ON billing_method_orders (customer_id);
CREATE INDEX billing_method_orders_by_age ON billing_method_orders (ended_at);
