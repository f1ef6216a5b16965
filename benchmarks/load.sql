-- A business of :customers customers in the real schema, the same for both programs: one tenant and
-- one subscription each, six invoices, two movements, two rows of activity, two mails, and the
-- roll-ups of those rows; rows of the audit trail, of security, backups and operations beside them.
\set ON_ERROR_STOP on
BEGIN;
SELECT setseed(0.5);

INSERT INTO customers (id, company, name, email, country, locale, stripe_customer_id, created_at)
OVERRIDING SYSTEM VALUE
SELECT i, (ARRAY['Alba','Norte','Delta','Luna','Harbor','Maple','Stone','Río'])[1 + i % 8] || ' '
          || (ARRAY['Logistics','Foods','Studio','Clinic','Energy'])[1 + i % 5] || ' ' || i,
       (ARRAY['Ada Smith','Lucía García','Hugo Martín','Emma Clark'])[1 + i % 4],
       'person' || i || '@example.com', (ARRAY['ES','GB','US','DE'])[1 + i % 4],
       (ARRAY['es','en'])[1 + i % 2], 'cus_bench' || i,
       now() - interval '1 hour' - (i * 700 / :customers) * interval '1 day' - i * interval '1.234567 s'
  FROM generate_series(1, :customers) AS i;

-- "demo" keeps the provisioner's hands off them; some archived ones of the real one give durations.
INSERT INTO tenants (id, customer_id, subdomain, plan_id, state, state_since, health, max_users,
                     storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint,
                     created_at, queued_at, live_at)
OVERRIDING SYSTEM VALUE
SELECT id, id, 'tenant-' || id, (ARRAY['starter','team','business'])[1 + id % 3],
       (CASE WHEN id % 50 = 0 THEN 'suspended' WHEN id % 33 = 0 THEN 'archived' ELSE 'live' END)::tenant_state,
       created_at, (CASE WHEN id % 500 = 1 THEN 'degraded' ELSE 'healthy' END)::tenant_health_state,
       5, 5120, 512, 50, CASE WHEN id % 33 = 0 AND id < 3300 THEN 'process' ELSE 'demo' END, 'sample',
       created_at, created_at, created_at + interval '1.4 s'
  FROM customers;
INSERT INTO tenant_holds (tenant_id, reason, placed_at)
SELECT id, 'billing'::hold_reason, created_at FROM tenants WHERE state = 'suspended';
-- In the order in which they happened, as always.
INSERT INTO activity (tenant_id, customer_id, kind, actor_kind, actor, subject, data, at)
SELECT id, customer_id, kind, 'system'::activity_actor, actor, subdomain, data, created_at
  FROM tenants, LATERAL (VALUES
       (1, 'state_changed', 'provisioning', jsonb_build_object('from_state', 'provisioning', 'to_state', 'live')),
       (2, CASE WHEN id % 500 = 1 THEN 'health_changed' ELSE 'state_changed' END, 'billing',
        CASE WHEN id % 500 = 1 THEN jsonb_build_object('health', health)
             ELSE jsonb_build_object('from_state', 'live', 'to_state', state) END))
    AS happened (place, kind, actor, data)
 ORDER BY created_at, place;
INSERT INTO mails (template, locale, recipient, subject, body, state, last_error, created_at, sent_at,
                   customer_id, tenant_id)
SELECT template, c.locale, c.email, subject || c.company, 'Hello', state::mail_state,
       CASE state WHEN 'failed' THEN '550 no such user' END, c.created_at,
       CASE state WHEN 'sent' THEN c.created_at END, c.id, c.id
  FROM customers AS c, LATERAL (VALUES
       ('tenant_live', 'Your place is ready: ', CASE WHEN c.id % 500 = 3 THEN 'failed' ELSE 'sent' END),
       ('payment_received', 'Thank you, ', 'kept')) AS told (template, subject, state)
 ORDER BY c.created_at, template;
SELECT count(audit_append(NULL, 'owner@example.com', 'owner', NULL,
                          CASE WHEN id % 500 = 5 THEN 'tenant.deleted' ELSE 'tenant.changed' END,
                          'ten_' || id, NULL, '192.0.2.' || id % 250, 'bench', NULL, '{"max_users":5}'))
  FROM customers WHERE id % 5 = 0;
INSERT INTO security_events (kind, severity, address, detail, created_at, closed_at, outcome)
SELECT CASE WHEN id % 100 = 50 THEN 'many_refusals' ELSE 'new_address' END,
       (CASE WHEN id % 100 = 50 THEN 'medium' ELSE 'info' END)::security_severity, '192.0.2.' || id % 250,
       '{}', created_at, created_at, 'resolved' FROM customers WHERE id % 10 = 0 ORDER BY created_at;
INSERT INTO tenant_backups (tenant_id, reason, state, target, location, blueprint, size_bytes, sha256, files,
                            requested_by, started_at, finished_at)
SELECT id, 'scheduled'::backup_reason, 'stored'::backup_state, 'file', 'bench/' || id, 'sample', 1000, 'none', 1,
       'system', created_at, created_at FROM tenants WHERE id % 10 = 1;
INSERT INTO tenant_operations (tenant_id, kind, state, requested_by, created_at, started_at, finished_at)
SELECT id, 'restart'::operation_kind, 'succeeded'::operation_state, 'owner@example.com', created_at, created_at,
       created_at FROM tenants WHERE id % 10 = 1;

INSERT INTO subscriptions (id, customer_id, tenant_id, stripe_subscription_id, status, currency, mrr, started_at)
OVERRIDING SYSTEM VALUE
SELECT id, id, id, 'sub_bench' || id, 'active'::subscription_status, (ARRAY['eur','usd'])[1 + id % 2],
       (ARRAY[1900, 4900, 14900])[1 + id % 3], created_at
  FROM customers;
INSERT INTO billing_invoices (customer_id, subscription_id, stripe_invoice_id, number, amount, amount_paid,
                              currency, status, attempt_count, date, paid_at, counted_paid)
SELECT s.customer_id, s.id, 'in_bench' || s.id || '_' || n, 'B-' || s.id || '-' || n, s.mrr, s.mrr, s.currency,
       'paid'::invoice_status, 1, s.started_at + n * interval '1 day', s.started_at + n * interval '1 day', s.mrr
  FROM subscriptions AS s, generate_series(0, 5) AS n;
INSERT INTO mrr_movements (customer_id, subscription_id, kind, currency, amount, occurred_at)
SELECT customer_id, id, 'new'::movement_kind, currency, mrr - 100, started_at FROM subscriptions
UNION ALL SELECT customer_id, id, 'expansion'::movement_kind, currency, 100, started_at FROM subscriptions;
INSERT INTO stripe_events (id, type, object_id, created, payload, state, processed_at)
SELECT 'evt_old' || id, 'invoice.paid', 'in_bench' || id || '_0', started_at, '{}', 'applied'::stripe_event_state, started_at
  FROM subscriptions;
INSERT INTO jobs (kind, payload, state, finished_at, created_at)
SELECT 'billing.apply_stripe_event', jsonb_build_object('event_id', 'evt_old' || id), 'done'::job_state, now(), started_at
  FROM subscriptions WHERE id <= 20000;

INSERT INTO rollup_deltas (metric, currency, day, amount)
SELECT metric, currency, (at AT TIME ZONE 'UTC')::date, sum(amount) FROM (
  SELECT 'mrr' AS metric, currency, occurred_at AS at, amount FROM mrr_movements
  UNION ALL SELECT 'mrr_' || kind::text, currency, occurred_at, amount FROM mrr_movements
  UNION ALL SELECT 'revenue', currency, paid_at, counted_paid FROM billing_invoices
  UNION ALL SELECT 'customers', '', created_at, 1 FROM customers
  UNION ALL SELECT 'tenants_live', '', created_at, 1 FROM tenants WHERE state = 'live'
  UNION ALL SELECT metric, '', created_at, 1
    FROM customers, (VALUES ('signups_started'), ('signups_paid'), ('signups_live')) AS m (metric)
) AS counted (metric, currency, at, amount) GROUP BY 1, 2, 3;
SELECT fold_rollups();
SELECT setval(pg_get_serial_sequence(name, 'id'), :customers)
  FROM (VALUES ('customers'), ('tenants'), ('subscriptions')) AS tables (name);

-- Both programs only take events in here; working them off is measured on its own.
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.run_at := 'infinity'; RETURN NEW; END $$;
CREATE TRIGGER hold_back BEFORE INSERT ON jobs FOR EACH ROW
  WHEN (NEW.kind = 'billing.apply_stripe_event') EXECUTE FUNCTION hold_back();
COMMIT;
VACUUM (ANALYZE);
