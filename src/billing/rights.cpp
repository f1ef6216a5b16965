// The right to run. An old subscription that ends, or is told of again, takes nothing from a tenant
// that another one pays for.
#include "billing/rights.hpp"

#include <algorithm>

#include "billing/payment_links.hpp"
#include "billing/renewals.hpp"
#include "dunning/dunning.hpp"

namespace billing {

namespace {
struct Standing {
  bool runs, owes, over;
};
// A payment that came after the end gives its time all the same.
db::Query const standing{"billing.standing", R"sql(
  SELECT coalesce(bool_or(status IN ('trialing', 'active', 'past_due')
                          OR EXISTS (SELECT 1 FROM billing_invoices
                                      WHERE subscription_id = s.id AND late_until > now())),
                  false) AS runs,
         coalesce(bool_or(status = 'unpaid'), false) AS owes,
         coalesce(bool_or(status IN ('paused', 'canceled')), false) AS over
    FROM subscriptions s WHERE tenant_id = $1
)sql"};

// An owner who was asked to pay invoices must hear that a new subscription is needed by now.
db::Query const must_hear_of_the_end{"billing.must_hear_of_the_end", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_holds h
                  WHERE tenant_id = $1 AND reason = 'billing'
                    AND NOT EXISTS (SELECT 1 FROM activity
                                     WHERE tenant_id = $1 AND kind = 'payment_link_sent'
                                       AND data->>'reason' = 'renewal' AND at >= h.placed_at))
)sql"};

db::Query const tenant_of{"billing.tenant_of_subscription", R"sql(
  SELECT tenant_id FROM subscriptions
   WHERE stripe_subscription_id = $1 AND tenant_id IS NOT NULL
)sql"};
db::Query const held_tenants{"billing.held_tenants", R"sql(
  SELECT t.id FROM tenants t JOIN tenant_holds h ON h.tenant_id = t.id AND h.reason = 'billing'
   WHERE t.customer_id = $1
)sql"};
db::Query const owes_else{"billing.owes_without_subscription", R"sql(
  SELECT EXISTS (SELECT 1 FROM billing_invoices
                  WHERE customer_id = $1 AND status = 'open' AND stripe_subscription_id IS NULL)
)sql"};
}  // namespace

Right right_of(db::Tx& tx, tenants::TenantId id) {
  auto const found = tx.one<Standing>(standing, id);
  if (found.runs && dunning::wants_hold(tx, id)) return Right::owes;
  return found.runs   ? Right::runs
         : found.owes ? Right::owes
         : found.over ? Right::over
                      : Right::none;
}

bool can_be_paid_for(db::Tx& tx, tenants::Tenant const& tenant) {
  using tenants::Hold, tenants::State;
  if (tenant.delete_requested_at) return false;
  if (tenant.state != State::live && tenant.state != State::suspending &&
      tenant.state != State::suspended && tenant.state != State::resuming)
    return false;
  return std::ranges::all_of(tenants::holds(tx, tenant.id),
                             [](Hold hold) { return hold == Hold::billing; });
}

void follow_right(db::Tx& tx, tenants::TenantId id) {
  static_cast<void>(tenants::lock(tx, id));
  dunning::follow(tx, id);
  switch (auto const right = right_of(tx, id); right) {
    case Right::runs:
      tenants::release_hold(tx, id, tenants::Hold::billing, "billing");
      close_renewal_later(tx, id);
      break;
    case Right::owes:
    case Right::over:
      if (tenants::place_hold(tx, id, tenants::Hold::billing, "billing") ||
          (right == Right::over && tx.one<bool>(must_hear_of_the_end, id)))
        enqueue_payment_link(tx, id, Occasion::stopped);
      break;
    case Right::none:
      break;
  }
}

void follow_collection(db::Tx& tx, std::string_view stripe_subscription_id) {
  auto const tenant = tx.maybe<tenants::TenantId>(tenant_of, stripe_subscription_id);
  if (tenant && dunning::concerns(tx, *tenant)) follow_right(tx, *tenant);
}

void follow_payment(db::Tx& tx, customers::CustomerId customer,
                    std::string_view stripe_subscription_id) {
  if (!stripe_subscription_id.empty()) {
    auto const tenant = tx.maybe<tenants::TenantId>(tenant_of, stripe_subscription_id);
    // An older invoice was paid and a newer one waits as a draft: that one is next.
    if (tenant && right_of(tx, *tenant) == Right::owes)
      enqueue_payment_link(tx, *tenant, Occasion::paid);
    return;
  }
  for (auto const id : tx.all<tenants::TenantId>(held_tenants, customer)) {
    static_cast<void>(tenants::lock(tx, id));
    auto const right = right_of(tx, id);
    if (right == Right::runs || (right == Right::none && !tx.one<bool>(owes_else, customer)))
      tenants::release_hold(tx, id, tenants::Hold::billing, "billing");
  }
}

void add_right_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<dunning::RightChanged>{
      .run = [](jobs::Context& job, dunning::RightChanged const& args) {
        job.transact([&](db::Tx& tx) {
          follow_right(tx, tenants::TenantId{args.tenant_id});
          job.finish(tx);
        });
      }});
}

}  // namespace billing
