#pragma once
// How recurring revenue and active tenants came to be: GET /api/dashboard/mrr and …/active-tenants.
#include "platform/http/endpoint.hpp"
#include "platform/settings/groups.hpp"

namespace monitoring {
void add_growth(http::Api& api, settings::Groups const& groups);
}
