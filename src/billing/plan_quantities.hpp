#pragma once
// Somebody has changed at Stripe how many times a plan is paid for: its tenant gets what that
// brings (docs/adr/0043).
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// Before the items of a subscription are written anew: when it is another number than was known,
/// a job looks whether that concerns the tenant.
void notice_quantity(db::Tx& tx, tenants::TenantId tenant, stripe::Object const& subscription);

void add_quantity_worker(jobs::Engine& engine);

}  // namespace billing
