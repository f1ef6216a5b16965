#pragma once
// Whether PostgreSQL answers at all, known to all connections of this process to the same server. A
// server that hangs is recognised by a second connection that gets no answer either: a statement
// that only waits for a lock or a disk is none of that. While it hangs nobody waits for it.
#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace db {

using Milliseconds = std::chrono::milliseconds;

struct ConnectionDeleter {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Handle = std::unique_ptr<PGconn, ConnectionDeleter>;

class Pulse {
 public:
  /// The one of this connection string.
  [[nodiscard]] static std::shared_ptr<Pulse> of(std::string const& url);
  explicit Pulse(std::string url) : url_{std::move(url)} {}

  /// An answer has come; costs next to nothing.
  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool is_lost() const { return lost_.load(std::memory_order_relaxed); }

  /// Asked by whoever waits in vain, with what beats() was when the wait began.
  [[nodiscard]] bool is_felt_since(std::uint64_t beats);
  /// While it is lost one caller at a time asks again; the others are told no at once.
  [[nodiscard]] bool has_come_back();
  /// A connection was not answered in time.
  void lose();

  /// A new connection, or nothing and the reason. A server that is silent for so long is lost.
  [[nodiscard]] Handle connect(std::string const& application_name, std::string const& options,
                               Milliseconds patience, std::string& reason);

 private:
  enum class Answer { connected, refused, none, unreachable };
  Answer begin(std::string const& application_name, std::string const& options,
               Milliseconds patience, Handle& handle, std::string& reason);
  [[nodiscard]] bool ask();

  std::string const url_;
  std::atomic<std::uint64_t> beats_ = 0;
  std::atomic<std::uint64_t> beats_when_lost_ = 0;
  std::atomic<bool> lost_ = false;
  std::atomic<unsigned> first_host_ = 0;  // of several: the one that is tried first
  std::mutex asking_;                     // one question at a time is enough for all
  std::chrono::steady_clock::time_point ask_again_at_{};
  std::atomic<std::int64_t> lost_at_ = 0;  // milliseconds of the steady clock
};

}  // namespace db
