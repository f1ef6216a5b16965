-- Searches of what went wrong with money find their rows through an index, however many tenants run well.
CREATE INDEX billing_invoices_late_search ON billing_invoices USING gin (lower(stripe_invoice_id) gin_trgm_ops)
    WHERE late_outcome IS NOT NULL;
CREATE INDEX billing_invoices_late_by_customer ON billing_invoices (customer_id) WHERE late_outcome IS NOT NULL;
CREATE INDEX billing_findings_open_search ON billing_findings USING gin (lower(stripe_subscription_id) gin_trgm_ops)
    WHERE resolved_at IS NULL;
CREATE INDEX billing_findings_open_by_tenant ON billing_findings (tenant_id) WHERE resolved_at IS NULL;
CREATE INDEX billing_findings_open_by_subscription ON billing_findings (stripe_subscription_id) WHERE resolved_at IS NULL;
