// Who takes what everybody needs, and the end of it.
#include "provisioning/session_guard.hpp"

#include <algorithm>
#include <set>

#include "identity/guards/security_events.hpp"
#include "platform/json/write.hpp"
#include "platform/log/log.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto actor = "monitoring";
constexpr auto pause = 2s;
// A tenant's part of all locks, but no less than an ordinary dump needs.
constexpr std::int64_t part_of_locks = 20, least_locks = 300;
// Of 8 GiB, which is what the queue may take on the disk.
constexpr double queue_grows = 0.01;
constexpr std::int64_t seconds_while_it_grows = 5, idle_seconds = 300, most_seconds = 3600;
// So often within that time, and the tenant is stopped.
constexpr std::size_t often = 5;
constexpr auto lately = 10min;

db::Query const own_database{"provisioning.database_with_sessions", "SELECT current_database()"};
db::Query const all_locks{"provisioning.all_locks", R"sql(
  SELECT current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint
            + current_setting('max_prepared_transactions')::bigint)
)sql"};
db::Query const members{"provisioning.role_members", "SELECT count(*) FROM pg_auth_members"};
// A transaction sees sessions as they were when it looked first.
db::Query const look_anew{"provisioning.look_anew", "SELECT pg_stat_clear_snapshot()::text"};
db::Query const queue_usage{"provisioning.queue_usage", "SELECT pg_notification_queue_usage()"};
db::Query const tenants_sessions{"provisioning.sessions", R"sql(
  SELECT a.pid, a.usename AS role, coalesce(l.held, 0) AS locks,
         coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::bigint AS seconds,
         coalesce(a.state LIKE 'idle in transaction%', false) AS is_idle,
         coalesce(a.wait_event = 'ClientWrite', false) AS is_deaf
    FROM pg_stat_activity a
    LEFT JOIN (SELECT pid, count(*) AS held FROM pg_locks GROUP BY pid) AS l ON l.pid = a.pid
   WHERE starts_with(a.usename::text, $1)
     AND substr(a.usename::text, length($1) + 1) ~ '^[0-9]{1,15}$'
   ORDER BY locks DESC
)sql"};
db::Query const end_session{"provisioning.end_session", "SELECT pg_terminate_backend($1::int)"};

struct Overuse {
  std::string tenant, what;
  std::int64_t amount;
};
}  // namespace

SessionGuard::SessionGuard(config::Settings const& settings)
    : settings_{settings},
      watching_{settings.database_url, "onboarding session guard"},
      writing_{settings.database_url, "onboarding session guard"} {}

void SessionGuard::start() {
  thread_ = std::thread{[this] { run(); }};
}

void SessionGuard::ask_to_stop() {
  {
    std::scoped_lock const lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
}

void SessionGuard::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
  standing_.reset();
}

void SessionGuard::run() {
  while (true) {
    try {
      look();
    } catch (std::exception const& error) {
      standing_.reset();
      watching_.drop();
      logging::debug("provisioning", "sessions of tenants were not looked at: {}", error.what());
    }
    try {
      write_down();
    } catch (std::exception const& error) {
      logging::debug("provisioning", "not written down yet: {}", error.what());
    }
    std::unique_lock lock{mutex_};
    if (wake_.wait_for(lock, pause, [&] { return stopping_; })) return;
  }
}

void SessionGuard::begin() {
  standing_.emplace(watching_);
  prefix_ = standing_->one<std::string>(own_database).substr(0, 40) + "_tenant_";
  most_locks_ = std::max(least_locks, standing_->one<std::int64_t>(all_locks) / part_of_locks);
  (void)standing_->exec(members);  // who may end sessions is looked up there
}

tenants::TenantId SessionGuard::tenant_of(std::string const& role) const {
  return tenants::TenantId{std::stoll(role.substr(prefix_.size()))};
}

void SessionGuard::look() {
  if (!standing_) begin();
  (void)standing_->exec(look_anew);
  auto const queue = standing_->one<double>(queue_usage);
  auto const sessions = standing_->all<Session>(tenants_sessions, prefix_);
  auto const guilty = too_much(sessions, queue);
  std::set<std::string> harmful;
  for (auto const& session : sessions) {
    auto const found = guilty.find(session.pid);
    if (found == guilty.end()) continue;
    auto const& [what, amount] = found->second;
    logging::warning("provisioning", "{}: a session was ended ({}, {})", session.role, what,
                     amount);
    (void)standing_->one<bool>(end_session, session.pid);
    unwritten_[session.role] = found->second;
    if (found->second.is_harmful()) harmful.insert(session.role);
  }
  // Counted here: while there are no locks nothing can be written down.
  auto const now = Steady::now();
  for (auto const& role : harmful) {
    auto& times = before_[tenant_of(role).value];
    while (!times.empty() && times.front() < now - lately) times.pop_front();
    times.push_back(now);
  }
}

std::map<std::int64_t, SessionGuard::Ended> SessionGuard::too_much(
    std::vector<Session> const& sessions, double queue) const {
  std::map<std::int64_t, Ended> found;
  std::map<std::string, std::int64_t> locks;
  for (auto const& session : sessions) locks[session.role] += session.locks;
  for (auto const& session : sessions) {
    auto& held = locks[session.role];
    bool const holds_up_queue =
        queue > queue_grows && (session.seconds >= seconds_while_it_grows || session.is_deaf);
    if (held > most_locks_) {  // the largest come first
      found[session.pid] = {"locks", held};
      held -= session.locks;
    } else if (holds_up_queue) {
      found[session.pid] = {"notices", std::int64_t(queue * 100)};
    } else if (session.seconds > (session.is_idle ? idle_seconds : most_seconds)) {
      found[session.pid] = {"transaction", session.seconds};
    }
  }
  return found;
}

void SessionGuard::write_down() {
  while (!unwritten_.empty()) {
    auto const [role, ended] = *unwritten_.begin();
    auto const id = tenant_of(role);
    auto& times = before_[id.value];
    bool const must_stop = times.size() >= often;
    auto const detail = ended.what + ", " + std::to_string(ended.amount);
    db::transact(writing_, [&](db::Tx& tx) {
      bool const is_new = identity::guards::raise(
          tx, {.kind = "tenant_overuse",
               .severity = ended.is_harmful() ? identity::guards::Severity::high
                                              : identity::guards::Severity::low,
               .detail = {json::text(Overuse{id.text(), ended.what, ended.amount})},
               .dedupe_key = id.text(),
               .occurrences = std::max<std::int64_t>(1, std::int64_t(times.size()))});
      if (is_new) tenants::note(tx, id, actor, activity::SessionsEnded{ended.what, ended.amount});
      if (must_stop) tenants::place_hold(tx, id, tenants::Hold::abuse, actor, detail);
    });
    if (must_stop) times.clear();
    unwritten_.erase(role);
  }
}

}  // namespace provisioning
