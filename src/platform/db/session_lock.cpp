// PostgreSQL's advisory locks of the session kind: they end with the connection at the latest.
#include "platform/db/session_lock.hpp"

namespace db {

namespace {
Query const take{"db.take_session_lock", "SELECT pg_advisory_lock(hashtextextended($1, 0))::text"};
Query const try_to_take{"db.try_to_take_session_lock",
                        "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"};
Query const give_back{"db.give_session_lock_back",
                      "SELECT pg_advisory_unlock(hashtextextended($1, 0))"};
}  // namespace

SessionLock::SessionLock(Connection& connection, std::string name, Wait wait)
    : connection_{connection}, name_{std::move(name)} {
  try {
    Tx tx{connection_, Mode::autocommit};
    if (wait == Wait::never)
      held_ = tx.one<bool>(try_to_take, name_);
    else
      tx.exec(take, name_);
  } catch (std::exception const&) {
    connection_.drop();  // a statement that is cut short may have taken it all the same
    throw;
  }
  if (held_) connection_.holds(1);
}

SessionLock::~SessionLock() {
  if (!held_) return;
  connection_.holds(-1);
  try {
    Tx tx{connection_, Mode::autocommit};
    tx.exec(give_back, name_);
  } catch (std::exception const&) {
    connection_.drop();  // the lock goes with its session
  }
}

}  // namespace db
