#pragma once
// A new tenant with the data of another one: from a backup, or as a clone of its present state.
#include "platform/http/endpoint.hpp"

namespace backups {

void add_new_tenant_endpoints(http::Api& api);

}  // namespace backups
