// The statements behind dead.hpp.
#include "platform/jobs/dead.hpp"

#include "platform/realtime/hub.hpp"

namespace jobs {

namespace {
// A twin may wait under its key; both do what the rows say is left to do.
db::Query const revive{"jobs.revive", R"sql(
  UPDATE jobs SET state = 'waiting', attempt = 0, run_at = now(), finished_at = NULL,
                  dedupe_key = NULL
   WHERE id = $1 AND state = 'dead'
)sql"};
db::Query const remove{"jobs.discard", "DELETE FROM jobs WHERE id = $1 AND state = 'dead'"};
}  // namespace

bool retry(db::Tx& tx, std::int64_t id) {
  if (tx.exec(revive, id) == 0) return false;
  realtime::announce(tx, "jobs");
  return true;
}

bool discard(db::Tx& tx, std::int64_t id) { return tx.exec(remove, id) > 0; }

}  // namespace jobs
