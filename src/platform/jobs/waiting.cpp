#include "platform/jobs/waiting.hpp"

namespace jobs {

namespace {
db::Query const end_jobs{"jobs.end_waiting", R"sql(
  UPDATE jobs SET state = 'done', finished_at = now(), last_error = NULL, note = $3
   WHERE kind = $1 AND dedupe_key = ANY ($2::text[]) AND state = 'waiting'
)sql"};
}  // namespace

void end_waiting(db::Tx& tx, std::string_view kind, std::vector<std::string> const& dedupe_keys,
                 std::string_view note) {
  if (!dedupe_keys.empty()) tx.exec(end_jobs, kind, dedupe_keys, note);
}

}  // namespace jobs
