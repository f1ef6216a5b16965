-- Disputes as staff look through them, and their answers to banks: written down before Stripe is asked.
ALTER TABLE billing_disputes
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT billing_disputes_id UNIQUE (id);
CREATE INDEX billing_disputes_in_order ON billing_disputes (created_at, id);
CREATE INDEX billing_disputes_by_due_date ON billing_disputes (evidence_due_by, id);
CREATE INDEX billing_disputes_to_answer ON billing_disputes (evidence_due_by, id)
    WHERE status IN ('needs_response', 'warning_needs_response');
CREATE INDEX billing_disputes_search ON billing_disputes
    USING gin (lower(stripe_dispute_id || ' ' || coalesce(stripe_invoice_id, '') || ' ' || stripe_charge_id)
               gin_trgm_ops);

-- An outcome that is not known is being found out; one such row a dispute.
CREATE TABLE billing_dispute_orders (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id       bigint NOT NULL REFERENCES customers,
    stripe_dispute_id text NOT NULL,
    wish              text NOT NULL CONSTRAINT billing_dispute_orders_wish CHECK (wish IN ('submission', 'acceptance')),
    -- What is told to the bank, by Stripe's names.
    evidence          jsonb NOT NULL CONSTRAINT billing_dispute_orders_evidence CHECK (jsonb_typeof(evidence) = 'object'),
    asked_by          text NOT NULL,
    asked_at          timestamptz NOT NULL,
    sent_at           timestamptz,
    outcome           text CONSTRAINT billing_dispute_orders_outcome CHECK (outcome IN (
        'submitted', 'accepted', 'answered_already', 'refused', 'unknown')),
    refusal           text,
    ended_at          timestamptz,
    CONSTRAINT billing_dispute_orders_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX billing_dispute_orders_one_at_a_time ON billing_dispute_orders (stripe_dispute_id)
    WHERE outcome IS NULL;
CREATE INDEX billing_dispute_orders_by_dispute ON billing_dispute_orders (stripe_dispute_id, id);
CREATE INDEX billing_dispute_orders_by_customer ON billing_dispute_orders (customer_id);
