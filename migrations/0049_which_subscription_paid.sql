-- Sign-ups that were paid before it was written down which subscription paid: the first of their
-- tenant that was. From here on another one that pays for them is known to be a second one.
UPDATE signups SET paid_subscription_id = first.stripe_subscription_id
  FROM (SELECT DISTINCT ON (s.tenant_id) s.tenant_id, s.stripe_subscription_id
          FROM subscriptions s
          LEFT JOIN billing_invoices i ON i.subscription_id = s.id AND i.status = 'paid'
         WHERE s.tenant_id IS NOT NULL AND s.stripe_subscription_id IS NOT NULL
           AND s.status NOT IN ('incomplete', 'incomplete_expired')
         ORDER BY s.tenant_id, i.paid_at NULLS LAST, s.started_at, s.id) AS first
 WHERE signups.tenant_id = first.tenant_id AND signups.paid_subscription_id IS NULL
   AND signups.payment IN ('paid', 'refunded');
