// /proc/stat, /proc/meminfo, /proc/loadavg and statvfs: proc(5), statvfs(3).
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <mutex>
#include <sstream>

#include "monitoring/host.hpp"

namespace monitoring {

HostProbe::HostProbe(std::string data_dir) : data_dir_{std::move(data_dir)}, last_{cpu_times()} {}

HostProbe::CpuTimes HostProbe::cpu_times() {
  std::ifstream file{"/proc/stat"};
  std::string label;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0;
  file >> label >> user >> nice >> system >> idle >> wait >> irq >> soft >> steal;
  auto const busy = user + nice + system + irq + soft + steal;
  return {busy, busy + idle + wait};
}

Host HostProbe::read() {
  std::scoped_lock lock{mutex_};
  auto const now = clock_source::now();
  if (latest_ && now - latest_->sampled_at < std::chrono::seconds{1} && now >= latest_->sampled_at)
    return *latest_;

  Host host{};
  host.sampled_at = now;
  host.cpu_count = ::sysconf(_SC_NPROCESSORS_ONLN);
  auto const times = cpu_times();
  if (times.total > last_.total)
    host.cpu_percent = 100.0 * double(times.busy - last_.busy) / double(times.total - last_.total);
  last_ = times;

  std::ifstream memory{"/proc/meminfo"};
  std::string line;
  std::int64_t available = 0;
  while (std::getline(memory, line)) {
    std::istringstream words{line};
    std::string key;
    std::int64_t kib = 0;
    words >> key >> kib;
    if (key == "MemTotal:") host.memory_total_bytes = kib * 1024;
    if (key == "MemAvailable:") available = kib * 1024;
  }
  host.memory_used_bytes = host.memory_total_bytes - available;

  struct statvfs disk {};
  if (::statvfs(data_dir_.c_str(), &disk) == 0) {
    host.disk_total_bytes = std::int64_t(disk.f_blocks) * std::int64_t(disk.f_frsize);
    host.disk_used_bytes =
        host.disk_total_bytes - std::int64_t(disk.f_bavail) * std::int64_t(disk.f_frsize);
  }
  std::ifstream{"/proc/loadavg"} >> host.load_1m;
  latest_ = host;
  return host;
}

}  // namespace monitoring
