#include "backups/retention.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace backups;
using namespace std::chrono;

namespace {
Time const now = sys_days{2026y / November / 26} + 12h;
Policy const policy{.daily = 7, .weekly = 4, .monthly = 6};

Kept scheduled(std::int64_t id, Time at) {
  return {BackupId{id}, Reason::scheduled, State::verified, at};
}
std::vector<std::int64_t> kept_of(std::vector<Kept> const& backups,
                                  std::optional<Time> purged_at = {}, Policy const& by = policy) {
  auto const gone = expired(backups, by, now, purged_at);
  std::vector<std::int64_t> kept;
  for (auto const& backup : backups)
    if (std::find(gone.begin(), gone.end(), backup.id) == gone.end())
      kept.push_back(backup.id.value);
  std::sort(kept.begin(), kept.end());
  return kept;
}
}  // namespace

TEST_CASE("a year of daily backups leaves seven days, four weeks and six months") {
  std::vector<Kept> backups;
  for (int age = 0; age < 365; ++age) backups.push_back(scheduled(age + 1, now - days{age}));
  // Ids are ages plus one. Days: 26 to 20 November. Weeks end on the 26th (so far), the 22nd, 15th
  // and 8th. Months: the 26th (so far), 31 October, 30 September, 31 August, 31 July, 30 June.
  CHECK(kept_of(backups) ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 12, 19, 27, 58, 88, 119, 150});
}

TEST_CASE("of one day the newest stays") {
  CHECK(kept_of({scheduled(1, now - 5h), scheduled(2, now - 1h), scheduled(3, now - 3h)}, {},
                {.daily = 1, .weekly = 0, .monthly = 0}) == std::vector<std::int64_t>{2});
}

TEST_CASE("days without a backup do not count") {
  std::vector<Kept> backups;
  for (int i = 0; i < 9; ++i) backups.push_back(scheduled(i + 1, now - days{i * 400}));
  CHECK(kept_of(backups, {}, {.daily = 7, .weekly = 0, .monthly = 0}) ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("the newest verified backup never goes, however old and whatever came after it") {
  CHECK(kept_of({{BackupId{1}, Reason::manual, State::verified, now - days{900}},
                 {BackupId{2}, Reason::scheduled, State::damaged, now - days{40}},
                 {BackupId{3}, Reason::scheduled, State::stored, now - days{40}}}) ==
        std::vector<std::int64_t>{1, 3});
}

TEST_CASE("a damaged one goes no sooner than a whole one, and takes no whole one's place") {
  auto const damaged = [](std::int64_t id, Time at) {
    return Kept{BackupId{id}, Reason::scheduled, State::damaged, at};
  };
  CHECK(kept_of({damaged(1, now - days{95}), damaged(2, now - days{65}), damaged(3, now - days{35}),
                 damaged(4, now)}) == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(kept_of({scheduled(1, now - days{40}), damaged(2, now - days{40} + 1h),
                 scheduled(3, now - days{40} + 2h)}) == std::vector<std::int64_t>{3});
  CHECK(kept_of({scheduled(1, now - days{40}), damaged(2, now - days{40} + 1h),
                 scheduled(3, now - days{1})}) == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("those made by hand or before a restore stay for 30 days, the last ones longer") {
  auto const state = State::verified;
  CHECK(kept_of({scheduled(1, now),
                 {BackupId{2}, Reason::manual, state, now - days{29}},
                 {BackupId{3}, Reason::manual, state, now - days{30}},
                 {BackupId{4}, Reason::before_restore, state, now - days{31}},
                 {BackupId{5}, Reason::before_archive, state, now - days{31}},
                 {BackupId{6}, Reason::final, state, now - days{300}}}) ==
        std::vector<std::int64_t>{1, 2, 5, 6});
}

TEST_CASE("a purged tenant's backups stay for 30 days, then all of them go") {
  std::vector<Kept> const backups{scheduled(1, now - days{400}),
                                  {BackupId{2}, Reason::final, State::verified, now - days{30}}};
  CHECK(kept_of(backups, now - days{29}) == std::vector<std::int64_t>{1, 2});
  CHECK(kept_of(backups, now - days{30}).empty());
}
