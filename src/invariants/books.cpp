// Cash, receivables and recognised revenue: one line of declared.cpp looks at them.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_books() {
  using enum Severity;
  return {
      {.name = "book_receivable",
       .severity = high,
       .says =
           "What the books say is owed of an invoice is what remains of it, and nothing once it "
           "is paid, void or uncollectible",
       .why = "Receivables and DSO count it",
       .finds = R"sql(
         SELECT o.id, 'customer', 'cus_' || o.customer_id,
                jsonb_build_object('expected_amount', due, 'found_amount', coalesce(owed, 0),
                                   'currency', o.state ->> 'currency')
           FROM stripe_objects AS o
           LEFT JOIN (SELECT document, sum(amount) AS owed FROM book_entries
                       WHERE book = 'receivable' GROUP BY document) AS b ON b.document = o.id,
                LATERAL (SELECT CASE WHEN o.state ->> 'status' = 'open'
                                     THEN (o.state ->> 'amount_remaining')::bigint
                                     ELSE 0 END AS due) AS remaining
          WHERE o.kind = 'invoice' AND o.customer_id IS NOT NULL
            AND o.state ->> 'status' IN ('open', 'paid', 'void', 'uncollectible')
            AND coalesce(owed, 0) <> due
       )sql"},
      {.name = "book_cash",
       .severity = high,
       .says = "The payments that the books have of an invoice are what Stripe says was paid of it",
       .why = "Cash and revenue of reports count them",
       // A payment of no invoice is its charge's; one of an invoice is not counted there again.
       .finds = R"sql(
         SELECT o.id, 'customer', 'cus_' || o.customer_id,
                jsonb_build_object('expected_amount', due, 'found_amount', coalesce(paid, 0),
                                   'currency', o.state ->> 'currency')
           FROM stripe_objects AS o
           LEFT JOIN (SELECT document, sum(amount) AS paid FROM book_entries
                       WHERE book = 'cash' AND kind IN ('payment', 'other')
                       GROUP BY document) AS b ON b.document = o.id,
                LATERAL (SELECT coalesce((o.state ->> 'amount_paid')::bigint, 0)
                                + coalesce((o.state ->> 'amount_paid_off_stripe')::bigint, 0)
                                  AS due) AS stripe
          WHERE o.kind = 'invoice' AND o.customer_id IS NOT NULL
            AND o.state ->> 'status' <> 'draft' AND coalesce(paid, 0) <> due
         UNION ALL
         SELECT o.id, 'customer', 'cus_' || o.customer_id,
                jsonb_build_object('expected_amount', due, 'found_amount', coalesce(paid, 0),
                                   'currency', o.state ->> 'currency')
           FROM stripe_objects AS o
           LEFT JOIN (SELECT document, sum(amount) AS paid FROM book_entries
                       WHERE book = 'cash' AND kind = 'payment' GROUP BY document) AS b
             ON b.document = o.id,
                LATERAL (SELECT CASE WHEN o.belongs_to IS NULL AND o.state ->> 'status' = 'succeeded'
                                     THEN coalesce(o.state ->> 'amount_captured',
                                                   o.state ->> 'amount')::bigint
                                     ELSE 0 END AS due) AS stripe
          WHERE o.kind = 'charge' AND o.customer_id IS NOT NULL
            AND o.state ->> 'currency' <> '' AND coalesce(paid, 0) <> due
       )sql"},
      {.name = "book_mirrors",
       .severity = high,
       .says = "What is taken back of a line is not more than the line, and over the same period",
       .why = "Recognised revenue would fall below zero, or come back in other months",
       // A proration stands under its item, what takes it back under the invoice: the id of a line
       // or an item says which.
       .finds = R"sql(
         SELECT mirror.reverses, 'customer', 'cus_' || mirror.customer_id,
                jsonb_build_object('invoice', mirror.invoice, 'expected_amount',
                                   coalesce(line.amount, 0), 'found_amount', mirror.amount,
                                   'currency', mirror.currency)
           FROM (SELECT reverses, currency, service_start, service_end, min(document) AS invoice,
                        min(customer_id) AS customer_id, sum(amount) AS amount
                   FROM book_entries WHERE book = 'revenue' AND reverses IS NOT NULL
                  GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0) AS mirror
           LEFT JOIN (SELECT part, currency, service_start, service_end, sum(amount) AS amount
                        FROM book_entries WHERE book = 'revenue' AND reverses IS NULL
                       GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0) AS line
             ON (line.part, line.currency, line.service_start, line.service_end)
                = (mirror.reverses, mirror.currency, mirror.service_start, mirror.service_end)
          WHERE line.part IS NULL OR sign(mirror.amount) = sign(line.amount)
             OR abs(mirror.amount) > abs(line.amount)
       )sql"},
      {.name = "book_undo_differs",
       .severity = high,
       .says = "An entry that undoes another is its exact opposite, and was believed after it",
       .why = "Something of what was wrong would stay",
       .finds = R"sql(
         SELECT 'entry ' || undo.id, 'customer', 'cus_' || undo.customer_id,
                jsonb_build_object('expected_amount', -wrong.amount, 'found_amount', undo.amount,
                                   'currency', undo.currency)
           FROM book_entries AS undo JOIN book_entries AS wrong ON wrong.id = undo.undoes
          WHERE wrong.undoes IS NOT NULL OR undo.believed_at <= wrong.believed_at
             OR (undo.customer_id, undo.document, undo.part, undo.book, undo.kind, undo.currency,
                 undo.at, undo.service_start, undo.service_end, undo.reverses, undo.amount)
                IS DISTINCT FROM
                (wrong.customer_id, wrong.document, wrong.part, wrong.book, wrong.kind,
                 wrong.currency, wrong.at, wrong.service_start, wrong.service_end, wrong.reverses,
                 -wrong.amount)
       )sql"},
  };
}

}  // namespace invariants
