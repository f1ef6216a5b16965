// One value for each domain, from its row.
#include "domains/routes.hpp"

#include "domains/names.hpp"

#include "platform/haproxy/front_door.hpp"
#include "tenants/addresses.hpp"

namespace domains {

std::string fallback(std::string const& subdomain, config::Settings const& settings) {
  return haproxy::fallback_prefix + tenants::authority_of(settings, subdomain);
}

haproxy::Runtime::Map routes_of(db::Tx& tx, tenants::Tenant const& tenant, std::string const& own,
                                config::Settings const& settings) {
  haproxy::Runtime::Map out;
  for (auto const& domain : of_tenant(tx, tenant.id)) {
    // The console has moved to where a customer's domain is: it is ours now.
    if (is_own(domain.domain, settings)) continue;
    out[domain.domain] =
        domain.has_certificate() ? haproxy::tls_prefix + own : fallback(tenant.subdomain, settings);
  }
  return out;
}

}  // namespace domains
