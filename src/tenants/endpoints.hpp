#pragma once
// The HTTP doors of tenants.
#include "platform/http/endpoint.hpp"

namespace tenants {
void add_endpoints(http::Api& api);
}
