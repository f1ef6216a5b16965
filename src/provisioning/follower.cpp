// The thread that looks, when it is told that something has changed and now and then.
#include "provisioning/follower.hpp"

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;

constexpr auto topic = "routes";
constexpr auto poll_pause = 5s;  // the truth, should a notice be lost

db::Query const write_change{"provisioning.write_route_change", R"sql(
  INSERT INTO route_changes (tenant_id, changed_at) VALUES ($1, clock_timestamp())
  ON CONFLICT (tenant_id) DO UPDATE SET changed_at = clock_timestamp()
)sql"};

struct Change {
  tenants::TenantId tenant_id;
  Time changed_at;
};
// What is older was seen, or is in the rows that a start of the program begins with; a transaction
// that wrote its time down and took long to commit is within the minutes.
db::Query const recent_changes{"provisioning.recent_route_changes", R"sql(
  SELECT tenant_id, changed_at FROM route_changes
   WHERE changed_at > now() - interval '10 minutes' ORDER BY changed_at
)sql"};

retention::Kept const kept_route_changes{"route_changes", "one row a tenant"};
}  // namespace

void announce_routes(db::Tx& tx, tenants::TenantId id) {
  tx.exec(write_change, id);
  realtime::announce(tx, topic);
}

Follower::Follower(std::string database_url, realtime::Hub& hub, Show show)
    : database_url_{std::move(database_url)},
      hub_{hub},
      show_{std::move(show)},
      subscription_{hub_.join(topic,
                              [this](std::string_view) {
                                std::scoped_lock const lock{mutex_};
                                poked_ = true;
                                wake_.notify_one();
                              })},
      thread_{[this] { run(); }} {}

Follower::~Follower() {
  hub_.leave(subscription_);
  {
    std::scoped_lock const lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Follower::run() {
  db::Connection connection{database_url_, "onboarding routes"};
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    poked_ = false;
    lock.unlock();
    try {
      look(connection);
    } catch (std::exception const& error) {
      logging::warning("provisioning", "the routes wait: {}", error.what());
    }
    lock.lock();
    wake_.wait_for(lock, poll_pause, [this] { return stopping_ || poked_; });
  }
}

void Follower::look(db::Connection& connection) {
  auto const changes = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<Change>(recent_changes);
  }();
  std::map<std::int64_t, Time> seen;
  for (auto const& [id, changed_at] : changes) {
    auto const known = seen_.find(id.value);
    if (known == seen_.end() || known->second != changed_at) try {
        show_(connection, id);
      } catch (db::Unavailable const&) {
        throw;
      } catch (std::exception const& error) {
        // Its container may be gone again; another change follows, or the watch repairs it.
        logging::warning("provisioning", "{}: {}", id.text(), error.what());
      }
    seen[id.value] = changed_at;
  }
  seen_ = std::move(seen);
}

}  // namespace provisioning
