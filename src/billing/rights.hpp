#pragma once
// Whether a tenant may run, decided over everything that pays for it, never over the event at hand.
#include "tenants/tenants.hpp"

namespace billing {

enum class Right {
  none,  // nothing was ever sold for it: made by staff, or its first payment is still awaited
  runs,  // something is paid for it, or dunning is still polite
  owes,  // it stands still because of unpaid invoices
  over,  // its subscriptions ended or wait for somebody: only a new one brings it back
};

/// The best of all its subscriptions, unless the days that were left to pay are over. Read it under
/// the tenant's lock.
[[nodiscard]] Right right_of(db::Tx& tx, tenants::TenantId id);

/// Whether money alone brings it back, or keeps it: it stands, is not to be deleted, and nothing
/// but money holds it.
[[nodiscard]] bool can_be_paid_for(db::Tx& tx, tenants::Tenant const& tenant);

/// Places or gives back the billing hold, and has the owner told the way back when one is needed.
/// Repeating it changes nothing.
void follow_right(db::Tx& tx, tenants::TenantId id);

/// The same later, when something that was paid for is used up.
struct FollowRight {
  static constexpr std::string_view kind = "billing.follow_right";
  std::int64_t tenant_id;
};

/// An invoice could not be collected, or is not open any more.
void follow_collection(db::Tx& tx, std::string_view stripe_subscription_id);

/// An invoice was paid: what stood still for want of it goes on.
void follow_payment(db::Tx& tx, customers::CustomerId customer,
                    std::string_view stripe_subscription_id);

/// Works off dunning::RightChanged.
void add_right_workers(jobs::Engine& engine);

}  // namespace billing
