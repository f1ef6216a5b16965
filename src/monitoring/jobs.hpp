#pragma once
// Jobs as staff see them.
#include "platform/http/endpoint.hpp"

namespace monitoring {

void add_jobs(http::Api& api);

}  // namespace monitoring
