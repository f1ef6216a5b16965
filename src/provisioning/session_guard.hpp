#pragma once
// Tenants that are processes share one PostgreSQL: its locks, its queue of notices, its horizon of
// old rows. Who takes more of them than its part loses the session, and is stopped when that does
// not help. This depends on no job: jobs stand still in the cases it is for.
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "provisioning/driver.hpp"

namespace provisioning {

class SessionGuard {
 public:
  explicit SessionGuard(config::Settings const& settings);
  ~SessionGuard() { stop(); }
  SessionGuard(SessionGuard const&) = delete;
  SessionGuard& operator=(SessionGuard const&) = delete;

  /// Looks every other second from now on.
  void start();
  void ask_to_stop();
  void stop();

 private:
  struct Session {
    std::int64_t pid;
    std::string role;
    std::int64_t locks, seconds;  // in the transaction, 0 without one
    bool is_idle, is_deaf;        // waits for its client: to say something, to listen
  };
  /// What was ended and is not written down yet.
  struct Ended {
    std::string what;     // "locks", "notices" or "transaction"
    std::int64_t amount;  // of locks, per cent of the queue, seconds
    /// A transaction that was forgotten is not; the others shut everybody out.
    [[nodiscard]] bool is_harmful() const { return what != "transaction"; }
  };
  using Reasons = std::map<std::string, Ended>;  // by role

  void run();
  void look();
  void begin();
  [[nodiscard]] std::map<std::int64_t, Ended> too_much(std::vector<Session> const& sessions,
                                                       double queue) const;
  void write_down();
  [[nodiscard]] tenants::TenantId tenant_of(std::string const& role) const;

  config::Settings const& settings_;
  db::Connection watching_, writing_;
  /// Stays open: a new one would need new locks, and there may be none. What its first look had to
  /// lock serves all later ones.
  std::optional<db::Tx> standing_;
  std::string prefix_;  // of the roles
  std::int64_t most_locks_ = 0;
  Reasons unwritten_;
  std::map<std::int64_t, std::deque<std::chrono::steady_clock::time_point>> before_;  // by tenant
  std::mutex mutex_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace provisioning
