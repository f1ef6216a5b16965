#pragma once
// A lock by name over all nodes, for work that must not be done twice at once and that calls other
// services: it is held by the session, so no transaction stays open meanwhile.
#include "platform/db/db.hpp"

namespace db {

class SessionLock {
 public:
  enum class Wait { turn, never };
  /// Waits for its turn, unless told not to; throws Busy when it does not come within the lock
  /// timeout.
  SessionLock(Connection& connection, std::string name, Wait wait = Wait::turn);
  ~SessionLock();
  /// Always, unless it was not to wait.
  [[nodiscard]] bool is_held() const { return held_; }
  SessionLock(SessionLock const&) = delete;
  SessionLock& operator=(SessionLock const&) = delete;

 private:
  Connection& connection_;
  std::string name_;
  bool held_ = true;
};

}  // namespace db
