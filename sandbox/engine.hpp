#pragma once
// What the sandbox's threads share: settings, faults to simulate, and the two bells.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "sandbox/sandbox.hpp"

namespace sandbox {

/// A bell: rung after a commit, heard by the thread that has work then.
class Bell {
 public:
  void ring() {
    {
      std::scoped_lock lock{mutex_};
      ++rings_;
    }
    condition_.notify_all();
  }
  /// Returns when it was rung since `heard`, or after the time. Updates `heard`.
  void wait(std::uint64_t& heard, std::chrono::milliseconds at_most) {
    std::unique_lock lock{mutex_};
    condition_.wait_for(lock, at_most, [&] { return rings_ != heard; });
    heard = rings_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  std::uint64_t rings_ = 0;
};

/// Makes the next requests fail or wait, so that others can be tested with a Stripe that is slow,
/// busy or down.
struct Fault {
  int remaining = 1;
  int skip = 0;    // so many requests pass first
  int status = 0;  // 0: the true answer, only late
  std::chrono::milliseconds delay{0};
  std::string path_prefix = "/v1/";
  bool after = false;  // the request is carried out, only its answer is lost
};

class Faults {
 public:
  void add(Fault fault);
  void clear();
  /// The fault for this path, if there is one; it is used up by one.
  std::optional<Fault> take(std::string_view path);
  std::vector<Fault> all();

 private:
  std::mutex mutex_;
  std::vector<Fault> faults_;
};

struct Engine {
  Settings settings;
  Faults faults;
  Bell deliveries;  // events were committed
  Bell due;         // objects may be due earlier than known
  /// Threads that may have a delivery in hand, and whether a clock waits until there is none.
  std::atomic<int> delivering = 0;
  std::atomic<bool> clock_waits = false, delivers = false;
  std::atomic<bool> stopping = false;
};

}  // namespace sandbox
