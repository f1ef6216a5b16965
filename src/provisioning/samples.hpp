#pragma once
// What each tenant had used when this process looked last: counters become rates by it.
#include <map>
#include <mutex>

#include "provisioning/driver.hpp"

namespace provisioning {

class Samples {
 public:
  struct Rates {
    double cpu_percent = 0;                        // of a core
    std::int64_t network_in = 0, network_out = 0;  // bytes
  };
  /// Since the last look; nothing at the first, and after the tenant was started again.
  [[nodiscard]] Rates since_last_look(tenants::TenantId id, Usage const& usage);

 private:
  struct Sample {
    std::chrono::steady_clock::time_point at{};
    double cpu_seconds = -1;
    std::int64_t network_in = 0, network_out = 0;
  };
  std::mutex mutex_;
  std::map<std::int64_t, Sample> by_tenant_;
};

}  // namespace provisioning
