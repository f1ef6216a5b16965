-- Payments that failed, with why; payments that we ask for and money that we give back, written down before Stripe is
-- asked.

ALTER TABLE billing_invoices
    ADD COLUMN decline_code    text,
    ADD COLUMN last_attempt_at timestamptz;
UPDATE billing_invoices AS i
   SET decline_code = CASE WHEN a.outcome = 'failed' THEN coalesce(a.decline_code, a.failure_code, 'generic_decline') END,
       last_attempt_at = a.at
  FROM (SELECT DISTINCT ON (stripe_invoice_id) stripe_invoice_id, at, outcome, decline_code, failure_code
          FROM billing_attempts
         ORDER BY stripe_invoice_id, at DESC, outcome = 'failed', stripe_charge_id DESC) AS a
 WHERE a.stripe_invoice_id = i.stripe_invoice_id;
CREATE INDEX billing_invoices_not_collected ON billing_invoices (coalesce(last_attempt_at, date), id)
    WHERE counted_failed > 0 OR status = 'uncollectible';
CREATE INDEX billing_invoices_not_collected_of ON billing_invoices (customer_id)
    WHERE counted_failed > 0 OR status = 'uncollectible';
CREATE INDEX billing_invoices_not_collected_search ON billing_invoices
    USING gin (lower(coalesce(number, '') || ' ' || coalesce(stripe_invoice_id, '')) gin_trgm_ops)
    WHERE counted_failed > 0 OR status = 'uncollectible';

-- Who had Stripe try a payment: a person, or a card that became the default. An outcome that is not known is being
-- checked; one such row an invoice.
CREATE TABLE billing_retries (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice_id    bigint NOT NULL REFERENCES billing_invoices ON DELETE CASCADE,
    -- What makes the key that Stripe is asked with: the invoice's attempts so far, and ours.
    attempt_count integer NOT NULL,
    tried         integer NOT NULL,
    stripe_pm_id  text,
    asked_by      text NOT NULL,
    asked_at      timestamptz NOT NULL,
    sent_at       timestamptz,
    outcome       text CONSTRAINT billing_retries_outcome CHECK (outcome IN (
        'paid', 'declined', 'needs_customer', 'under_way', 'already_paid', 'void', 'no_method', 'refused', 'unknown')),
    decline_code  text,
    ended_at      timestamptz,
    CONSTRAINT billing_retries_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX billing_retries_one_at_a_time ON billing_retries (invoice_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX billing_retries_once_a_card ON billing_retries (invoice_id, stripe_pm_id)
    WHERE stripe_pm_id IS NOT NULL;
CREATE INDEX billing_retries_by_invoice ON billing_retries (invoice_id, id);
CREATE INDEX billing_retries_by_age ON billing_retries (ended_at);

-- Who gave back what. `mark` is what the refunds at Stripe carry, so that nothing goes back twice.
CREATE TABLE billing_refund_orders (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id           bigint NOT NULL REFERENCES customers,
    invoice_id            bigint REFERENCES billing_invoices ON DELETE CASCADE,
    stripe_charge_id      text,
    amount                bigint NOT NULL CONSTRAINT billing_refund_orders_amount CHECK (amount > 0),
    currency              char(3) NOT NULL,
    reason                text NOT NULL,
    note                  text NOT NULL,
    mark                  text NOT NULL UNIQUE,
    asked_by              text NOT NULL,
    asked_at              timestamptz NOT NULL,
    outcome               text CONSTRAINT billing_refund_orders_outcome CHECK (outcome IN (
        'given_back', 'in_part', 'refused')),
    refusal               text,
    given_back            bigint,
    stripe_refund_ids     text[] NOT NULL DEFAULT '{}',
    stripe_credit_note_id text,
    note_refusal          text,
    ended_at              timestamptz,
    CONSTRAINT billing_refund_orders_of_something CHECK (num_nonnulls(invoice_id, stripe_charge_id) > 0),
    CONSTRAINT billing_refund_orders_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX billing_refund_orders_by_charge ON billing_refund_orders (stripe_charge_id);
CREATE INDEX billing_refund_orders_by_customer ON billing_refund_orders (customer_id);
CREATE INDEX billing_refund_orders_by_invoice ON billing_refund_orders (invoice_id);
CREATE INDEX billing_refund_orders_by_refund ON billing_refund_orders USING gin (stripe_refund_ids);

CREATE INDEX billing_refunds_by_charge ON billing_refunds (stripe_charge_id);
CREATE INDEX billing_disputes_by_charge ON billing_disputes (stripe_charge_id);
CREATE INDEX billing_refunds_in_order ON billing_refunds (date, id);
CREATE INDEX billing_refunds_search ON billing_refunds
    USING gin (lower(stripe_refund_id || ' ' || coalesce(stripe_invoice_id, '') || ' ' || coalesce(stripe_charge_id, ''))
               gin_trgm_ops);
