// The last shortage of each server.
#include "platform/db/shortage.hpp"

#include <chrono>
#include <map>
#include <mutex>

namespace db {

namespace {
using Steady = std::chrono::steady_clock;
// While it lasts, jobs and requests come upon it again sooner than that.
constexpr std::chrono::seconds believed_for{15};

struct Shortage {
  std::string why;
  Steady::time_point seen_at;
};
std::mutex mutex;
std::map<std::string, Shortage>& shortages() {
  static std::map<std::string, Shortage> by_url;
  return by_url;
}
}  // namespace

void lack(std::string const& url, std::string_view why) {
  std::scoped_lock const lock{mutex};
  shortages()[url] = {std::string{why}, Steady::now()};
}

std::optional<std::string> lacks(std::string const& url) {
  std::scoped_lock const lock{mutex};
  auto const found = shortages().find(url);
  if (found == shortages().end()) return {};
  if (Steady::now() - found->second.seen_at <= believed_for) return found->second.why;
  shortages().erase(found);
  return {};
}

}  // namespace db
