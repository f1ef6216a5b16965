#pragma once
// A tenant's plan is another one: the subscription follows.
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

void add_plan_change_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
