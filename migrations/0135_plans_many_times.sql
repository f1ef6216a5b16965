-- A subscription's item may be of several: a tenant then has its plan so many times (docs/adr/0043).

ALTER TABLE tenants ADD COLUMN plan_quantity integer NOT NULL DEFAULT 1
    CONSTRAINT tenants_plan_quantity_is_possible CHECK (plan_quantity BETWEEN 1 AND 1000);
-- `amount` is of one.
ALTER TABLE billing_plan_orders ADD COLUMN quantity integer NOT NULL DEFAULT 1
    CONSTRAINT billing_plan_orders_quantity_is_possible CHECK (quantity BETWEEN 1 AND 1000);
ALTER TABLE tenant_renewals ADD COLUMN quantity integer NOT NULL DEFAULT 1
    CONSTRAINT tenant_renewals_quantity_is_possible CHECK (quantity BETWEEN 1 AND 1000);

-- Who has paid for several already gets what they bring.
WITH paying AS (
    SELECT DISTINCT ON (s.tenant_id) s.tenant_id, least(i.quantity, 1000) AS quantity
      FROM subscriptions AS s JOIN subscription_items AS i USING (stripe_subscription_id)
     WHERE s.ended_at IS NULL AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
     ORDER BY s.tenant_id, array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
              ::subscription_status[], s.status), s.id DESC, i.stripe_item_id
), given AS (
    UPDATE tenants AS t
       SET plan_quantity = paying.quantity,
           max_users = greatest(t.max_users, least(paying.quantity * p.max_users::bigint, 100000)),
           storage_limit_mib = greatest(t.storage_limit_mib, least(paying.quantity * p.storage_limit_mib::bigint, 16777216)),
           memory_limit_mib = greatest(t.memory_limit_mib, least(paying.quantity * p.memory_limit_mib::bigint, 1048576)),
           cpu_limit_percent = greatest(t.cpu_limit_percent, least(paying.quantity * p.cpu_limit_percent::bigint, 12800)),
           version = t.version + 1
      FROM paying JOIN plans AS p ON true
     WHERE t.id = paying.tenant_id AND p.id = t.plan_id AND paying.quantity > 1
       AND t.state IN ('live', 'suspending', 'suspended', 'resuming', 'archived')
    RETURNING t.id)
INSERT INTO jobs (kind, payload, dedupe_key, max_attempts)
SELECT 'tenants.reconcile', jsonb_build_object('tenant_id', id), id::text, 25 FROM given
ON CONFLICT DO NOTHING;
