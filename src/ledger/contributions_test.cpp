// What movements add to the sums, day by day.
#include "ledger/contributions.hpp"

#include <doctest/doctest.h>

#include <random>

namespace {
using namespace ledger;
using namespace std::chrono_literals;

Day day(int year, unsigned month, unsigned date) {
  return Day{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{date}};
}

using Sums = std::map<std::string, std::pair<std::int64_t, std::int64_t>>;

/// Of a span from its anchor up to the day `until`, by kind.
Sums netted(Contributions const& all, Span span, Day anchor, Day until) {
  Sums out;
  for (auto const& [place, sum] : all)
    if (place.span == span && place.anchor == anchor && place.day < until) {
      auto& to = out[std::string{name_of(place.kind)}];
      to.first += sum.amount;
      to.second += sum.customers;
    }
  std::erase_if(out, [](auto const& entry) { return entry.second == std::pair{0L, 0L}; });
  return out;
}

Contributions of(Chain const& chain) {
  Contributions out;
  contribute(chain, 1, out);
  return out;
}
}  // namespace

TEST_CASE("what a month leaves of a week is netted against the month's beginning") {
  // 30.00 from Tuesday 31 March on, 50.00 from Thursday on.
  auto const tuesday = day(2026, 3, 31), thursday = day(2026, 4, 2), next = day(2026, 4, 6);
  auto const sums =
      of({{tuesday, thursday, tuesday}, {}, {{tuesday, 0, 3000}, {thursday, 3000, 5000}}});
  CHECK(netted(sums, Span::week, day(2026, 3, 30), next) == Sums{{"new", {5000, 1}}});
  CHECK(netted(sums, Span::week, day(2026, 4, 1), next) == Sums{{"expansion", {2000, 1}}});
}

TEST_CASE("a month's customers are netted against its beginning, for a year") {
  // 50.00 from 10 January on, 80.00 from 3 March on, nothing from 20 March to 28 March, then 20.00.
  Chain const chain{{day(2026, 1, 10), day(2026, 1, 10), day(2026, 1, 10)},
                    {},
                    {{day(2026, 1, 10), 0, 5000},
                     {day(2026, 3, 3), 5000, 8000},
                     {day(2026, 3, 20), 8000, 0},
                     {day(2026, 3, 28), 0, 2000}}};
  auto const sums = of(chain);
  auto const january = day(2026, 1, 1), march = day(2026, 3, 1), april = day(2026, 4, 1);
  CHECK(netted(sums, Span::month, january, day(2026, 2, 1)) == Sums{{"new", {5000, 1}}});
  CHECK(netted(sums, Span::month, day(2026, 2, 1), march) == Sums{});
  CHECK(netted(sums, Span::month, march, april) == Sums{{"contraction", {3000, 1}}});
  CHECK(netted(sums, Span::month, march, day(2026, 3, 4)) == Sums{{"expansion", {3000, 1}}});
  CHECK(netted(sums, Span::month, march, day(2026, 3, 21)) == Sums{{"churn", {5000, 1}}});
  CHECK(netted(sums, Span::month, day(2025, 4, 1), april) == Sums{{"new", {2000, 1}}});
  CHECK(netted(sums, Span::month, day(2025, 3, 1), april) == Sums{{"new", {5000, 1}}});
  CHECK(netted(sums, Span::day, january, april) == Sums{{"new", {5000, 1}}});
  CHECK(netted(sums, Span::cohort, january, april) == Sums{{"new", {5000, 1}},
                                                           {"expansion", {3000, 1}},
                                                           {"churn", {8000, 1}},
                                                           {"reactivation", {2000, 1}}});
  CHECK(netted(sums, Span::week, day(2026, 3, 16), day(2026, 3, 23)) == Sums{{"churn", {8000, 1}}});
  CHECK(netted(sums, Span::week, day(2026, 3, 23), day(2026, 3, 30)) ==
        Sums{{"reactivation", {2000, 1}}});
}

TEST_CASE("who comes and goes within a month is new in the first that ends with revenue") {
  Chain const chain{
      {day(2026, 1, 5), day(2026, 1, 5), day(2026, 2, 10)},
      {},
      {{day(2026, 1, 5), 0, 100}, {day(2026, 1, 25), 100, 0}, {day(2026, 2, 10), 0, 300}}};
  auto const sums = of(chain);
  CHECK(netted(sums, Span::month, day(2026, 1, 1), day(2026, 2, 1)) == Sums{});
  CHECK(netted(sums, Span::month, day(2026, 2, 1), day(2026, 3, 1)) == Sums{{"new", {300, 1}}});
  CHECK(netted(sums, Span::week, day(2026, 2, 9), day(2026, 2, 16)) ==
        Sums{{"reactivation", {300, 1}}});
}

TEST_CASE("a part of a chain adds what the whole does from there on") {
  std::mt19937 generator{7};
  for (int round = 0; round < 50; ++round) {
    Chain whole;
    std::int64_t level = 0;
    auto at = day(2024, 1, 1);
    for (int i = 0; i < 40; ++i) {
      at += std::chrono::days{1 + int(generator() % 40)};
      auto const next = generator() % 3 == 0 ? 0 : std::int64_t(generator() % 5) * 100;
      if (next == level) continue;
      whole.days.push_back({at, level, next});
      level = next;
    }
    whole.begins = {whole.days.front().day, whole.days.front().day, whole.days.front().day};
    auto const from = whole.days[whole.days.size() / 2].day;
    Chain part{whole.begins, {}, {}};
    for (auto const& moved : whole.days)
      if (moved.day >= from) part.days.push_back(moved);
    for (auto const& [span, anchor] : anchors_of(from)) {
      std::int64_t held = 0;
      for (auto const& moved : whole.days)
        if (moved.day < anchor) held = moved.after;
      part.levels[anchor] = held;
    }
    auto expected = of(whole);
    std::erase_if(expected, [&](auto const& entry) { return entry.first.day < from; });
    auto const found = of(part);
    CHECK(found.size() == expected.size());
    for (auto const& [place, sum] : expected) {
      REQUIRE(found.contains(place));
      CHECK(found.at(place).amount == sum.amount);
      CHECK(found.at(place).customers == sum.customers);
    }
  }
}
