// The rows of jobs: putting in, claiming, ending.
#include "platform/jobs/jobs.hpp"

#include <random>

#include "platform/log/log.hpp"

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
  UPDATE jobs SET state = 'done', finished_at = now(), lease_until = NULL, last_error = NULL
   WHERE id = $1 AND fence = $2 AND state = 'running'
)sql"};
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
  if (tx.exec(finish_job, job.id, job.fence) != 1)
    throw LeaseLost{"job " + std::to_string(job.id) + " was taken over"};
  finished_ = true;
}

}  // namespace jobs
