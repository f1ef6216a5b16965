// Payment methods follow Stripe; which one is the default may be learnt before the method itself.
#include "billing/payment_methods.hpp"

#include "billing/billing.hpp"
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
  ON CONFLICT (customer_id) DO UPDATE SET default_payment_method = excluded.default_payment_method
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
)sql"};

std::optional<std::string> or_null(std::string text) {
  return text.empty() ? std::nullopt : std::optional{std::move(text)};
}

retention::Kept const kept_payment_methods{"payment_methods", "those that Stripe has"};
retention::Kept const kept_billing_profiles{"billing_profiles", "one a customer"};
}  // namespace

void follow_default_method(db::Tx& tx, customers::CustomerId customer) {
  tx.one<std::int64_t>(lock_customer, customer);
  tx.exec(mark_default, customer);
}

bool apply_payment_method(db::Tx& tx, stripe::Object const& method) {
  auto const id = stripe::text(method, "id");
  auto const stripe_customer = stripe::id_of(method, "customer");
  auto const customer = customers::find_by_stripe_id(tx, stripe_customer);
  if (!customer) {  // detached
    auto const owner = tx.maybe<customers::CustomerId>(delete_method, id);
    return owner.has_value();
  }
  auto const year = stripe::integer(method, "card.exp_year");
  auto const month = stripe::integer(method, "card.exp_month");
  tx.exec(upsert_method, *customer, id, stripe::text(method, "type"),
          or_null(stripe::text(method, "card.brand")), or_null(stripe::text(method, "card.last4")),
          year ? std::optional{year} : std::nullopt, month ? std::optional{month} : std::nullopt);
  if (auto const* owner = stripe::find(method, "customer"); owner && owner->is_object())
    return apply_customer(tx, owner->get_object());
  follow_default_method(tx, *customer);
  return true;
}

bool apply_customer(db::Tx& tx, stripe::Object const& customer) {
  auto const id = customers::find_by_stripe_id(tx, stripe::text(customer, "id"));
  if (!id) return false;
  tx.exec(write_profile, *id, stripe::id_of(customer, "invoice_settings.default_payment_method"));
  follow_default_method(tx, *id);
  return true;
}

}  // namespace billing
