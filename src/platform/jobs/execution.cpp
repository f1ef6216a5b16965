// What becomes of one job: it runs, and its end is written down.
#include "platform/db/session_lock.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"

namespace jobs {

namespace {
using namespace std::chrono_literals;
constexpr auto serial_pause = 150ms;  // another job with the same key is running

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

db::Query const tell_schedule_failed{"jobs.tell_schedule_failed", R"sql(
  UPDATE job_schedules SET last_ended_at = now(), last_outcome = 'failed', last_worker = $2,
                           last_note = $3 WHERE name = $1
)sql"};

// The last failure says what those before it said.
db::Query const bury_only_one{"jobs.bury_only_one", R"sql(
  DELETE FROM jobs WHERE schedule = $1 AND state = 'dead' AND id <> $2
)sql"};
}  // namespace

void Engine::execute(db::Connection& connection, Claimed const& job) {
  connection.drop_if_hung_up();
  logging::Scope const ids{"", "", std::to_string(job.id)};
  auto const& worker = workers_.at(job.kind);
  std::optional<db::SessionLock> turn;
  try {
    if (worker.serialise) {
      turn.emplace(connection, worker.serialise(job.payload), db::SessionLock::Wait::never);
      if (!turn->is_held()) throw Snooze{serial_pause};
    }
    Context context{connection, job};
    worker.run(context, job.payload);
    connection.never_end();
    if (!context.is_finished()) {
      if (job.schedule) {
        db::transact(connection, [&](db::Tx& tx) { context.finish(tx); });
      } else {
        db::Tx tx{connection, db::Mode::autocommit};
        context.finish(tx);
      }
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
  } catch (db::Unavailable const& error) {
    // A stop that cuts its statement short is no failure of the job's.
    bool const is_stop = [&] {
      std::scoped_lock lock{mutex_};
      return stopping_;
    }();
    settle(connection, job, error.what(),
           is_stop ? std::optional{std::chrono::milliseconds{0}} : std::nullopt, !is_stop, false);
  } catch (std::exception const& error) {
    settle(connection, job, error.what(), {}, true, false);
  }
}

void Engine::settle(db::Connection& connection, Claimed const& job, std::string const& error,
                    std::optional<std::chrono::milliseconds> after, bool counts, bool permanent) {
  connection.never_end();  // the time was the work's, not that of its end
  try {
    bool const is_dead = permanent || (counts && job.attempt >= job.max_attempts);
    if (is_dead) {
      logging::error("jobs", "{} is dead after {} attempts: {}", job.kind, job.attempt, error);
      db::transact(connection, [&](db::Tx& tx) {
        if (job.schedule) tx.exec(tell_schedule_failed, *job.schedule, job.worker, error);
        if (tx.exec(bury_job, job.id, job.fence, error) != 1) throw LeaseLost{"it was taken over"};
        if (job.schedule) tx.exec(bury_only_one, *job.schedule, job.id);
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

}  // namespace jobs
