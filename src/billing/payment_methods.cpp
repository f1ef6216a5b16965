// Payment methods follow Stripe; which one is the default may be learnt before the method itself.
#include "billing/payment_methods.hpp"

#include "billing/applying.hpp"
#include "billing/retries.hpp"
#include "billing/tax_ids.hpp"
#include "ledger/ledger.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_method{"billing.upsert_method", R"sql(
  INSERT INTO payment_methods (customer_id, stripe_pm_id, type, brand, last4, expires)
  VALUES ($1, $2, $3, $4, $5, make_date($6, $7, 1))
  ON CONFLICT (stripe_pm_id) DO UPDATE SET
         brand = excluded.brand, last4 = excluded.last4, expires = excluded.expires
)sql"};

db::Query const delete_method{
    "billing.delete_method",
    "DELETE FROM payment_methods WHERE stripe_pm_id = $1 RETURNING customer_id"};

db::Query const write_profile{"billing.write_profile", R"sql(
  INSERT INTO billing_profiles (customer_id, default_payment_method) VALUES ($1, nullif($2, ''))
  ON CONFLICT (customer_id) DO UPDATE SET
         default_payment_method = excluded.default_payment_method, deleted_at = NULL
)sql"};
// When it happened the event tells.
struct Deleted {
  std::optional<Time> at;
};
db::Query const delete_profile{"billing.delete_profile", R"sql(
  INSERT INTO billing_profiles AS p (customer_id, deleted_at)
  VALUES ($1, coalesce((SELECT min(created) FROM stripe_events
                         WHERE object_id = $2 AND type = 'customer.deleted'
                           AND state <> 'foreign'), $3))
  ON CONFLICT (customer_id) DO UPDATE SET
         default_payment_method = NULL, deleted_at = coalesce(p.deleted_at, excluded.deleted_at)
  RETURNING deleted_at AS at
)sql"};
db::Query const standing_of{"billing.standing_subscriptions_of", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE customer_id = $1 AND ended_at IS NULL AND stripe_subscription_id IS NOT NULL
)sql"};

// Who writes a method and who writes which one is charged must see each other.
db::Query const lock_customer{"billing.lock_customer_for_default",
                              "SELECT id FROM customers WHERE id = $1 FOR UPDATE"};

// Where Stripe has not told us about the customer yet, nothing is known and nothing changes.
db::Query const mark_default{"billing.mark_default_method", R"sql(
  WITH charged AS (
    SELECT coalesce(
             (SELECT default_payment_method FROM subscriptions
               WHERE customer_id = $1 AND ended_at IS NULL AND default_payment_method IS NOT NULL
               ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
                                       ::subscription_status[], status), id DESC
               LIMIT 1),
             (SELECT coalesce(default_payment_method, '') FROM billing_profiles
               WHERE customer_id = $1)) AS id)
  UPDATE payment_methods SET "default" = NOT "default"
    FROM charged WHERE customer_id = $1 AND "default" <> (stripe_pm_id = charged.id)
  RETURNING stripe_pm_id, "default" AS is_default
)sql"};
struct Marked {
  std::string stripe_pm_id;
  bool is_default;
};

/// Stripe has ended their subscriptions: each is looked at.
void follow_deletion(db::Tx& tx, customers::CustomerId customer, Reading const& reading) {
  auto const id = stripe::text(reading.object, "id");
  auto const deleted = tx.one<Deleted>(delete_profile, customer, id, reading.asked_at);
  mirror::mark_deleted(tx, id, deleted.at.value_or(reading.asked_at));
  follow_default_method(tx, customer);
  for (auto const& subscription : tx.all<std::string>(standing_of, customer))
    jobs::enqueue(tx, FollowObject{"subscription", subscription}, {.dedupe_key = subscription});
}

retention::Kept const kept_payment_methods{"payment_methods", "those that Stripe has"};
retention::Kept const kept_billing_profiles{"billing_profiles", "one a customer"};
}  // namespace

void follow_default_method(db::Tx& tx, customers::CustomerId customer) {
  tx.one<std::int64_t>(lock_customer, customer);
  for (auto const& method : tx.all<Marked>(mark_default, customer))
    if (method.is_default) retry_with(tx, customer, method.stripe_pm_id);
}

bool apply_payment_method(db::Tx& tx, Reading const& reading, EventId const&) {
  auto const& method = reading.object;
  auto const id = stripe::text(method, "id");
  auto customer = customers::find_by_stripe_id(tx, stripe::id_of(method, "customer"));
  bool const is_attached = customer.has_value();
  if (!is_attached && stripe::id_of(method, "customer").empty())
    customer = mirror::place_of(tx, id).customer;
  if (customer) ledger::lock(tx, *customer);
  if (mirror::is_outdated(tx, id, reading.asked_at)) return true;
  if (customer) mirror::keep(tx, method, reading.asked_at, {customer});
  if (!is_attached) {
    bool const was_ours = tx.maybe<customers::CustomerId>(delete_method, id).has_value();
    return customer || was_ours;
  }
  auto const year = number(method, "card.exp_year"), month = number(method, "card.exp_month");
  tx.exec(upsert_method, *customer, id, stripe::text(method, "type"),
          or_null(stripe::text(method, "card.brand")), or_null(stripe::text(method, "card.last4")),
          year, month);
  if (auto const* owner = stripe::find(method, "customer"); owner && owner->is_object())
    keep_customer(tx, owner->get_object(), reading.asked_at);
  follow_default_method(tx, *customer);
  return true;
}

void keep_customer(db::Tx& tx, stripe::Object const& customer, Time asked_at) {
  auto const stripe_id = stripe::text(customer, "id");
  auto const id = customers::find_by_stripe_id(tx, stripe_id);
  if (!id || stripe::boolean(customer, "deleted") || mirror::is_outdated(tx, stripe_id, asked_at))
    return;
  // Whoever asks for a method gets its customer without them: they are kept on their own.
  auto bare = customer;
  bare.erase("tax_ids");
  mirror::keep(tx, bare, asked_at, {id});
  tx.exec(write_profile, *id, stripe::id_of(customer, "invoice_settings.default_payment_method"));
  follow_default_method(tx, *id);
}

bool apply_customer(db::Tx& tx, Reading const& reading, EventId const&) {
  auto const id = customers::find_by_stripe_id(tx, stripe::text(reading.object, "id"));
  if (!id) return false;
  ledger::lock(tx, *id);
  if (stripe::boolean(reading.object, "deleted")) {
    follow_deletion(tx, *id, reading);
    return true;
  }
  keep_customer(tx, reading.object, reading.asked_at);
  keep_balance_transactions(tx, *id, reading.beside, reading.asked_at);
  keep_tax_ids(tx, *id, reading.object);
  if (reading.object.contains("discount"))
    ledger::keep_discount_of_customer(tx, *id, stripe::id_of(reading.object, "discount"),
                                      std::chrono::floor<std::chrono::seconds>(reading.asked_at));
  return true;
}

}  // namespace billing
