// Periods that clamp to short months and come back.
#include "sandbox/calendar.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace sandbox;
using namespace std::chrono;

namespace {
std::int64_t at_noon(int y, unsigned m, unsigned d) {
  return (sys_days{year{y} / month{m} / day{d}} + hours{12}).time_since_epoch() / seconds{1};
}
}  // namespace

TEST_CASE("a monthly anchor on the 31st clamps and returns") {
  auto const anchor = at_noon(2027, 1, 31);
  CHECK(add_intervals(anchor, {"month", 1}, 1) == at_noon(2027, 2, 28));
  CHECK(add_intervals(anchor, {"month", 1}, 2) == at_noon(2027, 3, 31));
  CHECK(add_intervals(anchor, {"month", 1}, 13) == at_noon(2028, 2, 29));
  CHECK(add_intervals(anchor, {"month", 3}, 1) == at_noon(2027, 4, 30));
}

TEST_CASE("a leap day's year") {
  CHECK(add_intervals(at_noon(2028, 2, 29), {"year", 1}, 1) == at_noon(2029, 2, 28));
  CHECK(add_intervals(at_noon(2028, 2, 29), {"year", 1}, 4) == at_noon(2032, 2, 29));
}

TEST_CASE("the end of a period is after the moment, also on the boundary itself") {
  auto const anchor = at_noon(2027, 1, 31);
  CHECK(end_of_period(anchor, {"month", 1}, anchor) == at_noon(2027, 2, 28));
  CHECK(end_of_period(anchor, {"month", 1}, at_noon(2027, 2, 28)) == at_noon(2027, 3, 31));
  CHECK(end_of_period(anchor, {"month", 1}, at_noon(2030, 6, 15)) == at_noon(2030, 6, 30));
  CHECK(end_of_period(anchor, {"week", 2}, at_noon(2027, 2, 1)) == at_noon(2027, 2, 14));
}

TEST_CASE("proration rounds halves away from zero") {
  CHECK(prorated(1000, 1, 3) == 333);
  CHECK(prorated(1, 1, 2) == 1);
  CHECK(prorated(-1, 1, 2) == -1);
  CHECK(prorated(2900, 0, 0) == 0);
}
