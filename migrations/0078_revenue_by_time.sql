-- Months of a zone of their own count whole months from roll-ups and the hours around midnight from
-- the payments themselves.
CREATE INDEX billing_invoices_by_payment ON billing_invoices (paid_at) INCLUDE (currency, counted_paid)
 WHERE paid_at IS NOT NULL;
CREATE INDEX billing_refunds_by_date ON billing_refunds (date) INCLUDE (currency, counted);
