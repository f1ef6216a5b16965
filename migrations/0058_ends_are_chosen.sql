-- What was chosen to become of a tenant's bill stands where everybody sees it, until the end is
-- taken back.
ALTER TABLE tenants
    ADD COLUMN billing_ends text
        CONSTRAINT tenants_billing_ends CHECK (billing_ends IN ('now', 'period_end')),
    ADD COLUMN billing_refund text
        CONSTRAINT tenants_billing_refund CHECK (billing_refund IN ('none', 'unused')),
    ADD CONSTRAINT tenants_end_chosen CHECK ((billing_ends IS NULL) = (billing_refund IS NULL));

-- What waited to be charged and was dropped; null: not looked at yet. Minor units.
ALTER TABLE billing_endings ADD COLUMN dropped bigint;
