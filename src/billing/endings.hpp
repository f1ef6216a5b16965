#pragma once
// The end of a tenant is the end of its bill, as whoever ended it chose; its customer is told.
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// It was told to end, and whatever bills for it with it.
[[nodiscard]] bool is_ending(tenants::Tenant const& tenant);

void add_ending_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
