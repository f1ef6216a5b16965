#pragma once
// The one job that removes what every table need not keep any longer (platform/retention).
#include "platform/jobs/jobs.hpp"
#include "platform/retention/retention.hpp"

namespace jobs {

struct Prune {
  static constexpr std::string_view kind = "retention.prune";
};

struct PruneBounds {
  std::int64_t rows = 1'000;  // in one statement, which is a transaction of its own
  Seconds time{240};          // what is left then goes with the next round
};

/// Every hour, on one node. `periods` are asked anew at every round; a rule whose period is too
/// short or whose rows cannot go is left out and the round has failed, with the others done.
void add_pruning(Engine& engine, retention::Periods periods = {}, PruneBounds bounds = {});

/// False when no round has succeeded for a day: the last one has failed, or none is begun.
[[nodiscard]] bool is_pruned(db::Tx& tx);

}  // namespace jobs
