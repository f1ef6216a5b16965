#pragma once
// Whose application is still to be started after a start of the program, and the threads that start
// them side by side.
#include <mutex>
#include <set>
#include <thread>

#include "tenants/tenants.hpp"

namespace provisioning {

class Starting {
 public:
  Starting() = default;
  ~Starting() { stop(); }
  Starting(Starting const&) = delete;
  Starting& operator=(Starting const&) = delete;

  /// They are to be started, in this order.
  void plan(std::vector<tenants::TenantId> const& ids);
  /// Runs `work` on as many threads as are useful: it takes one after the other by next().
  template <class Work>
  void start(Work const& work) {
    std::scoped_lock const lock{mutex_};
    auto const count = std::min(most_threads, waiting_.size());
    while (threads_.size() < count) threads_.emplace_back(work);
  }
  /// Whose turn it is; none when all have had theirs.
  [[nodiscard]] std::optional<tenants::TenantId> next();
  void done(tenants::TenantId id);
  /// Whether it waits for its turn or is being started.
  [[nodiscard]] bool contains(tenants::TenantId id);
  /// Returns when all of them have had their turn.
  void wait();
  /// No more of them get a turn.
  void stop();

 private:
  static constexpr std::size_t most_threads = 16;

  std::mutex mutex_;
  std::vector<std::int64_t> waiting_;  // whose turn has not come, last one first
  std::set<std::int64_t> unfinished_;  // those, and those that are being started
  std::vector<std::thread> threads_;
};

}  // namespace provisioning
