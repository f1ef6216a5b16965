-- Everything of Stripe's that concerns us, as it answered last. Pages and books read from here what their own
-- tables do not have; the nightly comparison holds it against Stripe, member by member.
CREATE TABLE stripe_objects (
    id          text PRIMARY KEY,
    kind        text NOT NULL CONSTRAINT stripe_objects_kind CHECK (kind IN (
        'customer', 'price', 'coupon', 'subscription', 'invoice', 'invoiceitem', 'charge', 'payment_intent', 'refund',
        'credit_note', 'dispute', 'customer_balance_transaction', 'payment_method')),
    -- Ours; none: a price, a coupon, or of somebody whom we do not know.
    customer_id bigint REFERENCES customers,
    -- What it is read with: the invoice of a refund, a credit note, a dispute, a charge. No reference: children come
    -- before their parents.
    belongs_to  text CONSTRAINT stripe_objects_belongs CHECK (belongs_to <> ''),
    state       jsonb NOT NULL CONSTRAINT stripe_objects_state CHECK (jsonb_typeof(state) = 'object'),
    -- When Stripe was asked; an older answer never replaces a newer one.
    fetched_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
CREATE INDEX stripe_objects_by_customer ON stripe_objects (customer_id, kind);
CREATE INDEX stripe_objects_by_owner ON stripe_objects (belongs_to, kind) WHERE belongs_to IS NOT NULL;
