// The engine: one dispatcher claims batches for idle worker threads, keeps leases alive and runs
// the schedules; the worker threads run the jobs.
#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"

namespace jobs {

namespace {
using namespace std::chrono_literals;
constexpr auto poll_pause = 2s;       // the truth, should a wake-up be lost
constexpr auto vain_pause = 5ms;      // wake-ups that come in crowds are looked into together
constexpr auto heartbeat_pause = 5s;  // a lease is 20 s
constexpr auto serial_pause = 150ms;  // another job with the same key is running

// ARRAY, because a join with a LIMIT of unknown size is planned as a scan of all jobs ever done.
db::Query const claim_jobs{"jobs.claim", R"sql(
  UPDATE jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = $1,
                  lease_until = now() + interval '20 seconds'
   WHERE id = ANY (ARRAY(
           SELECT id FROM jobs
            WHERE state = 'waiting' AND run_at <= now() AND kind = ANY ($2::text[])
            ORDER BY run_at, id LIMIT $3 FOR UPDATE SKIP LOCKED))
  RETURNING id, kind, payload, attempt, max_attempts, fence
)sql"};

// Only what falls due before the next poll: a job put off for ever has no distance to now.
db::Query const next_due{"jobs.next_due", R"sql(
  SELECT (extract(epoch FROM run_at - now()) * 1000)::float8 FROM jobs
   WHERE state = 'waiting' AND kind = ANY ($1::text[])
     AND run_at < now() + $2 * interval '1 millisecond'
   ORDER BY run_at LIMIT 1
)sql"};

db::Query const extend_lease{"jobs.extend_lease", R"sql(
  UPDATE jobs SET lease_until = now() + interval '20 seconds'
   WHERE id = ANY ($1::bigint[]) AND worker = $2 AND state = 'running'
)sql"};

db::Query const take_back_lapsed{"jobs.take_back_lapsed", R"sql(
  UPDATE jobs SET state = 'waiting', lease_until = NULL, run_at = now(),
                  last_error = 'the worker ' || coalesce(worker, '?') || ' stopped answering',
                  dedupe_key = NULL
   WHERE state = 'running' AND lease_until < now()
)sql"};

db::Query const take_back_own{"jobs.take_back_own", R"sql(
  UPDATE jobs SET state = 'waiting', lease_until = NULL, run_at = now(),
                  last_error = 'the program was killed', dedupe_key = NULL
   WHERE state = 'running' AND worker = $1
)sql"};

db::Query const finish_job{"jobs.finish_plain", R"sql(
  UPDATE jobs SET state = 'done', finished_at = now(), lease_until = NULL, last_error = NULL
   WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};

// A waiting twin may have come meanwhile: then the key is given up, both run.
db::Query const retry_job{"jobs.retry", R"sql(
  UPDATE jobs SET state = 'waiting', lease_until = NULL, last_error = $3, dedupe_key = NULL,
                  run_at = now() + $4 * interval '1 millisecond', attempt = attempt - $5
   WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};

db::Query const bury_job{"jobs.bury", R"sql(
  UPDATE jobs SET state = 'dead', finished_at = now(), lease_until = NULL, last_error = $3
   WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};

db::Query const lock_key{"jobs.lock_key", "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"};
db::Query const unlock_key{"jobs.unlock_key", "SELECT pg_advisory_unlock(hashtextextended($1, 0))"};

db::Query const put_schedule{"jobs.put_schedule", R"sql(
  INSERT INTO job_schedules (name, kind, every_seconds) VALUES ($1, $1, $2)
  ON CONFLICT (name) DO UPDATE SET every_seconds = $2
)sql"};

db::Query const due_schedules{"jobs.due_schedules", R"sql(
  UPDATE job_schedules SET next_run_at = now() + every_seconds * interval '1 second'
   WHERE name IN (SELECT name FROM job_schedules
                   WHERE next_run_at <= now() AND name = ANY ($1::text[]) FOR UPDATE SKIP LOCKED)
  RETURNING kind
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

Engine::~Engine() { stop(); }

void Engine::start() {
  {
    db::Connection connection{database_url_, "onboarding jobs"};
    db::transact(connection, [&](db::Tx& tx) {
      auto const taken_back = tx.exec(take_back_own, node_);
      if (taken_back)
        logging::warning("jobs", "{} jobs of a killed program are taken up again", taken_back);
      for (auto const& [kind, every] : schedules_) tx.exec(put_schedule, kind, every.count());
    });
  }
  subscription_ = hub_.join("jobs", [this](std::string_view) {
    std::scoped_lock lock{mutex_};
    poked_ = true;
    wake_dispatcher_.notify_one();
  });
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { dispatch(); });
}

void Engine::stop(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock{mutex_};
    if (threads_.empty()) return;
    stopping_ = true;
    wake_dispatcher_.notify_all();
    wake_workers_.notify_all();
    if (!idle_changed_.wait_for(lock, patience, [this] { return running_.empty(); }))
      logging::warning("jobs", "{} jobs are still running", running_.size());
  }
  hub_.leave(subscription_);
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Engine::dispatch() {
  db::Connection connection{database_url_, "onboarding dispatcher"};
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
        bool const full = int(claimed.size()) == room;
        found = !claimed.empty();
        if (found) {
          std::scoped_lock lock{mutex_};
          for (auto& job : claimed) {
            auto const timeout = workers_.at(job.kind).timeout;
            running_[job.id] = {job.id, job.fence, std::chrono::steady_clock::now() + timeout};
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

void Engine::heartbeat(db::Connection& connection) {
  std::vector<std::int64_t> alive;
  {
    std::scoped_lock lock{mutex_};
    auto const now = std::chrono::steady_clock::now();
    for (auto const& [id, running] : running_)
      if (running.deadline > now) alive.push_back(id);
  }
  db::Tx tx{connection, db::Mode::autocommit};
  if (!alive.empty()) tx.exec(extend_lease, alive, node_);
  tx.exec(take_back_lapsed);
}

void Engine::tick_schedules(db::Connection& connection) {
  db::transact(connection, [&](db::Tx& tx) {
    for (auto const& kind : tx.all<std::string>(due_schedules, keys_of(schedules_)))
      enqueue_raw(tx, kind, "{}", {.dedupe_key = "schedule", .max_attempts = 3});
  });
}

void Engine::work() {
  db::Connection connection{database_url_, "onboarding job"};
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
    if (stopping_) {  // claimed but not begun: given back at once
      lock.unlock();
      settle(connection, job, "the program is stopping", 0ms, false, false);
    } else {
      lock.unlock();
      execute(connection, job);
    }
    lock.lock();
    running_.erase(job.id);
    idle_changed_.notify_all();
  }
}

void Engine::execute(db::Connection& connection, Claimed const& job) {
  logging::Scope const ids{"", "", std::to_string(job.id)};
  auto const& worker = workers_.at(job.kind);
  std::string serial;
  auto unlock = [&] {
    if (serial.empty()) return;
    try {
      db::Tx tx{connection, db::Mode::autocommit};
      tx.one<bool>(unlock_key, serial);
    } catch (std::exception const&) {
      connection.drop();  // the lock goes with its session
    }
  };
  try {
    if (worker.serialise) {
      auto const key = worker.serialise(job.payload);
      db::Tx tx{connection, db::Mode::autocommit};
      if (!tx.one<bool>(lock_key, key)) throw Snooze{serial_pause};
      serial = key;
    }
    Context context{connection, job};
    worker.run(context, job.payload);
    if (!context.is_finished()) {
      db::Tx tx{connection, db::Mode::autocommit};
      tx.exec(finish_job, job.id, job.fence);
    }
  } catch (LeaseLost const& lost) {
    logging::warning("jobs", "{}: {}", job.kind, lost.what());
  } catch (Snooze const& snooze) {
    settle(connection, job, "", snooze.after, false, false);
  } catch (Permanent const& error) {
    settle(connection, job, error.what(), {}, true, true);
  } catch (Retry const& error) {
    settle(connection, job, error.what(), error.after, true, false);
  } catch (Problem const& problem) {
    auto text = std::string{problem.type.code};
    for (auto const* part : {&problem.detail, &problem.internal})
      if (!part->empty()) text += ": " + *part;
    for (auto const& error : problem.errors) text += "; " + error.pointer + " " + error.detail;
    settle(connection, job, text, {}, true, false);
  } catch (std::exception const& error) {
    settle(connection, job, error.what(), {}, true, false);
  }
  unlock();
}

void Engine::settle(db::Connection& connection, Claimed const& job, std::string const& error,
                    std::optional<std::chrono::milliseconds> after, bool counts, bool permanent) {
  try {
    bool const is_dead = permanent || (counts && job.attempt >= job.max_attempts);
    if (is_dead) {
      logging::error("jobs", "{} is dead after {} attempts: {}", job.kind, job.attempt, error);
      db::transact(connection, [&](db::Tx& tx) {
        if (tx.exec(bury_job, job.id, job.fence, error) != 1) return;
        if (auto const& dead = workers_.at(job.kind).dead) dead(tx, job.payload, error);
        realtime::announce(tx, "dashboard");
      });
      return;
    }
    auto const wait = after.value_or(backoff(job.attempt));
    if (counts)
      logging::warning("jobs", "{} failed (attempt {} of {}), again in {} ms: {}", job.kind,
                       job.attempt, job.max_attempts, wait.count(), error);
    db::Tx tx{connection, db::Mode::autocommit};
    tx.exec(retry_job, job.id, job.fence,
            error.empty() ? std::optional<std::string>{} : std::optional{error}, wait.count(),
            counts ? 0 : 1);
  } catch (std::exception const& failure) {
    // Its lease lapses and the job is taken up again.
    logging::warning("jobs", "the end of {} could not be written: {}", job.kind, failure.what());
  }
}

int Engine::run_ready() {
  db::Connection connection{database_url_, "onboarding jobs"};
  int count = 0;
  while (true) {
    auto const claimed = claim(connection, 1);
    if (claimed.empty()) return count;
    execute(connection, claimed.front());
    ++count;
  }
}

}  // namespace jobs
