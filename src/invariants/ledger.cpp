// The books of MRR.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_ledger() {
  using enum Severity;
  return {
      {.name = "item_below_zero",
       .severity = high,
       .says = "The MRR of an item is never below zero",
       .why = "A step was written twice, or one that goes up is missing",
       // What stands from before there were snapshots adds up by customer only.
       .finds = R"sql(
         SELECT DISTINCT ON (subscription_id, item_id, currency, policy)
                subscription_id || ' ' || item_id || ' ' || policy, 'customer',
                'cus_' || customer_id,
                jsonb_build_object('since_at', at, 'found_amount', level, 'currency', currency)
           FROM (SELECT customer_id, subscription_id, item_id, currency, policy, at,
                        sum(sum(delta)) OVER (PARTITION BY subscription_id, item_id, currency,
                                                           policy ORDER BY at) AS level
                   FROM mrr_steps WHERE item_id <> 'carried'
                  GROUP BY customer_id, subscription_id, item_id, currency, policy, at) AS levels
          WHERE level < 0 ORDER BY subscription_id, item_id, currency, policy, at
       )sql"},
      {.name = "steps_make_movements",
       .severity = high,
       .says = "What a customer's steps add up to is what the last movement ends at",
       .why = "The MRR of lists and that of reports would be two numbers",
       .finds = R"sql(
         SELECT 'cus_' || customer_id || ' ' || currency || ' ' || policy, 'customer',
                'cus_' || customer_id,
                jsonb_build_object('expected_amount', coalesce(level, 0), 'found_amount',
                                   coalesce(mrr_after, 0), 'currency', currency)
           FROM (SELECT customer_id, currency, policy, sum(delta) AS level FROM mrr_steps
                  GROUP BY customer_id, currency, policy) AS steps
           FULL JOIN (SELECT DISTINCT ON (customer_id, currency, policy)
                             customer_id, currency, policy, mrr_after
                        FROM mrr_movements WHERE upper_inf(believed)
                       ORDER BY customer_id, currency, policy, day DESC) AS movements
                USING (customer_id, currency, policy)
          WHERE coalesce(level, 0) <> coalesce(mrr_after, 0)
       )sql"},
      {.name = "movement_chain",
       .severity = high,
       .says = "A movement begins where the one before it ended",
       .why = "A report that starts between the two shows a jump that nobody made",
       .finds = R"sql(
         SELECT 'cus_' || customer_id || ' ' || currency || ' ' || policy || ' ' || day,
                'customer', 'cus_' || customer_id,
                jsonb_build_object('expected_amount', due, 'found_amount', mrr_before,
                                   'currency', currency)
           FROM (SELECT *, coalesce(lag(mrr_after) OVER (PARTITION BY customer_id, currency, policy
                                                         ORDER BY day), 0) AS due
                   FROM mrr_movements WHERE upper_inf(believed)) AS chain
          WHERE mrr_before <> due
       )sql"},
      {.name = "first_movement_is_new",
       .severity = high,
       .says = "A customer's first movement in a currency is new, and no later one is",
       .why = "Cohorts and the number of new customers count it",
       .finds = R"sql(
         SELECT 'cus_' || customer_id || ' ' || currency || ' ' || policy || ' ' || day,
                'customer', 'cus_' || customer_id, jsonb_build_object('kind', kind)
           FROM (SELECT *, row_number() OVER (PARTITION BY customer_id, currency, policy
                                              ORDER BY day) AS place
                   FROM mrr_movements WHERE upper_inf(believed)) AS chain
          WHERE (kind = 'new') <> (place = 1)
       )sql"},
      {.name = "beliefs_overlap",
       .severity = high,
       .says = "Of one day only one movement was believed at any time",
       .why = "A report as of that time counts both",
       .finds = R"sql(
         SELECT 'cus_' || customer_id || ' ' || currency || ' ' || policy || ' ' || day,
                'customer', 'cus_' || customer_id,
                jsonb_build_object('since_at', greatest(lower(one.believed), lower(other.believed)))
           FROM mrr_movements AS one
           JOIN mrr_movements AS other USING (customer_id, currency, policy, day)
          WHERE one.id < other.id AND one.believed && other.believed
       )sql"},
      {.name = "belief_goes_back",
       .severity = high,
       .says = "What is believed is dated forward: no run before one that was there, no correction "
               "before what it corrects, nothing ahead of the clock",
       .why = "An answer as of a past time would change afterwards",
       // Runs over all customers date anew what they write; transactions are cut off at 20 seconds.
       .finds = R"sql(
         SELECT 'step ' || correction.id, 'customer', 'cus_' || correction.customer_id,
                jsonb_build_object('since_at', correction.believed_at)
           FROM mrr_steps AS correction JOIN mrr_steps AS wrong ON wrong.id = correction.undoes
          WHERE correction.believed_at <= wrong.believed_at
         UNION ALL
         SELECT 'run ' || id, NULL, NULL, jsonb_build_object('since_at', believed_at)
           FROM (SELECT id, believed_at,
                        max(believed_at) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING
                                                                    AND 1 PRECEDING) AS newest
                   FROM ledger_runs WHERE reason NOT IN ('rebuild', 'settings')) AS runs
          WHERE believed_at < newest - interval '1 minute'
         UNION ALL
         SELECT 'run ' || id, NULL, NULL, jsonb_build_object('since_at', believed_at)
           FROM ledger_runs WHERE believed_at > now() + interval '5 minutes'
       )sql"},
      {.name = "undo_differs",
       .severity = high,
       .says = "A step that undoes another is its exact opposite",
       .why = "Something of what was wrong would stay",
       .finds = R"sql(
         SELECT 'step ' || undo.id, 'customer', 'cus_' || undo.customer_id,
                jsonb_build_object('expected_amount', -wrong.delta, 'found_amount', undo.delta,
                                   'currency', undo.currency)
           FROM mrr_steps AS undo JOIN mrr_steps AS wrong ON wrong.id = undo.undoes
          WHERE wrong.undoes IS NOT NULL
             OR (undo.customer_id, undo.subscription_id, undo.item_id, undo.price_id, undo.currency,
                 undo.policy, undo.at, undo.delta)
                <> (wrong.customer_id, wrong.subscription_id, wrong.item_id, wrong.price_id,
                    wrong.currency, wrong.policy, wrong.at, -wrong.delta)
       )sql"},
      {.name = "subscription_mrr",
       .severity = high,
       .says = "The MRR that lists show of a subscription is that of its steps",
       .why = "A list and a report would disagree about the same subscription",
       // Steps that fall due by themselves are followed within a minute.
       .finds = R"sql(
         SELECT subscription, 'customer', 'cus_' || coalesce(customer_id, buyer),
                jsonb_build_object('expected_amount', coalesce(level, 0), 'found_amount',
                                   coalesce(mrr, 0), 'currency', currency)
           FROM (SELECT coalesce(stripe_subscription_id, 'sub_of_row_' || id) AS subscription,
                        mrr, customer_id AS buyer FROM subscriptions) AS listed
           FULL JOIN (SELECT subscription_id AS subscription, min(customer_id) AS customer_id,
                             min(currency) AS currency,
                             coalesce(sum(delta) FILTER (WHERE at <= now()), 0) AS level,
                             coalesce(sum(delta) FILTER (WHERE at <= now() - interval '10 minutes'),
                                      0) AS level_before
                        FROM mrr_steps WHERE policy = 'recurring' GROUP BY 1) AS steps
                USING (subscription)
          WHERE coalesce(mrr, 0) NOT IN (coalesce(level, 0), coalesce(level_before, 0))
       )sql"},
      {.name = "discount_terms_unknown",
       .severity = medium,
       .says = "What a discount takes off is known within a day",
       .why = "Until then its subscription counts as if there were none",
       .finds = R"sql(
         SELECT discount_id, 'customer', 'cus_' || customer_id,
                jsonb_build_object('coupon', coupon_id, 'subscription', subscription_id)
           FROM discount_terms AS t
          WHERE duration IS NULL AND NOT is_of_invoice
            AND (starts < now() - interval '1 day'
                 OR EXISTS (SELECT FROM subscription_snapshots AS s
                             WHERE s.customer_id = t.customer_id
                               AND s.received_at < now() - interval '1 day'
                               AND position(t.discount_id IN s.state::text) > 0))
       )sql"},
      {.name = "subscription_event_missing",
       .severity = high,
       .says = "What an event says a subscription was before is what the event before it said",
       .why = "An event is missing: Stripe's list of events should be read again for that time",
       // What is compared is what MRR follows from. The one before it may be of the same second;
       // the list is swept every few minutes, so what is late comes within the hour.
       .finds = R"sql(
         SELECT s.subscription_id || ' ' || s.event_id, 'customer', 'cus_' || s.customer_id,
                jsonb_build_object('subscription', s.subscription_id, 'event', s.event_id,
                                   'since_at', s.created)
           FROM subscription_snapshots AS s,
                LATERAL (SELECT max(created) AS at FROM subscription_snapshots AS earlier
                          WHERE earlier.subscription_id = s.subscription_id
                            AND earlier.created < s.created AND earlier.type <> '') AS former
          WHERE s.before ?| ARRAY['status', 'items', 'pause_collection', 'discounts']
            AND s.received_at < now() - interval '1 hour' AND former.at IS NOT NULL
            AND NOT EXISTS (
              SELECT FROM subscription_snapshots AS p
               WHERE p.subscription_id = s.subscription_id AND p.event_id <> s.event_id
                 AND p.type <> '' AND p.created BETWEEN former.at AND s.created
                 AND (NOT s.before ? 'status' OR p.state -> 'status' = s.before -> 'status')
                 AND (NOT s.before ? 'pause_collection'
                      OR (coalesce(p.state -> 'pause_collection', 'null') = 'null')
                         = (s.before -> 'pause_collection' = 'null'))
                 AND (NOT s.before ? 'items'
                      OR jsonb_path_query_array(p.state, '$.items.data[*].id')
                         = jsonb_path_query_array(s.before, '$.items.data[*].id')
                     AND jsonb_path_query_array(p.state, '$.items.data[*].price.id')
                         = jsonb_path_query_array(s.before, '$.items.data[*].price.id')
                     AND jsonb_path_query_array(p.state, '$.items.data[*].quantity')
                         = jsonb_path_query_array(s.before, '$.items.data[*].quantity'))
                 AND (NOT s.before ? 'discounts' OR NOT p.state ? 'discounts'
                      OR jsonb_path_query_array(p.state, '$.discounts[*].id')
                         = jsonb_path_query_array(s.before, '$.discounts[*].id')
                     AND jsonb_path_query_array(p.state, '$.discounts[*] ? (@.type() == "string")')
                         = jsonb_path_query_array(s.before,
                                                  '$.discounts[*] ? (@.type() == "string")')))
       )sql"},
  };
}

}  // namespace invariants
