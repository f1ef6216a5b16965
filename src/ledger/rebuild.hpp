#pragma once
// Books of all customers made again: from stored events, or by the days of another zone. Both go on
// where they were when they are cut off.
#include "ledger/books.hpp"
#include "platform/jobs/jobs.hpp"

namespace ledger {

struct Rebuilt {
  std::int64_t customers = 0, snapshots = 0;  // snapshots that had been missing
};

/// Makes everything again from what is stored, and tells each difference once it is committed, one
/// after the other. `helpers` are connections on which more of it is done at the same time.
Rebuilt rebuild(db::Connection& connection, std::function<void(Difference const&)> const& tell,
                std::vector<db::Connection*> const& helpers = {});

/// Nets the movements by the days of the zone that the organisation's reports are in.
struct FollowZone {
  static constexpr std::string_view kind = "ledger.follow_zone";
};
/// Adds up what movements have appended to the sums of reports.
struct FoldRollups {
  static constexpr std::string_view kind = "ledger.fold_rollups";
};
void add_workers(jobs::Engine& engine);

}  // namespace ledger
