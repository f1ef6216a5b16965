// Counters of now against those of the last look.
#include "provisioning/samples.hpp"

namespace provisioning {

Samples::Rates Samples::since_last_look(tenants::TenantId id, Usage const& usage) {
  auto const now = std::chrono::steady_clock::now();
  std::scoped_lock const lock{mutex_};
  auto& last = by_tenant_[id.value];
  Rates rates;
  auto const seconds = std::chrono::duration<double>(now - last.at).count();
  if (last.cpu_seconds >= 0 && usage.cpu_seconds >= last.cpu_seconds && seconds > 0)
    rates = {(usage.cpu_seconds - last.cpu_seconds) / seconds * 100,
             std::max<std::int64_t>(0, usage.network_in - last.network_in),
             std::max<std::int64_t>(0, usage.network_out - last.network_out)};
  last = {now, usage.cpu_seconds, usage.network_in, usage.network_out};
  return rates;
}

}  // namespace provisioning
