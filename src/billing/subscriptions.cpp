// Subscriptions and the MRR ledger. One customer's changes are serialised by the customer's row.
#include "analytics/rollups.hpp"
#include "billing/billing.hpp"
#include "billing/late_payments.hpp"
#include "billing/payment_methods.hpp"
#include "billing/rights.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const lock_customer{"billing.lock_customer",
                              "SELECT id FROM customers WHERE id = $1 FOR UPDATE"};

struct Known {
  std::int64_t id, mrr;
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
  RETURNING id, mrr, tenant_id
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

db::Query const customer_mrr{"billing.customer_mrr", R"sql(
  SELECT coalesce(sum(mrr), 0)::bigint FROM subscriptions WHERE customer_id = $1 AND currency = $2
)sql"};

db::Query const ever_had_mrr{"billing.ever_had_mrr", R"sql(
  SELECT EXISTS (SELECT 1 FROM mrr_movements WHERE customer_id = $1 AND currency = $2)
)sql"};

db::Query const insert_movement{"billing.insert_movement", R"sql(
  INSERT INTO mrr_movements (customer_id, subscription_id, stripe_event_id, kind, currency, amount,
                             occurred_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
)sql"};

enum class Movement { new_business, expansion, contraction, churn, reactivation };
constexpr auto names_of(Movement) {
  return std::array<std::string_view, 5>{"new", "expansion", "contraction", "churn",
                                         "reactivation"};
}

analytics::Metric metric_of(Movement movement) {
  using analytics::Metric;
  switch (movement) {
    case Movement::new_business:
      return Metric::mrr_new;
    case Movement::expansion:
      return Metric::mrr_expansion;
    case Movement::contraction:
      return Metric::mrr_contraction;
    case Movement::churn:
      return Metric::mrr_churn;
    case Movement::reactivation:
      return Metric::mrr_reactivation;
  }
  return Metric::mrr;
}

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
retention::Kept const kept_mrr_movements{"mrr_movements",
                                         "the books: their sum is the present MRR"};
}  // namespace

namespace {
/// amount ÷ scale minor units × quantity per interval, as minor units per month, rounded half up.
std::int64_t monthly(std::int64_t amount, std::int64_t scale, std::int64_t quantity,
                     std::string_view interval, std::int64_t interval_count) {
  std::int64_t numerator = 1, denominator = 1;
  if (interval == "day")
    numerator = 365, denominator = 12;
  else if (interval == "week")
    numerator = 52, denominator = 12;
  else if (interval == "year")
    denominator = 12;
  return money::divide(
      money::multiply(money::Wide{amount} * quantity, numerator),
      money::multiply(money::Wide{scale} * denominator, std::max<std::int64_t>(interval_count, 1)),
      money::Rounding::half_up);
}

struct Decimal {
  std::int64_t digits = 0, scale = 1;
};
/// Stripe's decimal strings: up to twelve digits after the point.
Decimal decimal(std::string_view text) {
  Decimal out;
  auto const point = std::min(text.find('.'), text.size());
  auto fraction = text.substr(std::min(point + 1, text.size())).substr(0, 12);
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  for (auto const part : {text.substr(0, point), fraction})
    for (char const c : part) {
      if (c < '0' || c > '9' || out.digits > std::numeric_limits<std::int64_t>::max() / 10 - 10)
        return {};
      out.digits = out.digits * 10 + (c - '0');
    }
  for (std::size_t i = 0; i < fraction.size(); ++i) out.scale *= 10;
  return out;
}
}  // namespace

std::int64_t monthly(std::int64_t unit_amount, std::int64_t quantity, std::string_view interval,
                     std::int64_t interval_count) {
  return monthly(unit_amount, 1, quantity, interval, interval_count);
}

std::int64_t mrr_of(stripe::Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  auto const* paused = stripe::find(subscription, "pause_collection");
  if ((status != "active" && status != "past_due") || (paused && paused->is_object())) return 0;
  auto const* items = stripe::find(subscription, "items.data");
  if (!items || !items->is_array()) return 0;
  std::int64_t total = 0;
  for (auto const& item : items->get_array()) {
    auto const& object = item.as_object();
    // What is metered is known when it was used, not before.
    if (stripe::text(object, "price.recurring.usage_type") == "metered") continue;
    auto const quantity =
        stripe::find(object, "quantity") ? stripe::integer(object, "quantity") : 1;
    Decimal price{stripe::integer(object, "price.unit_amount"), 1};
    // A part of a minor unit stands in the decimal text only.
    if (auto const* whole = stripe::find(object, "price.unit_amount"); !whole || whole->is_null())
      price = decimal(stripe::text(object, "price.unit_amount_decimal"));
    total = money::add(total, monthly(price.digits, price.scale, quantity,
                                      stripe::text(object, "price.recurring.interval"),
                                      stripe::integer(object, "price.recurring.interval_count")));
  }
  return total;
}

void write_movement(db::Tx& tx, customers::CustomerId customer, std::int64_t subscription,
                    std::string_view currency, std::int64_t before, std::int64_t after,
                    Origin const& origin) {
  if (before == after) return;
  auto const movement =
      before == 0      ? (tx.one<bool>(ever_had_mrr, customer, currency) ? Movement::reactivation
                                                                         : Movement::new_business)
      : after == 0     ? Movement::churn
      : after > before ? Movement::expansion
                       : Movement::contraction;
  tx.exec(insert_movement, customer, subscription, origin.event_id, movement, currency,
          after - before, origin.at);
  analytics::add(tx, analytics::Metric::mrr, currency, origin.at, after - before);
  analytics::add(tx, metric_of(movement), currency, origin.at, after - before);
}

bool apply_subscription(db::Tx& tx, stripe::Object const& subscription, Origin const& origin,
                        std::optional<tenants::TenantId> tenant) {
  auto const customer = customers::find_by_stripe_id(tx, stripe::id_of(subscription, "customer"));
  if (!customer) return false;
  tx.one<std::int64_t>(lock_customer, *customer);

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

  auto const before = tx.one<std::int64_t>(customer_mrr, *customer, currency);
  auto const stored =
      tx.one<Known>(upsert, *customer, tenant, stripe_id, status, currency, mrr_of(subscription),
                    stripe::boolean(subscription, "cancel_at_period_end"), period_end,
                    stripe::time(subscription, "created").value_or(origin.at), ended_at,
                    stripe::id_of(subscription, "default_payment_method"));
  tx.exec(adopt_invoices, stored.id, stripe_id);
  follow_default_method(tx, *customer);
  auto const after = tx.one<std::int64_t>(customer_mrr, *customer, currency);
  write_movement(tx, *customer, stored.id, currency, before, after, origin);
  if (stored.tenant_id) {
    follow_right(tx, *stored.tenant_id);
    if (!signup_knows) tell_signup(tx, *stored.tenant_id, stripe_id, status);
  }
  if (ended_at) notice_late_payments(tx, stripe_id);
  realtime::announce(tx, "dashboard");
  return true;
}

}  // namespace billing
