-- One stream of what happened to customers and tenants, with fields instead of sentences. The
-- tenants' events and what became of mails move into it, in the order in which they happened.
CREATE TYPE activity_actor AS ENUM ('staff', 'key', 'visitor', 'system');
CREATE TABLE activity (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    kind        text NOT NULL,
    customer_id bigint REFERENCES customers,
    tenant_id   bigint REFERENCES tenants,
    actor_kind  activity_actor NOT NULL,
    actor_id    bigint,
    actor       text NOT NULL,
    subject     text NOT NULL,
    data        jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT activity_is_about_somebody CHECK (customer_id IS NOT NULL OR tenant_id IS NOT NULL),
    CONSTRAINT activity_data_is_an_object CHECK (jsonb_typeof(data) = 'object')
);

WITH parts AS (
    SELECT e.*, split_part(detail, ': ', 1) AS head, substring(detail FROM ': (.*)$') AS tail,
           split_part(detail, ', ', 1) AS first, substring(detail FROM ', (.*)$') AS second,
           split_part(detail, ' → ', 1) AS before, split_part(detail, ' → ', 2) AS after,
           substring(kind FROM '^(restart|backup|restore|clone|move|upgrade)_(?:requested|succeeded|failed)$') AS operation
      FROM tenant_events e),
told AS (
    SELECT created_at AS at, id AS place, tenant_id, NULL::bigint AS customer_id, actor,
           CASE WHEN operation IS NULL OR kind = 'backup_failed' AND detail LIKE 'bak_%' THEN kind
                WHEN kind LIKE '%_requested' THEN 'operation_requested'
                ELSE 'operation_ended' END AS kind,
           CASE
           WHEN kind = 'state_changed' THEN
               jsonb_build_object('from_state', from_state, 'to_state', to_state, 'code', detail)
           WHEN kind = 'reservation_changed' THEN
               jsonb_build_object('from_subdomain', split_part(before, ' ', 1), 'from_plan', split_part(before, ' ', 2),
                                  'subdomain', split_part(after, ' ', 1), 'plan', split_part(after, ' ', 2))
           WHEN kind = 'health_changed' THEN jsonb_build_object('health', detail)
           WHEN kind IN ('hold_placed', 'hold_changed', 'hold_released') THEN
               jsonb_build_object('hold', head, 'note', tail)
           WHEN kind IN ('subdomain_changed', 'plan_changed') THEN jsonb_build_object('from', before, 'to', after)
           WHEN kind IN ('max_users_changed', 'storage_limit_changed', 'memory_limit_changed', 'cpu_limit_changed',
                         'process_limit_changed') AND detail ~ '^\d+ → \d+$' THEN
               jsonb_build_object('from', before::bigint, 'to', after::bigint)
           WHEN kind = 'maintenance_set' THEN
               jsonb_build_object('starts_at', nullif(before, 'now'), 'ends_at', nullif(after, 'until it is ended'))
           WHEN kind = 'access_used' THEN jsonb_build_object('login', detail)
           WHEN kind LIKE '%_requested' AND operation IS NOT NULL THEN
               jsonb_build_object('operation', operation, 'operation_id', detail)
           WHEN operation IS NOT NULL AND NOT (kind = 'backup_failed' AND detail LIKE 'bak_%') THEN
               jsonb_build_object('operation', operation, 'code', nullif(detail, ''),
                                  'state', substring(kind FROM '[a-z]+$'))
           WHEN kind = 'limits_applied' AND detail ~ '^memory=\d+MiB cpu=\d+% processes=\d+ disk=\d+MiB$' THEN
               jsonb_build_object('memory_limit_mib', substring(detail FROM 'memory=(\d+)')::bigint,
                                  'cpu_limit_percent', substring(detail FROM 'cpu=(\d+)')::bigint,
                                  'process_limit', substring(detail FROM 'processes=(\d+)')::bigint,
                                  'storage_limit_mib', substring(detail FROM 'disk=(\d+)')::bigint)
           WHEN kind = 'change_waits' THEN jsonb_build_object('code', detail)
           WHEN kind IN ('quota_warned', 'quota_fine') AND detail ~ '^\d+$' THEN
               jsonb_build_object('used_bytes', detail::bigint)
           WHEN kind = 'sessions_ended' AND second ~ '^\d+$' THEN
               jsonb_build_object('what', first, 'amount', second::bigint)
           WHEN kind = 'finding_resolved' THEN jsonb_build_object('action', head, 'finding', tail)
           WHEN kind = 'backup_made' THEN jsonb_build_object('backup_id', first, 'reason', second)
           WHEN kind IN ('backup_failed', 'backup_damaged') THEN jsonb_build_object('backup_id', first, 'code', second)
           WHEN kind IN ('backup_deleted', 'backup_tested') THEN jsonb_build_object('backup_id', detail)
           WHEN kind = 'restored' THEN
               jsonb_build_object('backup_id', first, 'before_id', substring(detail FROM 'before: (.*)$'))
           WHEN kind = 'restore_broke_off' THEN
               jsonb_build_object('backup_id', substring(detail FROM 'bak_\d+'), 'code', tail,
                                  'is_back', detail LIKE 'the state before is back%')
           WHEN kind IN ('domain_added', 'domain_removed', 'certificate_issued', 'certificate_uploaded') THEN
               jsonb_build_object('domain', detail)
           WHEN kind = 'domain_changed' THEN
               jsonb_build_object('domain', head, 'from', split_part(tail, ' → ', 1), 'to', split_part(tail, ' → ', 2))
           WHEN kind = 'certificate_failed' THEN
               jsonb_build_object('domain', head, 'error', tail,
                                  'code', CASE WHEN tail IS NULL THEN 'certificate_expired' ELSE 'acme_failed' END)
           WHEN kind = 'billing_end_requested' THEN
               jsonb_build_object('ends', substring(detail FROM 'ends: ([a-z_]+)'),
                                  'refund', substring(detail FROM 'refund: ([a-z_]+)'))
           WHEN kind = 'billing_ended' THEN
               jsonb_build_object('subscription', split_part(detail, ' ends ', 1),
                                  'ends_at', substring(detail FROM ' ends ([^ ,]+)'),
                                  'given_back', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                      'currency', found[2], 'amount', found[1]::bigint))
                                      FROM regexp_matches(detail, ', (\d+) ([a-z]{3}) given back') AS found), '[]'))
           WHEN kind = 'billing_kept' THEN jsonb_build_object('subscription', detail)
           WHEN kind IN ('billing_end_failed', 'payment_link_failed') THEN jsonb_build_object('error', detail)
           WHEN kind = 'payment_link_sent' THEN
               CASE WHEN detail ~ '^\d+$' THEN jsonb_build_object('reason', 'invoices', 'invoices', detail::bigint)
                    ELSE jsonb_build_object('reason', detail) END
           WHEN kind = 'subscription_changed' AND detail ~ '^\S+: \d+ [a-z]{3} per [a-z]+$' THEN
               jsonb_build_object('plan', head, 'amount', substring(detail FROM ': (\d+) ')::bigint,
                                  'currency', substring(detail FROM ' ([a-z]{3}) per'),
                                  'interval', substring(detail FROM '[a-z]+$'))
           WHEN kind = 'plan_not_charged' THEN jsonb_build_object('error', detail)
           -- Sums stood in sentences there, which are kept as they were.
           ELSE jsonb_build_object('detail', nullif(detail, ''))
           END AS data
      FROM parts
    UNION ALL
    SELECT coalesce(sent_at, created_at), id, tenant_id, customer_id, 'mail',
           CASE WHEN state = 'failed' THEN 'mail_failed' ELSE 'mail_sent' END,
           CASE WHEN state = 'failed'
                THEN jsonb_build_object('mail_id', 'mail_' || id, 'template', template, 'error', last_error)
                ELSE jsonb_build_object('mail_id', 'mail_' || id, 'template', template, 'kept', state = 'kept') END
      FROM mails WHERE customer_id IS NOT NULL AND state <> 'queued')
INSERT INTO activity (at, kind, customer_id, tenant_id, actor_kind, actor_id, actor, subject, data)
SELECT told.at, told.kind, c.id, t.id, who.kind,
       CASE who.kind WHEN 'staff' THEN (SELECT id FROM staff WHERE email = lower(told.actor))
                     WHEN 'key' THEN (SELECT max(id) FROM api_keys WHERE prefix = told.actor) END,
       told.actor, coalesce(t.subdomain, c.company), jsonb_strip_nulls(told.data)
  FROM told
 CROSS JOIN LATERAL (SELECT (CASE WHEN told.actor ~ '^ob_(live|test)_' THEN 'key'
                                  WHEN told.actor = 'visitor' THEN 'visitor'
                                  WHEN told.actor LIKE '%@%' THEN 'staff' ELSE 'system' END)::activity_actor) AS who (kind)
  LEFT JOIN tenants t ON t.id = told.tenant_id
  LEFT JOIN customers c ON c.id = coalesce(t.customer_id, told.customer_id)
 ORDER BY told.at, told.place;

CREATE INDEX activity_by_tenant ON activity (tenant_id, id DESC);
CREATE INDEX activity_by_customer ON activity (customer_id, id DESC);
CREATE INDEX activity_by_time ON activity (at);
DROP TABLE tenant_events;
