-- Credit notes as staff look through them, and those that they ask for: written down before Stripe is asked.
ALTER TABLE billing_credit_notes
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT billing_credit_notes_id UNIQUE (id);
CREATE INDEX billing_credit_notes_in_order ON billing_credit_notes (created_at, id);
CREATE INDEX billing_credit_notes_search ON billing_credit_notes
    USING gin (lower(stripe_credit_note_id || ' ' || coalesce(number, '') || ' ' || stripe_invoice_id) gin_trgm_ops);

-- `mark` is what the credit note at Stripe carries, so that it is written once.
CREATE TABLE billing_credit_orders (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id           bigint NOT NULL REFERENCES customers,
    invoice_id            bigint NOT NULL REFERENCES billing_invoices ON DELETE CASCADE,
    amount                bigint NOT NULL CONSTRAINT billing_credit_orders_amount CHECK (amount > 0),
    currency              char(3) NOT NULL,
    reason                text,
    note                  text NOT NULL,
    mark                  text NOT NULL UNIQUE,
    asked_by              text NOT NULL,
    asked_at              timestamptz NOT NULL,
    outcome               text CONSTRAINT billing_credit_orders_outcome CHECK (outcome IN (
        'credited', 'refused', 'unknown')),
    refusal               text,
    stripe_credit_note_id text,
    ended_at              timestamptz,
    CONSTRAINT billing_credit_orders_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX billing_credit_orders_by_invoice ON billing_credit_orders (invoice_id);
CREATE INDEX billing_credit_orders_by_customer ON billing_credit_orders (customer_id);
CREATE INDEX billing_credit_orders_by_note ON billing_credit_orders (stripe_credit_note_id);
