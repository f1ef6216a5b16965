#pragma once
// Where the front door leads the domains of a tenant.
#include "domains/domain.hpp"
#include "platform/haproxy/runtime.hpp"

namespace domains {

/// To the platform's name, for now: there is no certificate, or it is not good any more.
[[nodiscard]] std::string fallback(std::string const& subdomain, config::Settings const& settings);

/// Host → value; `own` is what the tenant's own name leads to.
[[nodiscard]] haproxy::Runtime::Map routes_of(db::Tx& tx, tenants::Tenant const& tenant,
                                              std::string const& own,
                                              config::Settings const& settings);

}  // namespace domains
