-- Invoices as staff look through them: every filter and search finds its rows in the list's order through an index,
-- among thousands as among millions.

CREATE INDEX billing_invoices_by_status ON billing_invoices (status, date DESC, id DESC);
CREATE INDEX billing_invoices_by_currency ON billing_invoices (currency, date DESC, id DESC);
-- By payment, told apart by the key; paid ones are most of them, what was paid and is something else are few.
DROP INDEX billing_invoices_by_payment;
CREATE INDEX billing_invoices_by_payment ON billing_invoices (paid_at, id) INCLUDE (currency, counted_paid)
    WHERE paid_at IS NOT NULL;
CREATE INDEX billing_invoices_by_currency_and_payment ON billing_invoices (currency, paid_at, id)
    WHERE paid_at IS NOT NULL;
CREATE INDEX billing_invoices_by_status_and_payment ON billing_invoices (status, paid_at, id)
    WHERE paid_at IS NOT NULL AND status <> 'paid';
CREATE INDEX billing_invoices_unpaid ON billing_invoices (id) WHERE paid_at IS NULL;
CREATE INDEX billing_invoices_unpaid_by_status ON billing_invoices (status, id) WHERE paid_at IS NULL;
CREATE INDEX billing_invoices_unpaid_by_currency ON billing_invoices (currency, id) WHERE paid_at IS NULL;
-- What is owed: few of all that were ever written.
CREATE INDEX billing_invoices_open ON billing_invoices (currency) INCLUDE (amount, amount_paid, amount_remaining)
    WHERE status = 'open';
CREATE INDEX billing_invoices_due ON billing_invoices (due_date) WHERE status = 'open' AND due_date IS NOT NULL;
CREATE INDEX billing_invoices_at_risk ON billing_invoices (date DESC, id DESC) WHERE counted_failed > 0;
CREATE INDEX billing_invoices_search ON billing_invoices
    USING gin (lower(coalesce(number, '') || ' ' || coalesce(stripe_invoice_id, '')) gin_trgm_ops);

-- The mails that were sent about an invoice; one may be about several.
CREATE TABLE billing_invoice_mails (
    invoice_id bigint NOT NULL REFERENCES billing_invoices ON DELETE CASCADE,
    mail_id    bigint NOT NULL REFERENCES mails ON DELETE CASCADE,
    PRIMARY KEY (invoice_id, mail_id)
);
CREATE INDEX billing_invoice_mails_by_mail ON billing_invoice_mails (mail_id);
