#pragma once
// What a new operator still has to do, computed from settings and rows.
#include "platform/http/endpoint.hpp"

namespace monitoring {
void add_first_steps(http::Api& api);
}
