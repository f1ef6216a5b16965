// Subscriptions. One customer's changes are serialised by the ledger's lock.
#include "billing/billing.hpp"
#include "billing/late_payments.hpp"
#include "billing/payment_methods.hpp"
#include "billing/rights.hpp"
#include "ledger/ledger.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Known {
  std::int64_t id;
  std::optional<tenants::TenantId> tenant_id;
};

db::Query const upsert{"billing.upsert_subscription", R"sql(
  INSERT INTO subscriptions AS s (customer_id, tenant_id, stripe_subscription_id, status, currency,
                                  mrr, cancel_at_period_end, current_period_end, started_at,
                                  ended_at, default_payment_method)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''))
  ON CONFLICT (stripe_subscription_id) DO UPDATE SET
         tenant_id = coalesce(s.tenant_id, excluded.tenant_id), status = excluded.status,
         mrr = excluded.mrr, cancel_at_period_end = excluded.cancel_at_period_end,
         current_period_end = excluded.current_period_end, ended_at = excluded.ended_at,
         default_payment_method = excluded.default_payment_method
  RETURNING id, tenant_id
)sql"};

// Those that came before their subscription.
db::Query const adopt_invoices{"billing.adopt_invoices", R"sql(
  UPDATE billing_invoices SET subscription_id = $1
   WHERE subscription_id IS NULL AND stripe_subscription_id = $2
)sql"};

// A subscription's metadata is a text that anybody with the account's key may write: it links a
// tenant of its own customer, or none.
db::Query const tenant_of_customer{"billing.tenant_of_customer",
                                   "SELECT id FROM tenants WHERE id = $1 AND customer_id = $2"};

// What has ended at Stripe never runs again: an answer that says so was overtaken on its way.
db::Query const has_ended{"billing.subscription_has_ended", R"sql(
  SELECT EXISTS (SELECT 1 FROM subscriptions
                  WHERE stripe_subscription_id = $1 AND ended_at IS NOT NULL)
)sql"};

// Discounts end by themselves, and terms are learnt late: what is due or was written since then.
db::Query const write_mrr{"billing.write_mrr", R"sql(
  UPDATE subscriptions AS s SET mrr = found.mrr
    FROM (SELECT subscription_id, coalesce(sum(delta) FILTER (WHERE at <= $2), 0)::bigint AS mrr
            FROM mrr_steps
           WHERE policy = 'recurring'
             AND subscription_id IN (SELECT subscription_id FROM mrr_steps
                                      WHERE policy = 'recurring'
                                        AND (at > $1 AND at <= $2 OR believed_at > $1))
           GROUP BY 1) AS found
   WHERE s.stripe_subscription_id = found.subscription_id AND s.mrr <> found.mrr
)sql"};

/// An invoice may be paid by any way, at Stripe alone: then this is all that is heard of it.
void tell_signup(db::Tx& tx, tenants::TenantId tenant, std::string const& subscription,
                 std::string_view status) {
  if (status != "active" && status != "trialing") return;
  auto const state = tenants::get(tx, tenant).state;
  if (state == tenants::State::reserved || state == tenants::State::awaiting_payment ||
      state == tenants::State::rolled_back)
    jobs::enqueue(tx, SubscriptionRuns{tenant.value, subscription}, {.dedupe_key = subscription});
}

retention::Kept const kept_subscriptions{"subscriptions", "the books: what was sold"};
}  // namespace

bool apply_subscription(db::Tx& tx, stripe::Object const& subscription, Time fetched_at,
                        std::optional<tenants::TenantId> tenant) {
  auto const customer = customers::find_by_stripe_id(tx, stripe::id_of(subscription, "customer"));
  if (!customer) return false;
  ledger::lock(tx, *customer);

  auto const stripe_id = stripe::text(subscription, "id");
  auto const status = stripe::text(subscription, "status");
  auto currency = stripe::text(subscription, "currency");
  bool const signup_knows = tenant.has_value();
  if (!tenant) tenant = tenants::TenantId::parse(stripe::text(subscription, "metadata.tenant_id"));
  if (tenant) tenant = tx.maybe<tenants::TenantId>(tenant_of_customer, *tenant, *customer);
  // The period moved from the subscription to its items in 2025-03-31.basil.
  auto period_end = stripe::time(subscription, "items.data.0.current_period_end");
  if (!period_end) period_end = stripe::time(subscription, "current_period_end");

  auto const ended_at = stripe::time(subscription, "ended_at");
  if (!ended_at && tx.one<bool>(has_ended, stripe_id)) return true;

  ledger::keep_fetched(tx, *customer, subscription, fetched_at);
  auto const stored =
      tx.one<Known>(upsert, *customer, tenant, stripe_id, status, currency,
                    ledger::mrr_at(tx, stripe_id, clock_source::now()),
                    stripe::boolean(subscription, "cancel_at_period_end"), period_end,
                    stripe::time(subscription, "created").value_or(fetched_at), ended_at,
                    stripe::id_of(subscription, "default_payment_method"));
  tx.exec(adopt_invoices, stored.id, stripe_id);
  follow_default_method(tx, *customer);
  if (stored.tenant_id) {
    follow_right(tx, *stored.tenant_id);
    if (!signup_knows) tell_signup(tx, *stored.tenant_id, stripe_id, status);
  }
  if (ended_at) notice_late_payments(tx, stripe_id);
  realtime::announce(tx, "dashboard");
  return true;
}

std::int64_t follow_mrr(db::Tx& tx, Time since) {
  return tx.exec(write_mrr, since, clock_source::now());
}

void add_subscription_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<FollowMrr>{.run = [](jobs::Context& job, FollowMrr const&) {
    job.transact([&](db::Tx& tx) {
      follow_mrr(tx, clock_source::now() - std::chrono::days{1});
      job.finish(tx);
    });
  }});
  engine.schedule<FollowMrr>(jobs::Seconds{60});
}

}  // namespace billing
