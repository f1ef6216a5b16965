// R(t) of D17, exactly, and what it makes of periods.
#include "ledger/recognition.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {
using namespace ledger;

Time at(std::string_view text) { return *clock_source::parse(text); }
}  // namespace

TEST_CASE("what is earned over a period is rounded half up from zero, and all of it at its end") {
  auto const starts = at("2026-01-01T00:00:00Z");
  auto const later = [&](int seconds) { return starts + std::chrono::seconds{seconds}; };
  for (std::int64_t const sign : {1, -1}) {
    Obligation const three{starts - std::chrono::hours{1}, starts, later(2), sign * 3};
    CHECK(recognised_before(three, starts) == 0);
    CHECK(recognised_before(three, later(1)) == sign * 2);
    CHECK(recognised_before(three, later(2)) == sign * 3);
    CHECK(recognised_before(three, later(3)) == sign * 3);
  }
  // The product passes 64 bits.
  std::int64_t const much = 9'000'000'000'000'000'000;
  Obligation const year{starts, starts, starts + std::chrono::days{365}, much};
  CHECK(recognised_before(year, starts + std::chrono::days{73}) == much / 5);
}

TEST_CASE("nothing is recognised before it is booked, then what has passed is caught up") {
  Obligation const late{at("2026-06-11T00:00:00Z"), at("2026-06-01T00:00:00Z"),
                        at("2026-07-01T00:00:00Z"), 3000};
  CHECK(recognised_before(late, at("2026-06-11T00:00:00Z")) == 0);
  CHECK(recognised_before(late, at("2026-06-11T00:00:01Z")) == 1000);
  CHECK(recognised_at_once(late) == 1000);
  Obligation const over{at("2026-08-01T00:00:00Z"), at("2026-06-01T00:00:00Z"),
                        at("2026-07-01T00:00:00Z"), 3000};
  CHECK(recognised_before(over, at("2026-08-01T00:00:00Z")) == 0);
  CHECK(recognised_before(over, at("2026-08-01T00:00:01Z")) == 3000);
  CHECK(recognised_at_once(over) == 3000);
  Obligation const at_once{at("2026-06-11T00:00:00Z"), at("2026-06-11T00:00:00Z"),
                           at("2026-06-11T00:00:00Z"), 500};
  CHECK(recognised_before(at_once, at("2026-06-11T00:00:00Z")) == 0);
  CHECK(recognised_before(at_once, at("2026-06-11T00:00:01Z")) == 500);
}

TEST_CASE("the periods of a line add up, over a leap day and where days have 23 and 25 hours") {
  // Midnights of Madrid, the last of them after the clocks went forward and back.
  std::vector<Time> const edges{at("2027-12-31T23:00:00Z"), at("2028-01-31T23:00:00Z"),
                                at("2028-02-28T23:00:00Z"), at("2028-02-29T23:00:00Z"),
                                at("2028-03-31T22:00:00Z"), at("2028-10-31T23:00:00Z"),
                                at("2028-12-31T23:00:00Z")};
  for (std::int64_t const amount : {10'000, -10'000, 1, 99'999}) {
    Obligation const year{edges.front(), edges.front(), edges.back(), amount};
    std::int64_t sum = 0;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
      auto const part = recognised_between(year, false, edges[i], edges[i + 1]);
      CHECK(part.contra == 0);
      sum += part.revenue;
    }
    CHECK(sum == amount);
  }
  // 366 days of 86400 seconds: the leap day is one of them, March an hour short.
  Obligation const year{edges.front(), edges.front(), edges.back(), 366 * 24};
  CHECK(recognised_between(year, false, edges[2], edges[3]).revenue == 24);
  CHECK(recognised_between(year, false, edges[3], edges[4]).revenue == 31 * 24 - 1);
}

TEST_CASE("a mirror takes back at once what was earned, and goes on against its line") {
  Obligation const june{at("2026-06-01T00:00:00Z"), at("2026-06-01T00:00:00Z"),
                        at("2026-07-01T00:00:00Z"), 3000};
  auto mirror = june;
  mirror.amount = -3000;
  mirror.booked = at("2026-06-11T00:00:00Z");
  auto const line = recognised_between(june, false, june.starts, june.ends);
  auto const back = recognised_between(mirror, true, june.starts, june.ends);
  CHECK(line.revenue == 3000);
  CHECK(back.revenue == -2000);
  CHECK(back.contra == -1000);
}
