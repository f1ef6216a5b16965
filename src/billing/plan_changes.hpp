#pragma once
// A tenant's plan is another one: the subscription follows, and before that, what it would cost.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"

namespace billing {

/// Prices of a subscription name a product; ours have ids that say which plan they are.
[[nodiscard]] std::string plan_product(std::string_view plan_id);
void ensure_plan_product(stripe::Client const& client, std::string_view plan_id,
                         std::string const& name,
                         stripe::Patience patience = stripe::Patience::background);

void add_plan_change_workers(jobs::Engine& engine, config::Settings const& settings);
void add_plan_change_endpoints(http::Api& api);

}  // namespace billing
