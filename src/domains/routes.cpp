// One value for each domain, from its row.
#include "domains/routes.hpp"

#include "platform/haproxy/front_door.hpp"

namespace domains {

std::string fallback(std::string const& subdomain, config::Settings const& settings) {
  return haproxy::fallback_prefix + subdomain + "." + settings.tenant_domain +
         (settings.tenant_port == 80 ? "" : ":" + std::to_string(settings.tenant_port));
}

haproxy::Runtime::Map routes_of(db::Tx& tx, tenants::Tenant const& tenant, std::string const& own,
                                config::Settings const& settings) {
  haproxy::Runtime::Map out;
  for (auto const& domain : of_tenant(tx, tenant.id))
    out[domain.domain] =
        domain.has_certificate() ? haproxy::tls_prefix + own : fallback(tenant.subdomain, settings);
  return out;
}

}  // namespace domains
