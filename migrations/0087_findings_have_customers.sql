-- Whose money is owed, also where it belongs to no tenant.
ALTER TABLE billing_findings ADD COLUMN customer_id bigint REFERENCES customers;
CREATE INDEX billing_findings_open_by_customer ON billing_findings (customer_id) WHERE resolved_at IS NULL;

UPDATE billing_findings AS f
   SET customer_id = r.customer_id,
       tenant_id = coalesce(f.tenant_id,
           (SELECT s.tenant_id FROM billing_invoices AS i JOIN subscriptions AS s ON s.id = i.subscription_id
             WHERE i.stripe_invoice_id = coalesce(r.stripe_invoice_id,
                 (SELECT stripe_invoice_id FROM billing_attempts WHERE stripe_charge_id = r.stripe_charge_id))))
  FROM billing_refunds AS r
 WHERE f.kind = 'money_owed' AND f.subject = 'refund:' || r.stripe_refund_id;

-- Why a refund failed is a code with words of its own.
UPDATE billing_findings
   SET message = jsonb_set(message, '{parameters}', (message -> 'parameters') - 'answer'
           || jsonb_build_object('refusal', message #> '{parameters,answer}'))
 WHERE message ->> 'code' = 'refund_failed' AND message #> '{parameters,answer}' IS NOT NULL;
