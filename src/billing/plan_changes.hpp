#pragma once
// A tenant's plan is another one: the subscription follows, and before that, what it would cost.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

void add_plan_change_workers(jobs::Engine& engine, config::Settings const& settings);
void add_plan_change_endpoints(http::Api& api);

}  // namespace billing
