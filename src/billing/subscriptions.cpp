// Subscriptions. One customer's changes are serialised by the ledger's lock.
#include "billing/applying.hpp"
#include "billing/late_payments.hpp"
#include "billing/payment_methods.hpp"
#include "billing/plan_orders.hpp"
#include "billing/plan_quantities.hpp"
#include "billing/rights.hpp"
#include "ledger/ledger.hpp"
#include "mirror/mirror.hpp"
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

struct Standing {
  std::string stripe_customer_id, currency;
};
db::Query const standing_subscription{"billing.standing_subscription", R"sql(
  SELECT c.stripe_customer_id, s.currency FROM subscriptions s JOIN customers c ON c.id = s.customer_id
   WHERE s.stripe_subscription_id = $1 AND s.ended_at IS NULL AND c.stripe_customer_id IS NOT NULL
)sql"};
db::Query const write_details{"billing.write_subscription_details", R"sql(
  UPDATE subscriptions
     SET trial_end = $2, cancel_at = $3, canceled_at = $4, pause_behavior = $5,
         pause_resumes_at = $6, collection_method = $7
   WHERE id = $1
)sql"};
db::Query const upsert_item{"billing.upsert_item", R"sql(
  INSERT INTO subscription_items AS i
         (stripe_item_id, stripe_subscription_id, price_id, quantity, current_period_start,
          current_period_end)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (stripe_item_id) DO UPDATE SET
         stripe_subscription_id = excluded.stripe_subscription_id, price_id = excluded.price_id,
         quantity = excluded.quantity, current_period_start = excluded.current_period_start,
         current_period_end = excluded.current_period_end
   WHERE (i.*) IS DISTINCT FROM (excluded.*)
)sql"};
db::Query const drop_other_items{"billing.drop_other_items", R"sql(
  DELETE FROM subscription_items
   WHERE stripe_subscription_id = $1 AND stripe_item_id <> ALL ($2::text[])
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

/// A period stood in the subscription until 2025-03-31.basil.
std::optional<Time> period(stripe::Object const& item, stripe::Object const& subscription,
                           std::string_view edge) {
  auto const at = stripe::time(item, edge);
  return at ? at : stripe::time(subscription, edge);
}

/// What the subscription says of itself, in the mirror and in columns.
void write_rest(db::Tx& tx, customers::CustomerId customer, std::int64_t id,
                stripe::Object const& subscription, Time asked_at) {
  tx.exec(write_details, id, stripe::time(subscription, "trial_end"),
          stripe::time(subscription, "cancel_at"), stripe::time(subscription, "canceled_at"),
          or_null(stripe::text(subscription, "pause_collection.behavior")),
          stripe::time(subscription, "pause_collection.resumes_at"),
          or_null(stripe::text(subscription, "collection_method")));
  // The answer to a change shows the first items only, and what we say of one that is gone has
  // none.
  auto const* items = stripe::find(subscription, "items");
  if (!items || !items->is_object() || stripe::boolean(items->get_object(), "has_more")) return;
  mirror::keep(tx, subscription, asked_at, {customer});
  write_items(tx, subscription, asked_at);
}

retention::Kept const kept_subscriptions{"subscriptions", "the books: what was sold"};
retention::Kept const kept_items{"subscription_items", "those that Stripe has"};
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
  if (stored.tenant_id && !ended_at) notice_quantity(tx, *stored.tenant_id, subscription);
  write_rest(tx, *customer, stored.id, subscription, fetched_at);
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

void write_items(db::Tx& tx, stripe::Object const& subscription, Time asked_at) {
  auto const subscription_id = stripe::text(subscription, "id");
  std::vector<std::string> ids;
  for (auto const& entry : entries(subscription, "items.data")) {
    auto const& item = entry.as_object();
    auto price = stripe::id_of(item, "price");
    if (price.empty()) price = stripe::id_of(item, "plan");
    tx.exec(upsert_item, stripe::text(item, "id"), subscription_id, price, number(item, "quantity"),
            period(item, subscription, "current_period_start"),
            period(item, subscription, "current_period_end"));
    ids.push_back(stripe::text(item, "id"));
    if (auto const* known = stripe::find(item, "price"); known && known->is_object())
      keep_price(tx, known->get_object(), asked_at);
  }
  tx.exec(drop_other_items, subscription_id, ids);
}

bool apply_whole_subscription(db::Tx& tx, Reading const& reading, EventId const& event) {
  if (event) look_at_plan_order(tx, stripe::text(reading.object, "id"));
  return apply_subscription(tx, reading.object, reading.asked_at);
}

bool subscription_gone(db::Tx& tx, Absence const& absence, EventId const& event) {
  bool const is_ours = keep_gone(tx, absence, event);
  auto const standing = tx.maybe<Standing>(standing_subscription, absence.id);
  // Whoever asked without an event has looked whether Stripe knows the customer.
  if (!absence.was_deleted || !absence.carried.empty() || !standing) return is_ours;
  return apply_subscription(tx,
                            {{"id", absence.id},
                             {"customer", standing->stripe_customer_id},
                             {"status", "canceled"},
                             {"currency", standing->currency},
                             {"ended_at", clock_source::unix_seconds(absence.at)}},
                            absence.at);
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
