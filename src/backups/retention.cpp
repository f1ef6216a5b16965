// Periods are those of UTC, so that a summer time neither doubles a day nor swallows one.
#include "backups/retention.hpp"

#include <algorithm>
#include <set>

namespace backups {

namespace {
using std::chrono::days;

/// Keeps the newest of each of the first `count` periods; `backups` are the newest first.
template <class Period>
void keep(std::vector<Kept> const& backups, std::int64_t count, Period&& period_of,
          std::set<BackupId>& kept) {
  std::set<std::int64_t> seen;
  for (auto const& backup : backups) {
    if (std::int64_t(seen.size()) == count) return;
    if (seen.insert(period_of(std::chrono::floor<days>(backup.at))).second) kept.insert(backup.id);
  }
}

std::int64_t day_of(std::chrono::sys_days day) { return day.time_since_epoch().count(); }
// The epoch was a Thursday; weeks begin on Monday.
std::int64_t week_of(std::chrono::sys_days day) { return (day_of(day) + 3) / 7; }
std::int64_t month_of(std::chrono::sys_days day) {
  std::chrono::year_month_day const date{day};
  return int(date.year()) * 12 + std::int64_t(unsigned(date.month()));
}
}  // namespace

std::vector<BackupId> expired(std::vector<Kept> const& backups, Policy const& policy, Time now,
                              std::optional<Time> purged_at) {
  std::vector<BackupId> gone;
  if (purged_at) {
    if (now >= *purged_at + kept_by_hand)
      for (auto const& backup : backups) gone.push_back(backup.id);
    return gone;
  }
  auto newest_first = backups;
  std::sort(newest_first.begin(), newest_first.end(), [](auto const& a, auto const& b) {
    return std::pair{a.at, a.id} > std::pair{b.at, b.id};
  });
  std::set<BackupId> kept;
  for (auto const& backup : newest_first)
    if (backup.reason != Reason::scheduled &&
        (now < backup.at + kept_by_hand || backup.reason == Reason::final ||
         backup.reason == Reason::before_archive))
      kept.insert(backup.id);
  // Once more for each: what is damaged may turn out to be whole, so it stays as long as if it
  // were, but takes the place of none that is known to be.
  for (auto const& counted : {std::set{State::verified}, std::set{State::verified, State::stored},
                              std::set{State::verified, State::stored, State::damaged}}) {
    std::vector<Kept> of_these, scheduled;
    for (auto const& backup : newest_first)
      if (counted.contains(backup.state)) of_these.push_back(backup);
    if (!of_these.empty()) kept.insert(of_these.front().id);
    for (auto const& backup : of_these)
      if (backup.reason == Reason::scheduled) scheduled.push_back(backup);
    keep(scheduled, policy.daily, day_of, kept);
    keep(scheduled, policy.weekly, week_of, kept);
    keep(scheduled, policy.monthly, month_of, kept);
  }
  for (auto const& backup : newest_first)
    if (!kept.contains(backup.id)) gone.push_back(backup.id);
  return gone;
}

}  // namespace backups
