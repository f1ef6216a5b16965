#pragma once
// The end of a tenant was taken back: what was to end with its period goes on, and who read of the
// end hears of it.
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// What we set at Stripe when we end a subscription, so that a customer's own cancellation is never
/// taken back.
inline constexpr auto ended_with_tenant = "metadata[ended_with_tenant]";

void keep_billing(jobs::Context& job, tenants::TenantId id, config::Settings const& settings);

}  // namespace billing
