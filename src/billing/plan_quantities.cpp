// What we change there ourselves finds the tenant's row as it is wanted, and does nothing more.
#include "billing/plan_quantities.hpp"

#include <algorithm>

#include "billing/plan_moves.hpp"
#include "tenants/plans.hpp"

namespace billing {

namespace {
struct FollowQuantity {
  static constexpr std::string_view kind = "billing.follow_quantity";
  std::int64_t tenant_id;
  std::string item;
};

db::Query const known_quantity{"billing.known_quantity", R"sql(
  SELECT coalesce(quantity, 1)::bigint FROM subscription_items WHERE stripe_item_id = $1
)sql"};

struct Paid {
  std::string stripe_subscription_id;
  std::int64_t quantity;
};
db::Query const load_paid{"billing.quantity_paid_for", R"sql(
  SELECT stripe_subscription_id, coalesce(quantity, 1)::bigint AS quantity
    FROM subscription_items WHERE stripe_item_id = $1
)sql"};
// A change by staff is on its way there, or an order that wants just this sees to it with its plan.
db::Query const is_seen_to{"billing.quantity_is_seen_to", R"sql(
  SELECT EXISTS (SELECT FROM jobs WHERE kind = 'tenants.plan_changed'
                    AND state IN ('waiting', 'running') AND (payload->>'tenant_id')::bigint = $1)
      OR EXISTS (SELECT FROM billing_plan_orders
                  WHERE stripe_subscription_id = $2 AND ended_at IS NULL AND quantity = $3
                    AND (state = 'awaiting_payment'
                         OR takes_effect_at < now() + interval '20 minutes'))
)sql"};

/// Of nothing, nothing is paid, but a tenant that runs has limits.
std::int64_t kept(std::int64_t quantity) {
  return std::clamp<std::int64_t>(quantity, 1, tenants::most_kept);
}

void follow_quantity(jobs::Context& job, FollowQuantity const& args) {
  job.transact([&](db::Tx& tx) {
    tenants::TenantId const id{args.tenant_id};
    auto const tenant = tenants::lock(tx, id);
    auto const paid = tx.maybe<Paid>(load_paid, args.item);
    bool const is_theirs = paid && paying_subscription(tx, id) == paid->stripe_subscription_id;
    bool const is_news = is_theirs && kept(paid->quantity) != tenant.plan_quantity;
    if (is_news && !tenants::is_final(tenant.state) &&
        !tx.one<bool>(is_seen_to, id, paid->stripe_subscription_id, paid->quantity)) {
      // It is being built, or ends: what it gets then is looked at when it stands.
      if (!tenants::may_be_changed(tenant.state)) throw jobs::Snooze{std::chrono::minutes{1}};
      tenants::change(tx, id, {.plan_quantity = kept(paid->quantity), .plan_is_paid_for = true},
                      "billing");
    }
    job.finish(tx);
  });
}
}  // namespace

void notice_quantity(db::Tx& tx, tenants::TenantId tenant, stripe::Object const& subscription) {
  auto const* items = stripe::find(subscription, "items.data");
  // Of several items nobody can say which is the plan's.
  if (!items || !items->is_array() || items->get_array().size() != 1) return;
  auto const item = stripe::text(subscription, "items.data.0.id");
  auto const* given = stripe::find(subscription, "items.data.0.quantity");
  if (item.empty() || !given || !given->is_number()) return;
  auto const now = stripe::integer(subscription, "items.data.0.quantity");
  if (tx.maybe<std::int64_t>(known_quantity, item) == now ||
      tenants::get(tx, tenant).plan_quantity == kept(now))
    return;
  jobs::enqueue(tx, FollowQuantity{tenant.value, item}, {.dedupe_key = item, .max_attempts = 25});
}

void add_quantity_worker(jobs::Engine& engine) {
  engine.add(jobs::Worker<FollowQuantity>{.serialise =
                                              [](FollowQuantity const& args) {
                                                return "billing.quantity:" +
                                                       std::to_string(args.tenant_id);
                                              },
                                          .run = follow_quantity});
}

}  // namespace billing
