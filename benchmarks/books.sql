-- :customers customers from the id :first on, each with one subscription whose state :history events told,
-- :seconds apart, and as many invoices that were paid. Stripe's objects are those of stripe_wire.py, with
-- «…» where they differ. What follows from them is for `onboarding ledger rebuild` to find out.
\set ON_ERROR_STOP on
SELECT extract(epoch FROM now() - :history * :seconds * interval '1 second')::bigint AS begins \gset
BEGIN;
INSERT INTO customers (id, company, name, email, country, locale, stripe_customer_id, created_at)
OVERRIDING SYSTEM VALUE
SELECT i, 'Bench ' || i, 'Ada Smith', 'books' || i || '@example.com', 'ES', 'es', 'cus_book' || i, to_timestamp(:begins)
  FROM generate_series(:first, :first + :customers - 1) AS i;
INSERT INTO subscriptions (customer_id, stripe_subscription_id, status, currency, started_at)
SELECT id, 'sub_book' || id, 'active', 'eur', created_at FROM customers WHERE id BETWEEN :first AND :first + :customers - 1;

-- Every third change is one of the quantity, too.
INSERT INTO subscription_snapshots (subscription_id, created, event_id, type, customer_id, state, before)
SELECT 'sub_book' || i, to_timestamp(at), 'evt_book' || i || '_' || n,
       'customer.subscription.' || CASE n WHEN 0 THEN 'created' ELSE 'updated' END, i,
       replace(replace(replace(:'subscription', '«customer»', i::text), '"«at»"', at::text),
               '"«quantity»"', (1 + n / 3 % 2)::text)::jsonb,
       CASE WHEN n > 0 THEN '{"latest_invoice": null}'::jsonb END
  FROM generate_series(:first, :first + :customers - 1) AS i, generate_series(0, :history - 1) AS n,
       LATERAL (SELECT :begins + n * :seconds AS at) AS moment;
INSERT INTO stripe_objects (id, kind, customer_id, state, fetched_at)
SELECT 'in_book' || i || '_' || n, 'invoice', i,
       replace(replace(replace(:'invoice', '«customer»', i::text), '«number»', n::text), '"«at»"', at::text)::jsonb,
       to_timestamp(at + 3)
  FROM generate_series(:first, :first + :customers - 1) AS i, generate_series(0, :history - 1) AS n,
       LATERAL (SELECT :begins + n * :seconds AS at) AS moment;
INSERT INTO billing_invoices (customer_id, subscription_id, stripe_subscription_id, stripe_invoice_id, number, amount,
                              amount_paid, currency, status, attempt_count, date, paid_at, counted_paid)
SELECT s.customer_id, s.id, s.stripe_subscription_id, o.id, o.state ->> 'number', 1900, 1900, 'eur', 'paid', 1,
       o.fetched_at, o.fetched_at, 1900
  FROM subscriptions AS s JOIN stripe_objects AS o ON o.customer_id = s.customer_id AND o.kind = 'invoice'
 WHERE s.customer_id BETWEEN :first AND :first + :customers - 1;
COMMIT;
