#pragma once
// Documents about the program itself: OpenAPI, Postman, health, metrics, housekeeping.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/readiness/readiness.hpp"

namespace app {
/// `outside` must outlive the API. `working`: the engine of this node, null while it works no jobs.
void add_documents(http::Api& api, readiness::Watch const& outside,
                   std::function<jobs::Engine const*()> working);
}  // namespace app
