#pragma once
// A lock by name over all nodes, for work that must not be done twice at once and that calls other
// services: it is held by the session, so no transaction stays open meanwhile.
#include "platform/db/db.hpp"

namespace db {

class SessionLock {
 public:
  /// Waits for its turn; throws Busy when it does not come within the lock timeout.
  SessionLock(Connection& connection, std::string name);
  ~SessionLock();
  SessionLock(SessionLock const&) = delete;
  SessionLock& operator=(SessionLock const&) = delete;

 private:
  Connection& connection_;
  std::string name_;
};

}  // namespace db
