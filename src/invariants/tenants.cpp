// The life of tenants and of sign-ups.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_tenants() {
  using enum Severity;
  return {
      {.name = "holds_and_state",
       .severity = high,
       .says = "A live tenant has no hold, and a suspended one has one",
       .why = "It runs though it should not, or it is suspended for no reason",
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id,
                jsonb_build_object('state', t.state, 'holds', string_agg(h.reason::text, ', '
                                                                         ORDER BY h.reason))
           FROM tenants AS t JOIN tenant_holds AS h ON h.tenant_id = t.id
          WHERE t.state = 'live' AND t.state_since < now() - interval '10 minutes'
            AND h.placed_at < now() - interval '10 minutes' GROUP BY t.id
         UNION ALL
         SELECT t.subdomain, 'tenant', 'ten_' || t.id, jsonb_build_object('state', t.state)
           FROM tenants AS t
          WHERE t.state = 'suspended' AND t.state_since < now() - interval '10 minutes'
            AND NOT EXISTS (SELECT FROM tenant_holds WHERE tenant_id = t.id)
       )sql"},
      {.name = "tenant_on_its_way",
       .severity = high,
       .says = "A tenant is on its way from one state to another for two hours at most",
       .why = "The job that should take it there fails again and again, or is gone",
       .finds = R"sql(
         SELECT subdomain, 'tenant', 'ten_' || id,
                jsonb_build_object('state', state, 'since_at', state_since, 'error', failure_code)
           FROM tenants
          WHERE state IN ('suspending', 'resuming', 'archiving', 'purging')
            AND state_since < now() - interval '2 hours'
             OR state = 'archived' AND state_deadline < now() - interval '1 day'
       )sql"},
      {.name = "dunning_late",
       .severity = high,
       .says =
           "Whoever has a failed payment is followed up, and each step comes within two hours of "
           "its time",
       .why = "Customers are not told of what they owe, or keep running unpaid",
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id, jsonb_build_object('since_at', c.next_at)
           FROM dunning_cases AS c JOIN tenants AS t ON t.id = c.tenant_id
          WHERE c.closed_at IS NULL AND c.next_at < now() - interval '2 hours'
         UNION ALL
         SELECT t.subdomain, 'tenant', 'ten_' || t.id,
                jsonb_build_object('since_at', min(i.first_failed_at))
           FROM billing_invoices AS i JOIN subscriptions AS s ON s.id = i.subscription_id
           JOIN tenants AS t ON t.id = s.tenant_id JOIN customers AS c ON c.id = t.customer_id
          WHERE i.status = 'open' AND i.first_failed_at < now() - interval '2 hours'
            AND s.ended_at IS NULL AND NOT c.is_demo AND t.delete_requested_at IS NULL
            AND t.state IN ('live', 'suspending', 'suspended', 'resuming')
            AND NOT EXISTS (SELECT FROM dunning_cases
                             WHERE tenant_id = t.id AND closed_at IS NULL)
          GROUP BY t.id
       )sql"},
      {.name = "plans_paid_for",
       .severity = medium,
       .says = "A tenant has its plan as many times as its subscription pays for",
       .why = "A customer pays for what they do not get, or gets what nobody pays for",
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id,
                jsonb_build_object('expected_count', least(greatest(i.quantity, 1), 1000),
                                   'found_count', t.plan_quantity)
           FROM subscriptions AS s JOIN subscription_items AS i USING (stripe_subscription_id)
           JOIN tenants AS t ON t.id = s.tenant_id
          WHERE s.ended_at IS NULL AND s.status IN ('active', 'trialing', 'past_due')
            AND least(greatest(i.quantity, 1), 1000) <> t.plan_quantity
            AND t.state NOT IN ('purging', 'purged', 'rolled_back')
            AND NOT EXISTS (SELECT FROM subscriptions AS o
                             WHERE o.tenant_id = t.id AND o.id <> s.id AND o.ended_at IS NULL)
            AND NOT EXISTS (SELECT FROM subscription_items AS o
                             WHERE o.stripe_subscription_id = s.stripe_subscription_id
                               AND o.stripe_item_id <> i.stripe_item_id)
            AND NOT EXISTS (SELECT FROM jobs
                             WHERE kind IN ('tenants.plan_changed', 'billing.follow_quantity')
                               AND state IN ('waiting', 'running')
                               AND (payload->>'tenant_id')::bigint = t.id)
            AND NOT EXISTS (SELECT FROM billing_plan_orders
                             WHERE tenant_id = t.id AND ended_at IS NULL)
       )sql"},
      {.name = "signup_stuck",
       .severity = high,
       .says =
           "Who has paid has a tenant within two hours, or the money back within a day; who has "
           "not paid keeps no name",
       .why = "A customer waits for what was paid, or a name is taken by nobody",
       .finds = R"sql(
         SELECT t.subdomain, 'tenant', 'ten_' || t.id,
                jsonb_build_object('state', t.state, 'payment', s.payment, 'since_at',
                                   coalesce(s.paid_at, s.created_at))
           FROM signups AS s JOIN tenants AS t ON t.id = s.tenant_id
          WHERE (s.payment = 'paid' AND s.paid_at < now() - interval '2 hours'
                 AND t.state IN ('reserved', 'awaiting_payment', 'queued', 'provisioning',
                                 'provision_failed'))
             OR (s.payment = 'paid' AND t.state = 'rolled_back'
                 AND t.state_since < now() - interval '1 day')
             OR (s.payment NOT IN ('paid', 'processing') AND t.state IN ('reserved', 'awaiting_payment')
                 AND t.state_deadline < now() - interval '1 hour')
       )sql"},
  };
}

}  // namespace invariants
