// A full bucket is the same as no bucket, so full ones are dropped when a shard grows too large.
#include "platform/http/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace http {

std::optional<int> RateLimiter::take(std::string const& key, int count, int seconds) {
  auto& shard = shards_[std::hash<std::string>{}(key) % shards_.size()];
  auto const now = clock_source::now();
  std::scoped_lock lock{shard.mutex};
  if (shard.buckets.size() > shard_capacity)
    std::erase_if(shard.buckets, [&](auto const& entry) {
      return now - entry.second.filled_at > std::chrono::seconds{entry.second.seconds};
    });
  auto& bucket = shard.buckets.try_emplace(key, Bucket{double(count), now, seconds}).first->second;
  auto const passed = std::chrono::duration<double>(now - bucket.filled_at).count();
  double const per_second = double(count) / seconds;
  bucket.tokens = std::min(double(count), bucket.tokens + std::max(0.0, passed) * per_second);
  bucket.filled_at = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return {};
  }
  return std::max(1, int(std::ceil((1 - bucket.tokens) / per_second)));
}

}  // namespace http
