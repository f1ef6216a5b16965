#pragma once
// Documents about the program itself: OpenAPI, Postman, health, metrics, housekeeping.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace app {
/// `working`: the engine of this node, null while it works no jobs.
void add_documents(http::Api& api, std::function<jobs::Engine const*()> working);
}  // namespace app
