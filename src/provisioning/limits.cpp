// How limits are written down once they are applied.
#include "provisioning/driver.hpp"

namespace provisioning {

std::string limits_text(tenants::Tenant const& tenant) {
  return "memory=" + std::to_string(tenant.memory_limit_mib) +
         "MiB cpu=" + std::to_string(tenant.cpu_limit_percent) +
         "% processes=" + std::to_string(tenant.process_limit) +
         " disk=" + std::to_string(tenant.storage_limit_mib) + "MiB";
}

}  // namespace provisioning
