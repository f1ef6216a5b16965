#pragma once
// Every night: what Stripe bills for and what runs here are the same, or it is a finding.
#include "billing/billing.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

using BillingFindingId = Id<"bfn">;

/// Brings every subscription up to Stripe's present word, then looks for those that pay for nothing
/// and for tenants that run without one.
struct Compare {
  static constexpr std::string_view kind = "billing.compare";
};

void add_comparison_endpoint(http::Api& api);
void add_comparison_worker(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
