#pragma once
// Readings of this machine, from the kernel's own files.
#include <mutex>

#include "platform/clock/clock.hpp"
#include "platform/types/fields.hpp"

namespace monitoring {

struct Host {
  Time sampled_at;
  double cpu_percent;  // of all cores, since the reading before
  std::int64_t cpu_count;
  std::int64_t memory_used_bytes, memory_total_bytes;
  std::int64_t disk_used_bytes, disk_total_bytes;
  double load_1m;
  static constexpr auto rules() {
    return ::rules(rule(&Host::cpu_percent, {.doc = "Of all cores, since the reading before"}),
                   rule(&Host::disk_used_bytes, {.doc = "Of the data directory's disk"}));
  }
};

/// Reads the machine; thread-safe. Readings less than a second apart are one.
class HostProbe {
 public:
  explicit HostProbe(std::string data_dir);
  [[nodiscard]] Host read();

 private:
  struct CpuTimes {
    std::uint64_t busy = 0, total = 0;
  };
  static CpuTimes cpu_times();

  std::string data_dir_;
  std::mutex mutex_;
  CpuTimes last_;
  std::optional<Host> latest_;
};

}  // namespace monitoring
