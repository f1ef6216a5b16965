#pragma once
// Whether a tenant may run, decided over everything that pays for it, never over the event at hand.
#include "tenants/tenants.hpp"

namespace billing {

enum class Right {
  none,  // nothing was ever sold for it: made by staff, or its first payment is still awaited
  runs,  // something is paid for it, or dunning is still polite
  owes,  // a subscription stands still because of unpaid invoices
  over,  // its subscriptions ended or wait for somebody: only a new one brings it back
};

/// The best of all its subscriptions. Read it under the tenant's lock.
[[nodiscard]] Right right_of(db::Tx& tx, tenants::TenantId id);

/// Places or gives back the billing hold, and has the owner told the way back when one is needed.
/// Repeating it changes nothing.
void follow_right(db::Tx& tx, tenants::TenantId id);

}  // namespace billing
