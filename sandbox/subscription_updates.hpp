#pragma once
// Changes of items: at once, or kept until their invoice is paid.
#include "sandbox/subscriptions.hpp"

namespace sandbox {

/// items[], billing_cycle_anchor, proration_behavior and payment_behavior of an update. Saves and
/// emits where an invoice is made; otherwise the caller does.
void update_items(Store& store, Object& subscription, Object const& parameters);
/// discounts[] of an update.
void take_discounts(Store& store, Object& subscription, Object const& parameters);

/// The invoice that a change waits for is paid: it is applied. False: no change waits for it.
bool apply_pending_update(Store& store, Object& subscription, Object const& invoice);
/// The change has waited for too long: its invoice is void, all stays as it is.
void expire_pending_update(Store& store, Object& subscription);

}  // namespace sandbox
