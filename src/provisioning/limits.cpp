// How limits are written down once they are applied.
#include <cinttypes>
#include <cstdio>

#include "provisioning/driver.hpp"

namespace provisioning {

std::string limits_text(tenants::Tenant const& tenant) {
  return "memory=" + std::to_string(tenant.memory_limit_mib) +
         "MiB cpu=" + std::to_string(tenant.cpu_limit_percent) +
         "% processes=" + std::to_string(tenant.process_limit) +
         " disk=" + std::to_string(tenant.storage_limit_mib) + "MiB";
}

std::optional<tenants::Changes> read_limits(std::string const& text) {
  std::int64_t memory = 0, cpu = 0, processes = 0, disk = 0;
  auto const read = std::sscanf(text.c_str(),
                                "memory=%" SCNd64 "MiB cpu=%" SCNd64 "%% processes=%" SCNd64
                                " disk=%" SCNd64 "MiB",
                                &memory, &cpu, &processes, &disk);
  if (read != 4 || memory <= 0 || cpu <= 0 || processes <= 0 || disk <= 0) return {};
  return tenants::Changes{.storage_limit_mib = disk,
                          .memory_limit_mib = memory,
                          .cpu_limit_percent = cpu,
                          .process_limit = processes};
}

}  // namespace provisioning
