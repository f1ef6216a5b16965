// The engine: one dispatcher claims batches for idle worker threads, keeps leases alive and runs
// the schedules; the worker threads run the jobs (execution.cpp).
#include "platform/jobs/jobs.hpp"

#include <algorithm>
#include <set>

#include "platform/log/log.hpp"

namespace jobs {

namespace {
using namespace std::chrono_literals;
constexpr auto poll_pause = 2s;        // the truth, should a wake-up be lost
constexpr auto vain_pause = 5ms;       // wake-ups that come in crowds are looked into together
constexpr auto heartbeat_pause = 3s;   // a lease is 10 s: a dead node's jobs wait 13 s at most
constexpr auto last_words = 3s;        // for statements that were told to give up
constexpr int most_times_threads = 8;  // with those whose jobs hang

// ARRAY, because a join with a LIMIT of unknown size is planned as a scan of all jobs ever done.
db::Query const claim_jobs{"jobs.claim", R"sql(
  UPDATE jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = $1,
                  lease_until = now() + interval '10 seconds'
   WHERE id = ANY (ARRAY(
           SELECT id FROM jobs
            WHERE state = 'waiting' AND run_at <= now() AND kind = ANY ($2::text[])
            ORDER BY run_at, id LIMIT $3 FOR UPDATE SKIP LOCKED))
  RETURNING id, kind, payload, attempt, max_attempts, fence, worker, schedule
)sql"};

// Only what falls due before the next poll: a job put off for ever has no distance to now.
db::Query const next_due{"jobs.next_due", R"sql(
  SELECT (extract(epoch FROM run_at - now()) * 1000)::float8 FROM jobs
   WHERE state = 'waiting' AND kind = ANY ($1::text[])
     AND run_at < now() + $2 * interval '1 millisecond'
   ORDER BY run_at LIMIT 1
)sql"};

struct Held {
  std::int64_t id, fence;
};
// A row that is locked is in its own job's transaction: it is alive, and nobody waits for it.
db::Query const extend_lease{"jobs.extend_lease", R"sql(
  WITH held AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS held (id, fence)),
       free AS (SELECT jobs.id FROM jobs JOIN held USING (id, fence) WHERE state = 'running'
                 ORDER BY jobs.id FOR NO KEY UPDATE OF jobs SKIP LOCKED),
       extended AS (UPDATE jobs SET lease_until = now() + interval '10 seconds'
                      FROM free WHERE jobs.id = free.id)
  SELECT jobs.id, jobs.fence FROM jobs JOIN held USING (id, fence) WHERE state = 'running'
)sql"};

// The first time at once: it was the node that died, more often than not. A job that takes its
// process with it comes again later and later, and is dead after its last attempt like any other.
db::Query const retry_lapsed{"jobs.retry_lapsed", R"sql(
  UPDATE jobs SET state = 'waiting', lease_until = NULL, dedupe_key = NULL,
                  run_at = now() + CASE WHEN attempt < 2 THEN interval '0'
                                        ELSE least(power(2, attempt - 1), 300) * (0.5 + random() / 2)
                                             * interval '1 second' END,
                  last_error = 'the worker ' || coalesce(worker, '?') || ' stopped answering'
   WHERE id = ANY (ARRAY(
           SELECT id FROM jobs
            WHERE state = 'running' AND lease_until < now() AND attempt < max_attempts
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED))
)sql"};

db::Query const take_exhausted{"jobs.take_exhausted", R"sql(
  UPDATE jobs SET fence = fence + 1, lease_until = now() + interval '10 seconds'
   WHERE id = ANY (ARRAY(
           SELECT id FROM jobs
            WHERE state = 'running' AND lease_until < now() AND attempt >= max_attempts
              AND kind = ANY ($1::text[])
            ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED))
  RETURNING id, kind, payload, attempt, max_attempts, fence, worker, schedule
)sql"};

db::Query const let_own_lapse{"jobs.let_own_lapse", R"sql(
  UPDATE jobs SET lease_until = '-infinity' WHERE state = 'running' AND worker = $1
)sql"};

// A stop is no failure of theirs.
db::Query const give_back{"jobs.give_back", R"sql(
  UPDATE jobs SET state = 'waiting', lease_until = NULL, dedupe_key = NULL, run_at = now(),
                  attempt = greatest(attempt - 1, 0), last_error = 'the program was stopped'
    FROM unnest($1::bigint[], $2::bigint[]) AS held (id, fence)
   WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'
)sql"};

// Rounds that nobody was there for are not overdue.
db::Query const put_schedule{"jobs.put_schedule", R"sql(
  INSERT INTO job_schedules AS known (name, kind, every_seconds) VALUES ($1, $1, $2)
  ON CONFLICT (name) DO UPDATE SET every_seconds = $2,
                                   next_run_at = greatest(known.next_run_at, now())
)sql"};

// One job of a schedule at a time, on all nodes together, whether it waits, runs or is to be tried
// again. What is due is due again by itself until that one has ended.
db::Query const put_due{"jobs.put_due", R"sql(
  WITH due AS (
    UPDATE job_schedules SET next_run_at = now() + every_seconds * interval '1 second'
     WHERE name IN (SELECT name FROM job_schedules
                     WHERE next_run_at <= now() AND name = ANY ($1::text[])
                       AND NOT EXISTS (SELECT 1 FROM jobs WHERE schedule = name
                                          AND state IN ('waiting', 'running'))
                       FOR UPDATE SKIP LOCKED)
    RETURNING name, kind)
  INSERT INTO jobs (kind, payload, max_attempts, schedule) SELECT kind, '{}', 3, name FROM due
  ON CONFLICT DO NOTHING
)sql"};

db::Query const make_due{"jobs.make_due", R"sql(
  UPDATE job_schedules SET next_run_at = now() WHERE name = ANY ($1::text[])
)sql"};

template <class Map>
std::vector<std::string> keys_of(Map const& map) {
  std::vector<std::string> keys;
  for (auto const& [key, _] : map) keys.push_back(key);
  return keys;
}
}  // namespace

Engine::Engine(std::string database_url, std::string node, realtime::Hub& hub, int threads)
    : database_url_{std::move(database_url)},
      node_{std::move(node)},
      hub_{hub},
      thread_count_{threads} {}

Engine::~Engine() {
  stop();
  for (auto& thread : threads_) thread.join();
}

void Engine::start() {
  {
    db::Connection connection{database_url_, "onboarding jobs"};
    db::transact(connection, [&](db::Tx& tx) {
      auto const own = tx.exec(let_own_lapse, node_);
      if (own) logging::warning("jobs", "{} jobs of a killed program are taken up again", own);
      keep_schedules(tx);
    });
  }
  moved_at_ = std::chrono::steady_clock::now();
  subscription_ = hub_.join("jobs", [this](std::string_view) {
    std::scoped_lock lock{mutex_};
    poked_ = true;
    wake_dispatcher_.notify_one();
  });
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
  dispatcher_ = std::thread{[this] { dispatch(); }};
}

bool Engine::stop(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock{mutex_};
    if (stopping_ || threads_.empty()) return running_.empty();
    stopping_ = true;
    wake_dispatcher_.notify_all();
    wake_workers_.notify_all();
    if (!wait_until_idle(lock, patience))
      for (auto& [_, running] : running_)
        if (running.connection) running.connection->end_by(std::chrono::steady_clock::now());
    wait_until_idle(lock, last_words);
  }
  hub_.leave(subscription_);
  dispatcher_.join();
  std::unique_lock lock{mutex_};
  if (running_.empty()) {
    lock.unlock();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    return true;
  }
  for (auto const& [_, running] : running_)
    logging::warning("jobs", "{} does not stop and is handed over", running.kind);
  lock.unlock();
  db::Connection connection{database_url_, "onboarding jobs", db::Patience::request()};
  hand_over(connection);
  return false;
}

bool Engine::wait_until_idle(std::unique_lock<std::mutex>& lock,
                             std::chrono::milliseconds patience) {
  return idle_changed_.wait_for(lock, patience, [this] { return running_.empty(); });
}

void Engine::hand_over(db::Connection& connection) {
  std::vector<std::int64_t> ids, fences;
  {
    std::scoped_lock lock{mutex_};
    for (auto const& [job, _] : running_) ids.push_back(job.first), fences.push_back(job.second);
  }
  try {
    db::Tx tx{connection, db::Mode::autocommit};
    tx.exec(give_back, ids, fences);
  } catch (std::exception const& error) {  // then their leases lapse
    logging::warning("jobs", "the jobs could not be handed over: {}", error.what());
  }
}

Seconds Engine::stands_still_for() const {
  return std::chrono::duration_cast<Seconds>(std::chrono::steady_clock::now() - moved_at_.load());
}

void Engine::dispatch() {
  db::Connection connection{database_url_, "onboarding dispatcher", db::Patience::request()};
  auto const kinds = keys_of(workers_);
  auto next_heartbeat = std::chrono::steady_clock::now();
  while (true) {
    std::chrono::milliseconds pause = poll_pause;
    bool found = false;
    ++looks_;
    try {
      if (std::chrono::steady_clock::now() >= next_heartbeat) {
        heartbeat(connection);
        tick_schedules(connection);
        next_heartbeat = std::chrono::steady_clock::now() + heartbeat_pause;
      }
      int room = 0;
      {
        std::scoped_lock lock{mutex_};
        poked_ = false;
        room = idle_ - int(queue_.size());
      }
      if (room > 0) {
        auto claimed = claim(connection, room);
        moved_at_ = std::chrono::steady_clock::now();
        bool const full = int(claimed.size()) == room;
        found = !claimed.empty();
        if (found) {
          std::scoped_lock lock{mutex_};
          for (auto& job : claimed) {
            running_[{job.id, job.fence}].kind = job.kind;
            queue_.push_back(std::move(job));
          }
          wake_workers_.notify_all();
        }
        if (!full) {
          db::Tx tx{connection, db::Mode::autocommit};
          auto const due = tx.maybe<double>(next_due, kinds, pause.count());
          if (due) pause = std::chrono::milliseconds{1 + std::max<std::int64_t>(*due, 0)};
        }
      }
    } catch (std::exception const& error) {
      was_away_ = true;
      logging::warning("jobs", "the dispatcher waits: {}", error.what());
    }
    std::unique_lock lock{mutex_};
    if (!found) wake_dispatcher_.wait_for(lock, vain_pause, [this] { return stopping_; });
    wake_dispatcher_.wait_for(lock, pause, [this] { return stopping_ || poked_; });
    if (stopping_) return;
  }
}

std::vector<Claimed> Engine::claim(db::Connection& connection, int count) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.all<Claimed>(claim_jobs, node_, keys_of(workers_), count);
}

std::size_t Engine::threads() const {
  std::scoped_lock const lock{mutex_};
  return threads_.size();
}

void Engine::join_ended() {
  std::vector<std::thread> ended;
  {
    std::scoped_lock const lock{mutex_};
    for (auto const id : std::exchange(ended_, {})) {
      auto const found = std::find_if(threads_.begin(), threads_.end(),
                                      [&](std::thread const& one) { return one.get_id() == id; });
      ended.push_back(std::move(*found));
      threads_.erase(found);
    }
  }
  for (auto& thread : ended) thread.join();
}

void Engine::heartbeat(db::Connection& connection) {
  join_ended();
  extend_leases(connection);
  // While the database was away nobody could keep a lease alive: the living go first.
  if (!std::exchange(was_away_, false)) take_back_lapsed(connection);
}

void Engine::extend_leases(db::Connection& connection) {
  std::vector<std::int64_t> ids, fences;
  auto const now = std::chrono::steady_clock::now();
  {
    std::scoped_lock lock{mutex_};
    for (auto& [job, running] : running_) {
      if (running.deadline > now) {
        ids.push_back(job.first);
        fences.push_back(job.second);
      } else if (!std::exchange(running.given_up, true)) {
        bool const is_replaced = int(threads_.size()) < most_times_threads * thread_count_;
        logging::error("jobs", "{} has taken longer than it may; {}", running.kind,
                       is_replaced ? "another thread has its place"
                                   : "so have many others, and no more threads are begun");
        running.is_replaced = is_replaced;
        if (is_replaced) threads_.emplace_back([this] { work(); });
      }
    }
  }
  if (ids.empty()) return;
  db::Tx tx{connection, db::Mode::autocommit};
  auto const kept = tx.all<Held>(extend_lease, ids, fences);
  if (kept.size() == ids.size()) return;
  // Somebody else has it, or it has just ended here.
  std::set<std::pair<std::int64_t, std::int64_t>> still;
  for (auto const& held : kept) still.emplace(held.id, held.fence);
  std::scoped_lock lock{mutex_};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (still.contains({ids[i], fences[i]})) continue;
    auto const found = running_.find({ids[i], fences[i]});
    if (found != running_.end() && found->second.connection) found->second.connection->end_by(now);
  }
}

void Engine::take_back_lapsed(db::Connection& connection) {
  auto const exhausted = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    tx.exec(retry_lapsed);
    return tx.all<Claimed>(take_exhausted, keys_of(workers_));
  }();
  for (auto const& job : exhausted)
    settle(connection, job, "its worker stopped answering at every attempt", {}, true, true);
}

void Engine::keep_schedules(db::Tx& tx) {
  for (auto const& [kind, every] : schedules_) tx.exec(put_schedule, kind, every.count());
}

void Engine::tick_schedules(db::Connection& connection) {
  if (schedules_.empty()) return;
  db::transact(connection, [&](db::Tx& tx) { tx.exec(put_due, keys_of(schedules_)); });
}

void Engine::work() {
  db::Connection connection{database_url_, "onboarding job", db::Patience::long_work()};
  std::unique_lock lock{mutex_};
  while (true) {
    ++idle_;
    poked_ = true;
    wake_dispatcher_.notify_one();
    wake_workers_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    auto const job = std::move(queue_.back());
    queue_.pop_back();
    auto& running = running_[{job.id, job.fence}];
    if (stopping_) {  // claimed but not begun: given back at once
      lock.unlock();
      settle(connection, job, "the program is stopping", 0ms, false, false);
    } else {
      running.deadline = std::chrono::steady_clock::now() + workers_.at(job.kind).timeout;
      running.connection = &connection;
      connection.end_by(running.deadline);
      lock.unlock();
      execute(connection, job);
    }
    moved_at_ = std::chrono::steady_clock::now();
    lock.lock();
    bool const is_replaced = running.is_replaced;
    running_.erase({job.id, job.fence});
    idle_changed_.notify_all();
    if (is_replaced) return ended_.push_back(std::this_thread::get_id());
  }
}

int Engine::run_round() {
  db::Connection connection{database_url_, "onboarding jobs", db::Patience::long_work()};
  db::transact(connection, [&](db::Tx& tx) {
    keep_schedules(tx);
    tx.exec(make_due, keys_of(schedules_));
  });
  tick_schedules(connection);
  return run_ready();
}

int Engine::run_ready() {
  db::Connection connection{database_url_, "onboarding jobs", db::Patience::long_work()};
  return run_ready(connection);
}

int Engine::run_ready(db::Connection& connection) {
  int count = 0;
  while (true) {
    auto const claimed = claim(connection, 1);
    if (claimed.empty()) return count;
    execute(connection, claimed.front());
    ++count;
  }
}

}  // namespace jobs
