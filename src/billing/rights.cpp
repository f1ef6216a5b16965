// The right to run. An old subscription that ends, or is told of again, takes nothing from a tenant
// that another one pays for.
#include "billing/rights.hpp"

#include "billing/payment_links.hpp"

namespace billing {

namespace {
struct Standing {
  bool runs, owes, over;
  static constexpr auto fields() {
    return ::fields(field("runs", &Standing::runs), field("owes", &Standing::owes),
                    field("over", &Standing::over));
  }
};
db::Query const standing{"billing.standing", R"sql(
  SELECT coalesce(bool_or(status IN ('trialing', 'active', 'past_due')), false) AS runs,
         coalesce(bool_or(status = 'unpaid'), false) AS owes,
         coalesce(bool_or(status IN ('paused', 'canceled')), false) AS over
    FROM subscriptions WHERE tenant_id = $1
)sql"};
}  // namespace

Right right_of(db::Tx& tx, tenants::TenantId id) {
  auto const found = tx.one<Standing>(standing, id);
  return found.runs   ? Right::runs
         : found.owes ? Right::owes
         : found.over ? Right::over
                      : Right::none;
}

void follow_right(db::Tx& tx, tenants::TenantId id) {
  static_cast<void>(tenants::lock(tx, id));
  switch (right_of(tx, id)) {
    case Right::runs:
      tenants::release_hold(tx, id, tenants::Hold::billing, "billing");
      break;
    case Right::owes:
    case Right::over:
      if (tenants::place_hold(tx, id, tenants::Hold::billing, "billing"))
        enqueue_payment_link(tx, id);
      break;
    case Right::none:
      break;
  }
}

}  // namespace billing
