// Invoices, payments and refunds, and whom subscriptions are for.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_money() {
  using enum Severity;
  return {
      {.name = "paid_invoice_uncovered",
       .severity = high,
       .says = "A paid invoice is covered: by payments, also outside Stripe, by credit notes or by "
               "the customer's balance",
       .why = "Money is counted as paid that has not come",
       // Of an invoice that Stripe has, only its own answer knows what else covers it.
       .finds = R"sql(
         SELECT coalesce(i.number, i.stripe_invoice_id, i.id::text), 'customer',
                'cus_' || i.customer_id,
                jsonb_build_object('invoice', i.stripe_invoice_id, 'expected_amount', i.amount,
                                   'found_amount', i.amount_paid, 'currency', i.currency)
           FROM billing_invoices AS i LEFT JOIN stripe_objects AS o ON o.id = i.stripe_invoice_id
          WHERE i.status = 'paid' AND (i.stripe_invoice_id IS NULL OR o.id IS NOT NULL)
            AND NOT coalesce((o.state ->> 'paid_out_of_band')::boolean, false)
            AND i.amount_paid + coalesce((o.state ->> 'amount_paid_off_stripe')::bigint, 0)
                + coalesce((o.state ->> 'pre_payment_credit_notes_amount')::bigint, 0)
                + coalesce((o.state ->> 'ending_balance')::bigint
                           - (o.state ->> 'starting_balance')::bigint, 0) < i.amount
       )sql"},
      {.name = "remaining_below_zero",
       .severity = high,
       .says = "What remains of an invoice, and what was paid of it, is never below zero",
       .why = "A customer would be owed money by an invoice",
       .finds = R"sql(
         SELECT o.id, 'customer', 'cus_' || o.customer_id,
                jsonb_build_object('found_amount', least((o.state ->> 'amount_remaining')::bigint,
                                                         (o.state ->> 'amount_paid')::bigint),
                                   'currency', o.state ->> 'currency')
           FROM stripe_objects AS o
          WHERE o.kind = 'invoice' AND o.deleted_at IS NULL
            AND least((o.state ->> 'amount_remaining')::bigint,
                      (o.state ->> 'amount_paid')::bigint) < 0
         UNION ALL
         SELECT coalesce(number, stripe_invoice_id, id::text), 'customer', 'cus_' || customer_id,
                jsonb_build_object('found_amount', least(amount_paid, counted_failed), 'currency',
                                   currency)
           FROM billing_invoices WHERE amount_paid < 0 OR counted_failed < 0
       )sql"},
      {.name = "invoice_without_subscription",
       .severity = high,
       .says = "The subscription of an invoice is known, and is the same customer's",
       .why = "Nobody would notice that the tenant it pays for was paid",
       .finds = R"sql(
         SELECT coalesce(i.number, i.stripe_invoice_id, i.id::text), 'customer',
                'cus_' || i.customer_id,
                jsonb_build_object('invoice', i.stripe_invoice_id, 'subscription',
                                   i.stripe_subscription_id)
           FROM billing_invoices AS i LEFT JOIN subscriptions AS s ON s.id = i.subscription_id
          WHERE i.stripe_subscription_id IS NOT NULL AND s.id IS NULL
            AND i.date < now() - interval '1 hour'
             OR s.customer_id <> i.customer_id
       )sql"},
      {.name = "refund_over_payment",
       .severity = high,
       .says = "No more goes back by refunds and lost disputes than was paid",
       .why = "Money was lost, or a payment is missing here",
       .finds = R"sql(
         SELECT payment, 'customer', 'cus_' || gone.customer_id,
                jsonb_build_object('expected_amount', paid, 'found_amount', amount, 'currency',
                                   currency)
           FROM (SELECT coalesce(state -> 'charge' ->> 'id', state ->> 'charge',
                                 state -> 'payment_intent' ->> 'id', state ->> 'payment_intent')
                          AS payment,
                        state ->> 'currency' AS currency, min(customer_id) AS customer_id,
                        sum((state ->> 'amount')::bigint) AS amount
                   FROM stripe_objects
                  WHERE kind = 'refund' AND state ->> 'status' NOT IN ('failed', 'canceled')
                  GROUP BY 1, 2) AS gone
           JOIN (SELECT id, coalesce((state ->> 'amount_captured')::bigint,
                                     (state ->> 'amount_received')::bigint,
                                     (state ->> 'amount')::bigint) AS paid
                   FROM stripe_objects WHERE kind IN ('charge', 'payment_intent')) AS payments
             ON payments.id = gone.payment
          WHERE amount > paid
         UNION ALL
         SELECT 'cus_' || customer_id || ' ' || currency, 'customer', 'cus_' || customer_id,
                jsonb_build_object('expected_amount', sum(paid), 'found_amount', sum(back),
                                   'currency', currency)
           FROM (SELECT customer_id, currency, counted_paid AS paid, 0 AS back
                   FROM billing_invoices
                 UNION ALL
                 SELECT customer_id, currency, 0, counted FROM billing_refunds
                 UNION ALL
                 SELECT customer_id, currency, 0, counted FROM billing_disputes) AS cash
          GROUP BY customer_id, currency HAVING sum(back) > sum(paid)
       )sql"},
      {.name = "refunded_twice",
       .severity = high,
       .says = "Nothing is given back twice for the same reason",
       .why = "Money was lost: each refund of ours carries what it is for",
       .finds = R"sql(
         SELECT payment || ' ' || reason, 'customer', 'cus_' || min(customer_id),
                jsonb_build_object('found_count', count(*), 'found_amount', sum(amount), 'currency',
                                   min(currency))
           FROM (SELECT customer_id, state ->> 'currency' AS currency,
                        (state ->> 'amount')::bigint AS amount,
                        state -> 'metadata' ->> 'given_back_for' AS reason,
                        coalesce(state -> 'payment_intent' ->> 'id', state ->> 'payment_intent',
                                 state -> 'charge' ->> 'id', state ->> 'charge') AS payment
                   FROM stripe_objects
                  WHERE kind = 'refund' AND state ->> 'status' NOT IN ('failed', 'canceled'))
                  AS refunds
          WHERE reason IS NOT NULL GROUP BY payment, reason HAVING count(*) > 1
       )sql"},
      {.name = "invoice_charged_twice",
       .severity = high,
       .says = "No more is charged for an invoice than was paid of it",
       .why = "A customer pays twice for the same",
       // The invoice's own news may come a while after that of its charge.
       .finds = R"sql(
         SELECT invoice, 'customer', 'cus_' || customer_id,
                jsonb_build_object('expected_amount', paid, 'found_amount', charged, 'currency',
                                   currency)
           FROM (SELECT belongs_to AS invoice,
                        sum(coalesce((state ->> 'amount_captured')::bigint,
                                     (state ->> 'amount')::bigint)) AS charged
                   FROM stripe_objects
                  WHERE kind = 'charge' AND state ->> 'status' = 'succeeded'
                    AND belongs_to IS NOT NULL AND fetched_at < now() - interval '1 hour'
                  GROUP BY 1) AS charges
           JOIN (SELECT id AS invoice, customer_id, state ->> 'currency' AS currency,
                        (state ->> 'amount_paid')::bigint
                        + coalesce((state ->> 'amount_overpaid')::bigint, 0) AS paid
                   FROM stripe_objects WHERE kind = 'invoice') AS invoices USING (invoice)
          WHERE charged > paid
       )sql"},
      {.name = "object_without_customer",
       .severity = medium,
       .says = "What Stripe has of a customer of ours is kept as that customer's",
       .why = "It is missing from the customer's books",
       .finds = R"sql(
         SELECT o.id, 'customer', 'cus_' || c.id, jsonb_build_object('kind', o.kind)
           FROM stripe_objects AS o
           JOIN customers AS c
             ON c.stripe_customer_id = CASE WHEN o.kind = 'customer' THEN o.id
                                            ELSE coalesce(o.state -> 'customer' ->> 'id',
                                                          o.state ->> 'customer') END
          WHERE o.customer_id IS NULL AND o.fetched_at < now() - interval '1 hour'
       )sql"},
      {.name = "bills_for_nothing",
       .severity = high,
       .says =
           "Nothing bills for nothing: a subscription that runs pays for a tenant that is there",
       .why = "A customer pays and gets nothing for it",
       .finds = R"sql(
         SELECT coalesce(s.stripe_subscription_id, 'sub_of_row_' || s.id), 'findings',
                'subscription_for_nothing',
                jsonb_build_object('state', t.state, 'subdomain', t.subdomain)
           FROM subscriptions AS s LEFT JOIN tenants AS t ON t.id = s.tenant_id
          WHERE s.ended_at IS NULL AND s.status IN ('trialing', 'active', 'past_due', 'unpaid')
            AND NOT s.cancel_at_period_end AND s.started_at < now() - interval '1 hour'
            AND (t.id IS NULL OR t.delete_requested_at < now() - interval '1 hour'
                 OR (t.state IN ('archiving', 'archived', 'purging', 'purged', 'rolled_back')
                     AND t.state_since < now() - interval '1 hour'))
       )sql"},
      {.name = "tenant_without_right",
       .severity = high,
       .says = "No tenant runs without the right to",
       .why = "Nobody pays for it",
       // What staff have made was never sold; a late payment gives its time.
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id, jsonb_build_object('state', t.state)
           FROM tenants AS t
          WHERE t.state IN ('live', 'resuming') AND t.state_since < now() - interval '1 hour'
            AND (EXISTS (SELECT FROM subscriptions WHERE tenant_id = t.id)
                 OR EXISTS (SELECT FROM signups WHERE tenant_id = t.id))
            AND NOT EXISTS (SELECT FROM subscriptions AS s
                             WHERE s.tenant_id = t.id
                               AND (s.status IN ('trialing', 'active', 'past_due')
                                    OR EXISTS (SELECT FROM billing_invoices
                                                WHERE subscription_id = s.id
                                                  AND late_until > now())))
       )sql"},
      {.name = "tenant_paid_twice",
       .severity = high,
       .says = "No tenant is paid for twice",
       .why = "A customer pays double",
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id,
                jsonb_build_object('subscription',
                                   string_agg(coalesce(s.stripe_subscription_id, s.id::text), ', '
                                              ORDER BY s.id))
           FROM subscriptions AS s JOIN tenants AS t ON t.id = s.tenant_id
          WHERE s.status IN ('active', 'past_due') AND s.ended_at IS NULL
            AND NOT s.cancel_at_period_end AND s.started_at < now() - interval '1 hour'
          GROUP BY t.id HAVING count(*) > 1
       )sql"},
  };
}

}  // namespace invariants
