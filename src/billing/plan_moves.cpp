// The subscription's item is moved to the price of the new plan, in the currency and interval that
// it has.
#include "billing/plan_moves.hpp"

namespace billing {

namespace {
// Over or never begun: nothing is charged by it.
db::Query const find_subscription{"billing.subscription_of_tenant", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND stripe_subscription_id IS NOT NULL AND ended_at IS NULL
     AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
   ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
                           ::subscription_status[], status), id DESC
   LIMIT 1
)sql"};

/// Where Stripe names none it is one; of nothing, nothing is paid.
std::int64_t quantity_of(stripe::Object const& subscription) {
  auto const* given = stripe::find(subscription, "items.data.0.quantity");
  return given && given->is_number() ? stripe::integer(subscription, "items.data.0.quantity") : 1;
}
}  // namespace

std::string plan_product(std::string_view plan_id) { return "plan_" + std::string{plan_id}; }

void ensure_plan_product(stripe::Client const& client, std::string_view plan_id,
                         std::string const& name, stripe::Patience patience) {
  auto const product = plan_product(plan_id);
  http_client::Form form;
  form.add("id", product).add("name", name);
  try {
    client.post("/v1/products", form, stripe::key_of("product-" + product, form), patience);
  } catch (stripe::Refused const& refused) {
    if (refused.code != "resource_already_exists") throw;
  }
}

Move move_of(db::Connection& connection, stripe::Object const& subscription,
             tenants::Plan const& plan, std::int64_t quantity) {
  auto move = move_to(subscription, plan.id, quantity);
  db::Tx tx{connection, db::Mode::autocommit};
  if (auto const interval = enum_from<tenants::Interval>(move.interval))
    if (auto const offer = tenants::offer_of(tx, plan.id, *interval, move.currency))
      move.amount = offer->amount;
  return move;
}

Move move_to(stripe::Object const& subscription, std::string_view plan_id, std::int64_t quantity) {
  return {.subscription = stripe::text(subscription, "id"),
          .item = stripe::text(subscription, "items.data.0.id"),
          .currency = stripe::text(subscription, "currency"),
          .interval = stripe::text(subscription, "items.data.0.price.recurring.interval"),
          .product = plan_product(plan_id),
          .present_amount = stripe::integer(subscription, "items.data.0.price.unit_amount"),
          .present_quantity = quantity_of(subscription),
          .amount = {},
          .quantity = quantity,
          .is_present_plan =
              stripe::text(subscription, "items.data.0.price.product") == plan_product(plan_id),
          .period_start = stripe::time(subscription, "items.data.0.current_period_start"),
          .period_end = stripe::time(subscription, "items.data.0.current_period_end")};
}

Move move_of_answer(Move const& before, stripe::Object const& changed) {
  auto out = before;
  out.present_amount = stripe::integer(changed, "items.data.0.price.unit_amount");
  out.present_quantity = quantity_of(changed);
  out.is_present_plan = stripe::text(changed, "items.data.0.price.product") == before.product;
  return out;
}

void add_item(http_client::Form& form, std::string const& prefix, Move const& move) {
  auto const item = prefix + "[0]";
  form.add(item + "[id]", move.item)
      .add(item + "[price_data][currency]", move.currency)
      .add(item + "[price_data][product]", move.product)
      .add(item + "[price_data][recurring][interval]", move.interval)
      .add(item + "[price_data][unit_amount]", *move.amount)
      .add(item + "[quantity]", move.quantity);
}

Move move_at(Move move, std::int64_t amount) {
  move.amount = amount;
  return move;
}

Wanted wanted(db::Connection& connection, tenants::TenantId id,
              std::optional<std::string> const& plan_id, std::optional<std::int64_t> quantity) {
  db::Tx tx{connection, db::Mode::autocommit};
  Wanted out{tenants::get(tx, id), {}, 0, paying_subscription(tx, id)};
  out.quantity = quantity.value_or(out.tenant.plan_quantity);
  for (auto& plan : tenants::plans_for_sale(tx))
    if (plan.id == plan_id.value_or(out.tenant.plan_id)) out.plan = std::move(plan);
  return out;
}

std::optional<std::string> paying_subscription(db::Tx& tx, tenants::TenantId id) {
  return tx.maybe<std::string>(find_subscription, id);
}

}  // namespace billing
