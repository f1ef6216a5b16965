#pragma once
// Which backups may go: of the scheduled ones the newest of each of the last days, weeks and months
// stays (grandfather, father, son), others stay for a month.
#include <chrono>
#include <vector>

#include "backups/backup.hpp"

namespace backups {

struct Kept {
  BackupId id;
  Reason reason;
  State state;
  Time at;
};

/// Days, weeks and months that have a backup; those without one do not count.
struct Policy {
  std::int64_t daily, weekly, monthly;
};

/// Manual ones and those made before a restore, and what a purged tenant leaves.
inline constexpr std::chrono::days kept_by_hand{30};

/// `purged_at`: when the tenant was purged; nothing goes before its month is over, everything then.
/// Until then the newest verified backup never goes, nor the newest of those that are usable.
[[nodiscard]] std::vector<BackupId> expired(std::vector<Kept> const& backups, Policy const& policy,
                                            Time now, std::optional<Time> purged_at);

}  // namespace backups
