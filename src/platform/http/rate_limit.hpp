#pragma once
// Token buckets that all nodes share. A node takes tokens out of PostgreSQL by the block (a tenth
// of the limit) and spends them in memory: a busy client costs one small statement in many
// requests, and all nodes together let no more through than the limit. While the database is away
// each node decides alone.
#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/db/db.hpp"

namespace http {

struct Limit {
  int count = 0;  // 0: none
  int seconds = 60;
};
constexpr Limit per_minute(int count) { return {count, 60}; }

/// What a bucket said.
struct Taken {
  bool allowed = true;
  int remaining = 0;      // about as many would be allowed at once
  int wait_seconds = 0;   // until it is worth trying again; 0 when allowed
  int reset_seconds = 0;  // until the bucket is full again
};

class RateLimiter {
 public:
  /// Takes one token of a bucket that holds `limit.count` and refills in `limit.seconds`. Without
  /// `shared` this node decides alone.
  [[nodiscard]] Taken take(std::string const& bucket, Limit limit, db::Connection* shared);

 private:
  struct Bucket {
    double tokens;  // as if this node were the only one: never more than that
    Time filled_at;
    int seconds;
    int leased = 0;  // taken out of the shared bucket and not spent yet
    Time lease_ends{};
    double left_with_others = 0;  // in the shared bucket, when it was last asked
    Time refused_until{};         // the shared bucket was empty
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Bucket> buckets;
    Time swept_at{};
  };
  struct Lease {
    std::int64_t granted;
    double tokens;
  };
  static Bucket& fill(Shard& shard, std::string const& bucket, Limit limit, Time now);
  std::optional<Lease> lease(db::Connection& shared, std::string const& bucket, Limit limit,
                             Time now);

  static constexpr std::size_t shard_capacity = 20'000;
  std::array<Shard, 16> shards_;
  std::atomic<Time> away_until_{};  // the database did not answer a moment ago
};

/// Whom an address stands for: itself, of IPv6 its network of 64 bits, since whoever has one
/// address there has all of them.
[[nodiscard]] std::string address_group(std::string_view address);

}  // namespace http
