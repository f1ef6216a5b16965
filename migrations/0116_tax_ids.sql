-- VAT numbers of customers, as Stripe has them, with what the tax authority said of each.

CREATE TABLE billing_tax_ids (
    stripe_tax_id text PRIMARY KEY,
    customer_id   bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    type          text NOT NULL,
    value         text NOT NULL,
    -- Stripe's word: pending, verified, unverified, unavailable.
    status        text NOT NULL
);
CREATE INDEX billing_tax_ids_by_customer ON billing_tax_ids (customer_id);
