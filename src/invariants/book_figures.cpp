// The books against the objects that they were made of: what Stripe says of an amount or an instant
// is what stands. Both are written in one transaction, so that nothing is ever on its way between
// them. What belongs to no invoice yet, or to a draft, is in no book.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_book_figures() {
  using enum Severity;
  return {
      {.name = "book_refunds",
       .severity = high,
       .says = "What the books have of a refund is what went back: nothing, if it failed",
       .why = "Cash of reports counts them",
       .finds = R"sql(
         SELECT coalesce(r.id, b.part), 'customer',
                'cus_' || coalesce(r.customer_id, b.customer_id),
                jsonb_build_object('payment', coalesce(r.document, b.document),
                                   'expected_amount', coalesce(due, 0), 'found_amount',
                                   coalesce(amount, 0), 'currency', coalesce(r.currency, b.currency))
           FROM (SELECT r.id, o.id AS document, r.customer_id, r.state ->> 'currency' AS currency,
                        CASE WHEN r.state ->> 'status' IN ('failed', 'canceled') THEN 0
                             ELSE -(r.state ->> 'amount')::bigint END AS due
                   FROM stripe_objects AS r
                   JOIN stripe_objects AS o ON o.id = coalesce(r.belongs_to, r.state ->> 'charge')
                  WHERE r.kind = 'refund' AND o.customer_id IS NOT NULL
                    AND (o.kind = 'charge' AND o.belongs_to IS NULL
                         OR o.kind = 'invoice'
                            AND o.state ->> 'status' NOT IN ('draft', 'deleted'))) AS r
           FULL JOIN (SELECT document, part, currency::text, min(customer_id) AS customer_id,
                             sum(amount) AS amount
                        FROM book_entries
                       WHERE book = 'cash' AND kind IN ('refund', 'refund_failed')
                       GROUP BY 1, 2, 3 HAVING sum(amount) <> 0) AS b
             ON (b.document, b.part, b.currency) = (r.document, r.id, r.currency)
          WHERE coalesce(due, 0) <> coalesce(amount, 0)
       )sql"},
      {.name = "book_disputes",
       .severity = high,
       .says = "What the books have of a dispute is what was lost by it: nothing, until it is lost",
       .why = "Cash of reports counts them",
       .finds = R"sql(
         SELECT coalesce(d.id, b.part), 'customer',
                'cus_' || coalesce(d.customer_id, b.customer_id),
                jsonb_build_object('payment', coalesce(d.document, b.document),
                                   'expected_amount', coalesce(due, 0), 'found_amount',
                                   coalesce(amount, 0), 'currency', coalesce(d.currency, b.currency))
           FROM (SELECT d.id, o.id AS document, d.customer_id, d.state ->> 'currency' AS currency,
                        CASE WHEN d.state ->> 'status' = 'lost'
                             THEN -(d.state ->> 'amount')::bigint ELSE 0 END AS due
                   FROM stripe_objects AS d
                   JOIN stripe_objects AS o ON o.id = coalesce(d.belongs_to, d.state ->> 'charge')
                  WHERE d.kind = 'dispute' AND o.customer_id IS NOT NULL
                    AND (o.kind = 'charge' AND o.belongs_to IS NULL
                         OR o.kind = 'invoice'
                            AND o.state ->> 'status' NOT IN ('draft', 'deleted'))) AS d
           FULL JOIN (SELECT document, part, currency::text, min(customer_id) AS customer_id,
                             sum(amount) AS amount
                        FROM book_entries WHERE book = 'cash' AND kind = 'dispute_lost'
                       GROUP BY 1, 2, 3 HAVING sum(amount) <> 0) AS b
             ON (b.document, b.part, b.currency) = (d.document, d.id, d.currency)
          WHERE coalesce(due, 0) <> coalesce(amount, 0)
       )sql"},
      {.name = "book_invoiced",
       .severity = high,
       .says = "What the books say was invoiced is the total of each invoice that was finalised",
       .why = "Invoiced sums and DSO count it",
       .finds = R"sql(
         SELECT coalesce(i.id, b.document), 'customer',
                'cus_' || coalesce(i.customer_id, b.customer_id),
                jsonb_build_object('expected_amount', coalesce(due, 0), 'found_amount',
                                   coalesce(amount, 0), 'currency', coalesce(i.currency, b.currency))
           FROM (SELECT id, customer_id, state ->> 'currency' AS currency,
                        (state ->> 'total')::bigint AS due
                   FROM stripe_objects
                  WHERE kind = 'invoice' AND customer_id IS NOT NULL
                    AND state ->> 'status' NOT IN ('draft', 'deleted')) AS i
           FULL JOIN (SELECT document, currency::text, min(customer_id) AS customer_id,
                             sum(amount) AS amount
                        FROM book_entries WHERE book = 'invoiced'
                       GROUP BY 1, 2 HAVING sum(amount) <> 0) AS b
             ON (b.document, b.currency) = (i.id, i.currency)
          WHERE coalesce(due, 0) <> coalesce(amount, 0)
       )sql"},
      {.name = "book_revenue",
       .severity = high,
       .says = "Each line of a finalised invoice earns what it says, less discounts and the tax "
               "inside of it, and its lines are all there",
       .why = "Recognised and deferred revenue count it",
       // A proration earns as its invoice's line, and as its item until it is invoiced. Lines that
       // are missing show by the invoice's total: taxes may be rounded over all lines, a minor unit
       // each. What shipping and credits from billing make of a total is in no line.
       .finds = R"sql(
         WITH lines AS MATERIALIZED (
           SELECT o.id AS invoice, o.customer_id, o.state ->> 'currency' AS currency,
                  line ->> 'id' AS id, nullif(item, '') AS item, net,
                  net + coalesce(taxes, 0) AS gross
             FROM stripe_objects AS o
             JOIN LATERAL jsonb_path_query(o.state, '$.lines.data[*]') AS line ON true
             JOIN LATERAL (
               SELECT coalesce(found -> 'invoice_item' ->> 'id', found ->> 'invoice_item') AS item
                 FROM (SELECT CASE
                         WHEN (line ->> 'proration')::boolean THEN line
                         WHEN (line #>> '{parent,subscription_item_details,proration}')::boolean
                           THEN line #> '{parent,subscription_item_details}'
                         WHEN (line #>> '{parent,invoice_item_details,proration}')::boolean
                           THEN line #> '{parent,invoice_item_details}' END AS found) AS details
             ) AS items ON true
             JOIN LATERAL (
               SELECT sum((tax ->> 'amount')::bigint) AS taxes,
                      sum((tax ->> 'amount')::bigint)
                        FILTER (WHERE tax ->> 'tax_behavior' = 'inclusive'
                                   OR (tax ->> 'inclusive')::boolean) AS inside
                 FROM jsonb_path_query(line, CASE WHEN line -> 'taxes' <> 'null' THEN '$.taxes[*]'
                                                  ELSE '$.tax_amounts[*]' END::jsonpath) AS tax
             ) AS taxed ON true
             JOIN LATERAL (
               SELECT (line ->> 'amount')::bigint - coalesce(inside, 0)
                      - coalesce(sum((discount ->> 'amount')::bigint), 0) AS net
                 FROM jsonb_path_query(line, '$.discount_amounts[*]') AS discount
             ) AS nets ON true
            WHERE o.kind = 'invoice' AND o.customer_id IS NOT NULL
              AND o.state ->> 'status' NOT IN ('draft', 'deleted')),
         earns AS (
           SELECT invoice AS document, id AS part, customer_id, currency, net
             FROM lines WHERE item IS NULL
           UNION ALL
           (SELECT DISTINCT ON (item) item, item, customer_id, currency, net
              FROM lines WHERE item IS NOT NULL ORDER BY item, invoice)
           UNION ALL
           SELECT id, id, customer_id, state ->> 'currency',
                  coalesce(state ->> 'net_amount', state ->> 'amount')::bigint
             FROM stripe_objects AS o
            WHERE kind = 'invoiceitem' AND customer_id IS NOT NULL
              AND (state ->> 'proration')::boolean
              AND NOT EXISTS (SELECT FROM lines WHERE item = o.id))
         SELECT coalesce(e.document, b.document) || ' ' || coalesce(e.part, b.part), 'customer',
                'cus_' || coalesce(e.customer_id, b.customer_id),
                jsonb_build_object('expected_amount', coalesce(net, 0), 'found_amount',
                                   coalesce(amount, 0), 'currency', coalesce(e.currency, b.currency))
           FROM earns AS e
           FULL JOIN (SELECT document, part, currency::text, min(customer_id) AS customer_id,
                             sum(amount) AS amount
                        FROM book_entries WHERE book = 'revenue' AND reverses IS NULL
                       GROUP BY 1, 2, 3 HAVING sum(amount) <> 0) AS b
             ON (b.document, b.part, b.currency) = (e.document, e.part, e.currency)
          WHERE coalesce(net, 0) <> coalesce(amount, 0)
         UNION ALL
         SELECT o.id, 'customer', 'cus_' || o.customer_id,
                jsonb_build_object('expected_amount', due, 'found_amount', coalesce(gross, 0),
                                   'currency', o.state ->> 'currency')
           FROM stripe_objects AS o
           JOIN LATERAL (SELECT (o.state ->> 'total')::bigint
                                - coalesce((o.state #>> '{shipping_cost,amount_total}')::bigint, 0)
                                  AS due) AS totals ON true
           LEFT JOIN (SELECT invoice, sum(gross) AS gross, count(*) AS lines
                        FROM lines GROUP BY 1) AS l ON l.invoice = o.id
          WHERE o.kind = 'invoice' AND o.customer_id IS NOT NULL
            AND o.state ->> 'status' NOT IN ('draft', 'deleted')
            AND abs(due - coalesce(gross, 0)) > coalesce(lines, 0)
            AND NOT o.state @? '$.total_pretax_credit_amounts[*]
                                ? (@.type == "credit_balance_transaction")'
       )sql"},
      {.name = "book_dunning",
       .severity = medium,
       .says = "No more of an invoice fails than is asked for by it, and nothing is recovered that "
               "has not failed",
       .why = "The rate of recovery counts both",
       // Whether and when an attempt failed is told by events and charges, not by the invoice.
       .finds = R"sql(
         SELECT b.document, 'customer', 'cus_' || b.customer_id,
                jsonb_build_object('expected_amount', greatest(least(failed, due), 0),
                                   'found_amount', CASE WHEN failed = 0 THEN recovered ELSE failed END,
                                   'currency', b.currency)
           FROM (SELECT document, currency, min(customer_id) AS customer_id,
                        coalesce(sum(amount) FILTER (WHERE kind = 'failed'), 0) AS failed,
                        coalesce(sum(amount) FILTER (WHERE kind = 'recovered'), 0) AS recovered
                   FROM book_entries WHERE book = 'dunning' GROUP BY 1, 2) AS b
           LEFT JOIN stripe_objects AS o ON o.id = b.document AND o.kind = 'invoice',
                LATERAL (SELECT (o.state ->> 'total')::bigint
                                + coalesce((o.state ->> 'starting_balance')::bigint, 0)
                                - coalesce((o.state ->> 'ending_balance')::bigint, 0) AS due)
                  AS asked
          WHERE failed > due OR least(failed, recovered) < 0 OR (failed = 0 AND recovered > 0)
       )sql"},
      {.name = "book_dates",
       .severity = high,
       .says = "The books date invoices, payments and refunds as Stripe does, and earn a line over "
               "its own period",
       .why = "It would count in another month",
       // Nothing happens to an invoice before it is finalised. When a refund failed or a dispute
       // was lost, and when its first attempt failed, no object says.
       .finds = R"sql(
         WITH invoices AS MATERIALIZED (
           SELECT id, state,
                  to_timestamp(coalesce((state #>> '{status_transitions,finalized_at}')::bigint,
                                        (state ->> 'created')::bigint)) AS finalised,
                  CASE state ->> 'status' WHEN 'paid'
                    THEN to_timestamp((state #>> '{status_transitions,paid_at}')::bigint) END AS paid
             FROM stripe_objects
            WHERE kind = 'invoice' AND customer_id IS NOT NULL
              AND state ->> 'status' NOT IN ('draft', 'deleted')),
         instants AS (
           SELECT id AS document, '' AS part, 'finalised' AS kind, finalised AS at FROM invoices
           UNION ALL
           SELECT i.id, line ->> 'id', 'line', finalised
             FROM invoices AS i, jsonb_path_query(i.state, '$.lines.data[*]') AS line
           UNION ALL
           SELECT i.id, payment ->> 'id', 'payment',
                  greatest(finalised, coalesce(to_timestamp((payment
                             #>> '{status_transitions,paid_at}')::bigint), paid))
             FROM invoices AS i, jsonb_path_query(i.state, '$.payments.data[*]') AS payment
           UNION ALL
           SELECT id, part, 'payment', greatest(finalised, paid)
             FROM invoices, unnest(ARRAY['out_of_band', 'paid']) AS part
           UNION ALL
           SELECT i.id, r.id, 'refund',
                  greatest(finalised, to_timestamp((r.state ->> 'created')::bigint))
             FROM invoices AS i
             JOIN stripe_objects AS r ON r.belongs_to = i.id AND r.kind = 'refund'
           UNION ALL
           SELECT id, id, 'payment', to_timestamp((state ->> 'created')::bigint)
             FROM stripe_objects
            WHERE kind = 'charge' AND customer_id IS NOT NULL AND belongs_to IS NULL
           UNION ALL
           SELECT id, id, 'proration', to_timestamp((state ->> 'date')::bigint)
             FROM stripe_objects
            WHERE kind = 'invoiceitem' AND customer_id IS NOT NULL
              AND (state ->> 'proration')::boolean),
         periods AS (
           SELECT i.id AS document, line ->> 'id' AS part,
                  coalesce(to_timestamp((line #>> '{period,start}')::bigint), finalised) AS starts,
                  coalesce(to_timestamp((line #>> '{period,end}')::bigint), finalised) AS ends
             FROM invoices AS i, jsonb_path_query(i.state, '$.lines.data[*]') AS line)
         SELECT rtrim(b.document || ' ' || b.part), 'customer', 'cus_' || b.customer_id,
                jsonb_build_object('kind', b.kind, 'expected_at', i.at, 'found_at', b.at)
           FROM (SELECT document, part, kind, at, min(customer_id) AS customer_id
                   FROM book_entries
                  WHERE kind IN ('finalised', 'line', 'proration', 'payment', 'other', 'refund')
                  GROUP BY document, part, book, kind, currency, at, reverses
                 HAVING sum(amount) <> 0) AS b
           JOIN instants AS i
             ON (i.document, i.part, i.kind)
                = (b.document, b.part, CASE b.kind WHEN 'other' THEN 'payment' ELSE b.kind END)
          WHERE i.at <> b.at
         UNION
         SELECT b.document || ' ' || b.part, 'customer', 'cus_' || b.customer_id,
                jsonb_build_object('kind', 'line',
                                   'expected_at', CASE WHEN starts <> service_start THEN starts
                                                       ELSE ends END,
                                   'found_at', CASE WHEN starts <> service_start THEN service_start
                                                    ELSE service_end END)
           FROM (SELECT document, part, service_start, service_end, min(customer_id) AS customer_id
                   FROM book_entries WHERE book = 'revenue' AND kind = 'line'
                  GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0) AS b
           JOIN periods AS p USING (document, part)
          WHERE (starts, ends) <> (service_start, service_end)
       )sql"},
  };
}

}  // namespace invariants
