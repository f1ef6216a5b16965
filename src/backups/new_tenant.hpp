#pragma once
// A new tenant with the data of a backup.
#include "platform/http/endpoint.hpp"

namespace backups {

void add_new_tenant_endpoint(http::Api& api);

}  // namespace backups
