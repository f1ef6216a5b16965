#pragma once
// Two years by month: what the dashboard compares the present with.
#include "platform/http/endpoint.hpp"

namespace monitoring {
void add_history(http::Api& api);
}
