-- A business of :customers customers in the real schema, the same for both programs: one tenant and
-- one subscription each, six invoices, a movement, two rows of activity, two mails, and the
-- roll-ups of those rows; beside them rows of every declared list. What goes wrong is rare, the team
-- is of one size, and a tenant's own operations and backups do not grow with the other customers.
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
                          'ten_' || id, CASE WHEN id % 3 = 0 THEN 'as agreed by phone' END, '192.0.2.' || id % 250,
                          'bench', jsonb_build_object('max_users', 5, 'storage_limit_mib', 5120),
                          jsonb_build_object('max_users', 5 + id % 20, 'storage_limit_mib', 5120 * (1 + id % 9))))
  FROM customers WHERE id % 5 = 0;
INSERT INTO staff (email, name, role, password_hash, disabled_at)
SELECT 'colleague' || i || '@example.com', 'Colleague ' || i, 'support', 'none', CASE WHEN i % 10 = 0 THEN now() END
  FROM generate_series(1, 60) AS i;
INSERT INTO api_keys (name, prefix, hash, scopes, created_by, expires_at, revoked_at)
SELECT 'Key ' || i, 'ob_live_' || i, 'none' || i, '{tenants:read}', (SELECT min(id) FROM staff),
       now() + (i - 10) * interval '1 day', CASE WHEN i % 7 = 0 THEN now() END
  FROM generate_series(1, 60) AS i;
INSERT INTO invitations (email, name, role, locale, token_hash, expires_at)
SELECT 'invited' || i || '@example.com', 'Invited ' || i, 'support', 'en', 'none' || i, now() + interval '1 day'
  FROM generate_series(1, 60) AS i;
INSERT INTO security_events (kind, severity, staff_id, api_key_id, address, detail, created_at, closed_at, outcome)
SELECT CASE WHEN id % 100 = 50 THEN 'many_refusals' ELSE 'new_address' END,
       (CASE WHEN id % 100 = 50 THEN 'medium' ELSE 'info' END)::security_severity,
       CASE WHEN id % 20 = 0 THEN (SELECT min(id) FROM staff) + 1 + id % 50 END,
       CASE WHEN id % 100 = 50 THEN (SELECT min(id) FROM api_keys) + 1 + id % 50 END, '192.0.2.' || id % 250,
       jsonb_build_object('browser', 'Firefox 1' || id % 40, 'country', (ARRAY['ES','GB','US'])[1 + id % 3]),
       created_at, CASE WHEN id % 1000 <> 550 THEN created_at END, CASE WHEN id % 1000 <> 550 THEN 'resolved' END
  FROM customers WHERE id % 10 = 0 ORDER BY created_at;
-- Of the first tenant as many for any number of customers.
INSERT INTO tenant_backups (tenant_id, reason, state, target, location, blueprint, size_bytes, sha256, files,
                            requested_by, started_at, finished_at)
SELECT t.id, 'scheduled'::backup_reason, (CASE WHEN n = 7 THEN 'failed' ELSE 'stored' END)::backup_state, 'file',
       'bench/' || t.id || '/' || n, 'sample', 1000, 'none', 1, 'system', t.created_at, t.created_at
  FROM tenants AS t, generate_series(1, CASE WHEN t.id = 1 THEN 200 ELSE 1 END) AS n WHERE t.id % 10 = 1;
INSERT INTO tenant_operations (tenant_id, kind, state, error_code, requested_by, created_at, started_at, finished_at)
SELECT t.id, 'restart'::operation_kind, (CASE WHEN n = 7 THEN 'failed' ELSE 'succeeded' END)::operation_state,
       CASE WHEN n = 7 THEN 'failed' END, 'owner@example.com', t.created_at, t.created_at, t.created_at
  FROM tenants AS t, generate_series(1, CASE WHEN t.id = 1 THEN 200 ELSE 1 END) AS n WHERE t.id % 10 = 1;
INSERT INTO list_batches (list, action, arguments, requested_by, total, finished_at)
SELECT list, action, '{}', 'owner@example.com', :customers, now()
  FROM (VALUES (1, 'tenants', 'restart'), (2, 'jobs', 'retry')) AS batches (place, list, action) ORDER BY place;
INSERT INTO list_batch_rows (batch_id, row_id, label, state, why, finished_at)
SELECT b.id, tenants.id, subdomain, (CASE WHEN tenants.id % 1000 = 1 THEN 'failed' ELSE 'ok' END)::batch_row_state,
       CASE WHEN tenants.id % 1000 = 1 THEN '{"code":"hold_released","parameters":{},"text":"Its hold was released meanwhile"}'::jsonb END,
       now() FROM tenants, list_batches AS b;
INSERT INTO world_findings (kind, provisioner, name, subject, tenant_id, detail, resolved_at, resolved_by, resolution)
SELECT (CASE WHEN id % 500 = 100 THEN 'orphan' ELSE 'drift' END)::finding_kind, 'process', 'tenant-' || id, 'limits', id,
       'memory', now(), 'owner@example.com', 'heal' FROM tenants WHERE id % 100 = 0;
INSERT INTO billing_findings (kind, subject, tenant_id, stripe_subscription_id, detail, resolved_at)
SELECT CASE WHEN id % 1000 = 500 THEN 'tenant_pays_twice' ELSE 'tenant_without_subscription' END, 'ten_' || id, id,
       'sub_bench' || id, 'bench', CASE WHEN id % 500 <> 0 THEN now() END FROM tenants WHERE id % 100 = 0;

INSERT INTO subscriptions (id, customer_id, tenant_id, stripe_subscription_id, status, currency, mrr, started_at,
                           ended_at)
OVERRIDING SYSTEM VALUE
SELECT id, id, id, 'sub_bench' || id, (CASE WHEN id % 330 = 0 THEN 'canceled' ELSE 'active' END)::subscription_status,
       (ARRAY['eur','usd'])[1 + id % 2], (ARRAY[1900, 4900, 14900])[1 + id % 3], created_at,
       CASE WHEN id % 330 = 0 THEN created_at END
  FROM customers;
INSERT INTO billing_invoices (customer_id, subscription_id, stripe_invoice_id, number, amount, amount_paid,
                              currency, status, attempt_count, date, paid_at, counted_paid)
SELECT s.customer_id, s.id, 'in_bench' || s.id || '_' || n, 'B-' || s.id || '-' || n, s.mrr, s.mrr, s.currency,
       'paid'::invoice_status, 1, s.started_at + n * interval '1 day', s.started_at + n * interval '1 day', s.mrr
  FROM subscriptions AS s, generate_series(0, 5) AS n;
UPDATE billing_invoices SET late_outcome = CASE WHEN subscription_id % 660 = 0 THEN 'refunded' ELSE 'needs_person' END
 WHERE subscription_id % 330 = 0 AND stripe_invoice_id LIKE '%\_5';
INSERT INTO ledger_runs (reason, code_version, finished_at) VALUES ('carried', 1, now());
INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, run_id, believed_at)
SELECT customer_id, stripe_subscription_id, 'carried', '', currency, policy, started_at, mrr, r.id, r.believed_at
  FROM subscriptions, unnest(enum_range(NULL::mrr_policy)) AS policy, ledger_runs AS r;
INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, mrr_after, run_id, believed)
SELECT customer_id, currency, policy, (at AT TIME ZONE 'UTC')::date, 'new', delta, 0, delta, run_id,
       tstzrange(believed_at, NULL) FROM mrr_steps;
INSERT INTO stripe_events (id, type, object_id, created, payload, state, processed_at)
SELECT 'evt_old' || id, 'invoice.paid', 'in_bench' || id || '_0', started_at, '{}', 'applied'::stripe_event_state, started_at
  FROM subscriptions;
INSERT INTO jobs (kind, payload, state, run_at, finished_at, last_error, created_at)
SELECT CASE WHEN id % 500 = 7 THEN 'mail.send' ELSE 'billing.apply_stripe_event' END,
       jsonb_build_object('event_id', 'evt_old' || id), state, now() + CASE state WHEN 'waiting' THEN interval '1 year' ELSE interval '0' END,
       CASE WHEN state <> 'waiting' THEN now() END, CASE state WHEN 'dead' THEN 'bench' END, started_at
  FROM subscriptions,
       LATERAL (SELECT (CASE id % 500 WHEN 7 THEN 'dead' WHEN 8 THEN 'waiting' ELSE 'done' END)::job_state) AS now_it_is (state)
 ORDER BY id DESC;

INSERT INTO rollup_deltas (metric, currency, day, amount)
SELECT metric, currency, (at AT TIME ZONE 'UTC')::date, sum(amount) FROM (
  SELECT metric, currency, at, delta AS amount
    FROM mrr_steps, (VALUES ('mrr'), ('mrr_new')) AS m (metric) WHERE policy = 'recurring'
  UNION ALL SELECT 'revenue', currency, paid_at, counted_paid FROM billing_invoices
  UNION ALL SELECT 'customers', '', created_at, 1 FROM customers
  UNION ALL SELECT 'tenants_live', '', created_at, 1 FROM tenants WHERE state = 'live'
  UNION ALL SELECT metric, '', created_at, 1
    FROM customers, (VALUES ('signups_started'), ('signups_paid'), ('signups_live')) AS m (metric)
) AS counted (metric, currency, at, amount) GROUP BY 1, 2, 3;
SELECT fold_rollups();
SELECT make_mrr_rollups();
SELECT setval(pg_get_serial_sequence(name, 'id'), :customers)
  FROM (VALUES ('customers'), ('tenants'), ('subscriptions')) AS tables (name);

-- Both programs only take events in here; working them off is measured on its own.
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.run_at := 'infinity'; RETURN NEW; END $$;
CREATE TRIGGER hold_back BEFORE INSERT ON jobs FOR EACH ROW
  WHEN (NEW.kind = 'billing.apply_stripe_event') EXECUTE FUNCTION hold_back();
COMMIT;
VACUUM (ANALYZE);
