// Which sessions ended early, remembered by each node.
#include "identity/identity.hpp"
#include "platform/log/log.hpp"

namespace identity {

namespace {
db::Query const revoked_sessions{"identity.revoked_sessions", R"sql(
  SELECT id FROM sessions WHERE revoked_at IS NOT NULL AND expires_at > now()
)sql"};
}  // namespace

RevokedSessions::RevokedSessions(std::string database_url, realtime::Hub& hub)
    : database_url_{std::move(database_url)}, hub_{hub} {}

void RevokedSessions::start() {
  subscription_ = hub_.join("sessions", [this](std::string_view) {
    std::scoped_lock lock{mutex_};
    stale_ = true;
    wake_.notify_one();
  });
  thread_ = std::thread{[this] { run(); }};
}

RevokedSessions::~RevokedSessions() {
  if (!thread_.joinable()) return;
  hub_.leave(subscription_);
  {
    std::scoped_lock lock{mutex_};
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

bool RevokedSessions::contains(std::string const& session_id) const {
  std::scoped_lock lock{mutex_};
  return ids_.contains(session_id);
}

void RevokedSessions::add(std::string const& session_id) {
  std::scoped_lock lock{mutex_};
  ids_.insert(session_id);
}

void RevokedSessions::run() {
  db::Connection connection{database_url_, "onboarding sessions"};
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    stale_ = false;
    lock.unlock();
    std::optional<std::vector<std::string>> fresh;
    try {
      db::Tx tx{connection, db::Mode::autocommit};
      fresh = tx.all<std::string>(revoked_sessions);
    } catch (std::exception const& error) {
      logging::warning("identity", "revoked sessions cannot be read: {}", error.what());
    }
    lock.lock();
    if (fresh) ids_.insert(fresh->begin(), fresh->end());
    wake_.wait_for(lock, std::chrono::seconds{fresh ? 30 : 1},
                   [this] { return stopping_ || stale_; });
  }
}

}  // namespace identity
