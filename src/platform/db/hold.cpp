// An advisory lock of the session kind on a connection of its own, looked at
// every few seconds.
#include "platform/db/hold.hpp"

#include "platform/log/log.hpp"

namespace db {

namespace {
using namespace std::chrono_literals;
constexpr auto look_every = 5s;

Query const try_hold{"db.try_hold", "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"};
Query const has_hold{"db.has_hold", R"sql(
  SELECT EXISTS (SELECT 1 FROM pg_locks
                  WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1
                    AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0))
)sql"};
struct Holder {
  std::int64_t pid;
  std::string name;
};
Query const who_holds{"db.who_holds", R"sql(
  SELECT l.pid, coalesce(application_name, '') AS name
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
   WHERE locktype = 'advisory' AND granted AND objsubid = 1
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0)
)sql"};
Query const end_session{"db.end_session", "SELECT pg_terminate_backend($1::integer)"};
}  // namespace

// PostgreSQL cuts longer names off.
Hold::Hold(std::string const& url, std::string name, std::string const& holder,
           std::function<void(std::string const&)> lost, std::chrono::milliseconds patience)
    : connection_{url, holder.substr(0, 63)},
      name_{std::move(name)},
      holder_{holder.substr(0, 63)},
      lost_{std::move(lost)} {
  auto const end = std::chrono::steady_clock::now() + patience;
  while (auto const other = take()) {
    if (std::chrono::steady_clock::now() > end) throw Taken{*other};
    std::this_thread::sleep_for(100ms);
  }
  thread_ = std::thread{[this] { keep(); }};
}

Hold::~Hold() {
  {
    std::scoped_lock const lock{mutex_};
    ending_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<std::string> Hold::take() {
  // A machine that vanishes must not hold it for the hours that TCP takes to
  // notice.
  connection_.execute(
      "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET "
      "tcp_keepalives_count = 3");
  Tx tx{connection_, Mode::autocommit};
  if (tx.one<bool>(try_hold, name_)) return {};
  auto const other = tx.maybe<Holder>(who_holds, name_);
  if (!other) return std::string{"somebody else"};
  // It bears our name, and we are the only one who may: it is what a killed one
  // has left.
  if (other->name == holder_) tx.one<bool>(end_session, other->pid);
  return other->name;
}

void Hold::keep() {
  std::unique_lock lock{mutex_};
  while (!ended_.wait_for(lock, look_every, [this] { return ending_; })) {
    try {
      bool const still = [&] {
        Tx tx{connection_, Mode::autocommit};
        return tx.one<bool>(has_hold, name_);
      }();
      if (still) continue;
      if (auto const other = take(); other && *other != holder_) return lost_(*other);
    } catch (std::exception const& error) {
      // Gone with the database; nobody else can take it while that is away.
      logging::debug("db", "{}: {}", name_, error.what());
    }
  }
}

}  // namespace db
