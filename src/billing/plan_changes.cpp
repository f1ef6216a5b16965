// The subscription's item is moved to the price of the new plan, in the currency and interval that
// it has; Stripe works out what is owed for the rest of the period. A dearer plan is paid for at
// once, a cheaper one is credited on the next invoice (docs/adr/0020).
#include "billing/plan_changes.hpp"

#include "billing/following.hpp"
#include "billing/plan_orders.hpp"
#include "tenants/jobs.hpp"

namespace billing {

namespace {
db::Query const name_of_plan{"billing.name_of_plan", "SELECT name FROM plans WHERE id = $1"};
std::string name_of_plan_now(db::Connection& connection, std::string const& plan_id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<std::string>(name_of_plan, plan_id);
}

void follow_plan(jobs::Context& job, tenants::PlanChanged const& args,
                 stripe::Client const& client) {
  tenants::TenantId const id{args.tenant_id};
  auto const [tenant, plan, quantity, subscription_id] = wanted(job.connection, id, {});
  bool const is_overtaken = args.plan.value_or(tenant.plan_id) != tenant.plan_id ||
                            args.quantity.value_or(quantity) != quantity;
  if (is_overtaken) return;
  if (!subscription_id) return;  // made by staff: nobody pays for it
  db::SessionLock const turn{job.connection, turn_of(*subscription_id)};
  auto const subscription = client.get("/v1/subscriptions/" + *subscription_id);
  // A plan that is sold to nobody else any more costs what was agreed.
  auto move = plan ? move_of(job.connection, subscription, *plan, quantity)
                   : move_to(subscription, tenant.plan_id, quantity);
  if (args.price) move = move_at(move, *args.price);
  if (!move.amount)
    return job.transact([&](db::Tx& tx) {
      tenants::note(tx, id, "billing",
                    activity::PlanNotCharged{tenant.plan_id, move.currency, move.interval});
      job.finish(tx);
    });
  if (move.is_done()) return;
  ensure_plan_product(client, tenant.plan_id, name_of_plan_now(job.connection, tenant.plan_id));
  http_client::Form form;
  add_item(form, "items", move);
  form.add("proration_behavior", move.is_dearer() ? "always_invoice" : "create_prorations");
  if (args.quoted_at && move.covers(*args.quoted_at))
    form.add("proration_date", clock_source::unix_seconds(*args.quoted_at));
  // The item's price of before is a part of it: going back to a plan is another intention, and a
  // retry whose answer was lost is the same one.
  auto const changed = client.post(
      "/v1/subscriptions/" + *subscription_id, form,
      stripe::key_of(fmt::format("plan-{}-{}-{}-{}-{}", *subscription_id, id.text(), tenant.version,
                                 move.present_amount, move.present_quantity),
                     form));
  job.transact([&](db::Tx& tx) {
    apply_subscription(tx, changed, clock_source::now(), id);
    tenants::note(
        tx, id, "billing",
        activity::SubscriptionChanged{tenant.plan_id, move.currency, *move.whole(), move.interval});
    job.finish(tx);
  });
}

}  // namespace

namespace {
/// Bills name the product. What was never sold has none yet.
void rename_product(stripe::Client const& client, std::string const& plan_id,
                    std::string const& name) {
  http_client::Form form;
  form.add("name", name);
  try {
    client.post("/v1/products/" + plan_product(plan_id), form, stripe::key_once("plan-name"));
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;
  }
}
}  // namespace

void add_plan_change_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<tenants::PlanRenamed>{
      .serialise = [](tenants::PlanRenamed const& args) { return "plan:" + args.plan_id; },
      .run =
          [&settings](jobs::Context& job, tenants::PlanRenamed const& args) {
            auto const name = name_of_plan_now(job.connection, args.plan_id);
            with_stripe(job, [&] { rename_product(stripe::Client{settings}, args.plan_id, name); });
          }});
  engine.add(jobs::Worker<tenants::PlanChanged>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](tenants::PlanChanged const& args) {
            return "billing.plan:" + std::to_string(args.tenant_id);
          },
      .run =
          [&settings](jobs::Context& job, tenants::PlanChanged const& args) {
            job.transact([&](db::Tx& tx) {
              replace_plan_orders(tx, settings, tenants::TenantId{args.tenant_id});
            });
            with_stripe(job, [&] { follow_plan(job, args, stripe::Client{settings}); });
          },
      .dead =
          [](db::Tx& tx, tenants::PlanChanged const& args, std::string const& error) {
            tenants::note(tx, tenants::TenantId{args.tenant_id}, "billing",
                          activity::PlanNotCharged{.error = error});
          }});
}

}  // namespace billing
