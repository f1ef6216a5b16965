#pragma once
// The HTTP doors of tenants.
#include "blueprints/blueprints.hpp"
#include "platform/http/endpoint.hpp"

namespace tenants {

/// All of them. `catalogue` knows the least that an application needs; none: nothing is asked.
void add_endpoints(http::Api& api, blueprints::Catalogue const* catalogue = nullptr);

inline constexpr FieldCode below_minimum{
    "below_minimum", "must be at least {least_bytes}: its application does not run with less"};

// One per noun, in the file of that noun.
void add_config_endpoints(http::Api& api, blueprints::Catalogue const* catalogue);
void add_plan_settings_endpoints(http::Api& api, blueprints::Catalogue const* catalogue);
void add_maintenance_endpoints(http::Api& api);
void add_hold_endpoints(http::Api& api);
void add_life_endpoints(http::Api& api);
void add_operation_endpoints(http::Api& api);
void add_health_endpoints(http::Api& api);

}  // namespace tenants
