#pragma once
// Token buckets in memory, one per key. A node counts for itself; HAProxy limits addresses in
// front of all nodes.
#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "platform/clock/clock.hpp"

namespace http {

class RateLimiter {
 public:
  /// Takes one token of a bucket that holds `count` and refills in `seconds`. Returns none when it
  /// was there, otherwise the seconds until the next one (at least 1).
  [[nodiscard]] std::optional<int> take(std::string const& key, int count, int seconds);

 private:
  struct Bucket {
    double tokens;
    Time filled_at;
    int seconds;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Bucket> buckets;
  };
  static constexpr std::size_t shard_capacity = 20'000;
  std::array<Shard, 16> shards_;
};

}  // namespace http
