// A full bucket is the same as no bucket, so full ones are dropped, in memory and in the database.
// PostgreSQL's clock alone fills the shared ones: the nodes' own may differ.
#include "platform/http/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace http {

namespace {
using Real = std::chrono::duration<double>;
constexpr std::chrono::seconds pause_without_database{1};

db::Query const lease_tokens{"http.lease_tokens", R"sql(
  INSERT INTO rate_buckets AS b (name, tokens, granted, filled_at, full_at)
  VALUES ($1, $2::float8 - $4, $4::bigint, clock_timestamp(),
          clock_timestamp() + make_interval(secs => $3::float8))
  ON CONFLICT (name) DO UPDATE
    SET (tokens, granted, filled_at, full_at) = (
      SELECT available - least($4, floor(available)), least($4, floor(available)),
             clock_timestamp(), clock_timestamp() + make_interval(secs => $3)
        FROM (SELECT least($2, b.tokens + $2 / $3 * greatest(0,
                       extract(epoch FROM clock_timestamp() - b.filled_at)::float8))) AS now(available))
  RETURNING granted, tokens
)sql"};

std::chrono::microseconds as_duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Real{seconds});
}

int whole_seconds(double seconds) { return std::max(1, int(std::ceil(seconds))); }

retention::Rule const full_buckets{{.table = "rate_buckets",
                                    .column = "full_at",
                                    .keep = std::chrono::hours{1},
                                    .why = "a full bucket is as good as none"}};
}  // namespace

RateLimiter::Bucket& RateLimiter::fill(Shard& shard, std::string const& name, Limit limit,
                                       Time now) {
  if (shard.buckets.size() > shard_capacity && now - shard.swept_at > std::chrono::seconds{1}) {
    shard.swept_at = now;
    std::erase_if(shard.buckets, [&](auto const& entry) {
      return now - entry.second.filled_at > std::chrono::seconds{entry.second.seconds};
    });
    // Still so many: somebody brings ever new addresses. The shared buckets remember them.
    if (shard.buckets.size() > shard_capacity) shard.buckets.clear();
  }
  auto& bucket = shard.buckets.try_emplace(name, Bucket{double(limit.count), now, limit.seconds})
                     .first->second;
  auto const passed = std::max(0.0, Real{now - bucket.filled_at}.count());
  bucket.tokens =
      std::min(double(limit.count), bucket.tokens + passed * limit.count / limit.seconds);
  bucket.filled_at = now;
  if (bucket.lease_ends <= now) bucket.leased = 0;
  return bucket;
}

std::optional<RateLimiter::Lease> RateLimiter::lease(db::Connection& shared,
                                                     std::string const& bucket, Limit limit,
                                                     Time now) {
  if (now < away_until_.load(std::memory_order_relaxed)) return {};
  try {
    db::Tx tx{shared, db::Mode::autocommit};
    return tx.one<Lease>(lease_tokens, bucket, limit.count, limit.seconds,
                         std::max(1, limit.count / 10));
  } catch (db::Unavailable const&) {
  } catch (db::Failure const& failure) {
    logging::warning("http", "a shared limit could not be read: {}", failure.what());
  }
  away_until_ = now + pause_without_database;
  return {};
}

Taken RateLimiter::take(std::string const& name, Limit limit, db::Connection* shared) {
  auto& shard = shards_[std::hash<std::string>{}(name) % shards_.size()];
  auto const now = clock_source::now();
  double const seconds_each = double(limit.seconds) / limit.count;
  auto refused = [&](double wait) { return Taken{false, 0, whole_seconds(wait), limit.seconds}; };
  auto spend = [&](Bucket& bucket) {
    bucket.tokens -= 1;
    auto const rest =
        shared ? std::min(bucket.tokens, bucket.leased + bucket.left_with_others) : bucket.tokens;
    return Taken{true, std::max(0, int(rest)), 0,
                 int(std::ceil((limit.count - std::max(0.0, rest)) * seconds_each))};
  };
  {
    std::scoped_lock lock{shard.mutex};
    auto& bucket = fill(shard, name, limit, now);
    if (bucket.tokens < 1) return refused((1 - bucket.tokens) * seconds_each);
    if (shared && now < bucket.refused_until)
      return refused(Real{bucket.refused_until - now}.count());
    if (!shared) return spend(bucket);
    if (bucket.leased > 0) {
      --bucket.leased;
      return spend(bucket);
    }
  }
  auto const lent = lease(*shared, name, limit, now);  // without the lock: others need not wait
  std::scoped_lock lock{shard.mutex};
  auto& bucket = fill(shard, name, limit, now);
  if (!lent) {
    bucket.left_with_others = bucket.tokens;
    return spend(bucket);
  }
  bucket.left_with_others = lent->tokens;
  if (lent->granted == 0) {
    // A flood must not ask the database for every drop that has come in meanwhile.
    auto const wait = std::max((1 - lent->tokens) * seconds_each, limit.seconds / 100.0);
    bucket.refused_until = now + as_duration(wait);
    return refused(wait);
  }
  bucket.leased += int(lent->granted) - 1;
  bucket.lease_ends = now + std::chrono::seconds{limit.seconds};
  return spend(bucket);
}

std::string address_group(std::string_view address) {
  in6_addr parsed{};
  if (address.find(':') == std::string_view::npos ||
      inet_pton(AF_INET6, std::string{address}.c_str(), &parsed) != 1)
    return std::string{address};
  char text[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&parsed))
    return inet_ntop(AF_INET, parsed.s6_addr + 12, text, sizeof text);
  std::fill(parsed.s6_addr + 8, parsed.s6_addr + 16, std::uint8_t{0});
  return std::string{inet_ntop(AF_INET6, &parsed, text, sizeof text)} + "/64";
}

}  // namespace http
