// The rows of jobs: putting in, claiming, ending.
#include "platform/jobs/jobs.hpp"

#include <random>

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace jobs {

namespace {
db::Query const insert_job{"jobs.insert", R"sql(
  SELECT enqueue_job($1, $2::jsonb, $3, $4::timestamptz, $5)
)sql"};

// The row lock keeps whoever would take the job over waiting until this transaction has ended.
db::Query const hold_lease{"jobs.hold_lease", R"sql(
  SELECT id FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running' FOR SHARE
)sql"};

db::Query const finish_job{"jobs.finish", R"sql(
  UPDATE jobs SET state = 'done', finished_at = now(), lease_until = NULL, last_error = NULL,
                  note = $3
   WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};

db::Query const leave_no_row{"jobs.leave_no_row", R"sql(
  DELETE FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};

db::Query const tell_schedule{"jobs.tell_schedule", R"sql(
  UPDATE job_schedules SET last_ended_at = now(), last_succeeded_at = now(), last_worker = $2,
         last_outcome = CASE WHEN $3::text IS NULL THEN 'idle' ELSE 'worked' END, last_note = $3
   WHERE name = $1
)sql"};

using std::chrono::days;
retention::Rule const done_jobs{{.table = "jobs",
                                 .column = "finished_at",
                                 .keep = days{14},
                                 .least = days{1},
                                 .only = "t.state = 'done'",
                                 .name = "jobs_done",
                                 .why = "what was done lately explains what is seen now"}};
retention::Rule const dead_jobs{{.table = "jobs",
                                 .column = "finished_at",
                                 .keep = days{180},
                                 .least = days{14},
                                 .only = "t.state = 'dead'",
                                 .name = "jobs_dead",
                                 .why = "somebody must see them and may try again"}};
retention::Kept const kept_job_schedules{"job_schedules", "one row a schedule"};
}  // namespace

std::optional<std::int64_t> enqueue_raw(db::Tx& tx, std::string_view kind, std::string payload,
                                        Options const& options) {
  return tx.one<std::optional<std::int64_t>>(insert_job, kind, payload, options.dedupe_key,
                                             options.run_at, options.max_attempts);
}

std::chrono::milliseconds backoff(std::int64_t attempt) {
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  auto const doublings = std::min<std::int64_t>(attempt - 1, 8);
  auto const ceiling = std::min<std::int64_t>(2'000LL << doublings, 300'000);
  return std::chrono::milliseconds{
      std::uniform_int_distribution<std::int64_t>{ceiling / 2, ceiling}(generator)};
}

void Context::check_fence(db::Tx& tx) {
  if (!tx.maybe<std::int64_t>(hold_lease, job.id, job.fence))
    throw LeaseLost{"job " + std::to_string(job.id) + " was taken over"};
}

void Context::finish(db::Tx& tx) {
  // The schedule first, as everybody does who locks both.
  if (job.schedule) tx.exec(tell_schedule, *job.schedule, job.worker, note_);
  bool const is_kept = !job.schedule || note_;
  if ((is_kept ? tx.exec(finish_job, job.id, job.fence, note_)
               : tx.exec(leave_no_row, job.id, job.fence)) != 1)
    throw LeaseLost{"job " + std::to_string(job.id) + " was taken over"};
  finished_ = true;
}

}  // namespace jobs
