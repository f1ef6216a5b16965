#pragma once
// A second tenant with the data of a first.
#include "tenants/operations/operations.hpp"

namespace tenants {

/// Gives a tenant that is only reserved the limits and the application of another.
void make_alike(db::Tx& tx, TenantId id, TenantId source);

/// Reserves the new tenant with the plan, limits and application of `source`, for the same customer
/// or, with `company`, for a new one with the same contact; and asks for an operation `clone` of
/// the source, whose arguments are CloneArguments. Throws Problem as reserve() and request() do.
TenantId clone(db::Tx& tx, config::Settings const& settings, TenantId source,
               std::string_view subdomain, std::optional<std::string> const& company,
               std::string_view actor);

/// Whoever works the operation off backs the source up, has the target await_data() of that backup,
/// and calls start_provisioning(target); release(target) when that fails for good.
struct CloneArguments {
  TenantId target;
};

}  // namespace tenants
