#pragma once
// What must always be true of the rows is looked at every night and when somebody asks for it: it
// is true, or the rows are named for which it is not.
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"

namespace invariants {

/// One round over all of them.
struct Check {
  static constexpr std::string_view kind = "invariants.check";
};

struct Red {
  std::string name, says;
  std::string_view severity;
  std::int64_t offenders;
};
/// As the last round has left them.
struct Standing {
  std::vector<Red> red;
  std::int64_t unchecked = 0;  // that PostgreSQL could not answer
  bool late = false;           // no round for two days
};
[[nodiscard]] Standing standing(db::Tx& tx);
/// No round has come to its end for two days.
[[nodiscard]] bool is_overdue(db::Tx& tx);

/// GET /api/invariants, GET /api/invariants/{name}, POST /api/invariants/run.
void add_endpoints(http::Api& api);
/// The round, every night.
void add_workers(jobs::Engine& engine);

}  // namespace invariants
