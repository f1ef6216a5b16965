// A day changes how a customer stands against each anchor: the former standing goes, the new one
// comes.
#include "ledger/contributions.hpp"

#include <algorithm>
#include <cstdlib>

#include "platform/money/money.hpp"

namespace ledger {

namespace {
void add(Contributions& to, Place const& place, std::int64_t amount, std::int64_t customers) {
  auto& sum = to[place];
  sum.amount = money::add(sum.amount, amount);
  sum.customers += customers;
}

/// What is held just before a day begins.
std::int64_t level_at(Chain const& chain, Day anchor) {
  auto const later = std::ranges::lower_bound(chain.days, anchor, {}, &MovedDay::day);
  if (later != chain.days.begin()) return std::prev(later)->after;
  auto const known = chain.levels.find(anchor);
  return known != chain.levels.end() ? known->second : chain.days.front().before;
}
}  // namespace

std::vector<std::pair<Span, Day>> anchors_of(Day day) {
  auto const monday = monday_of(day), month = first_of_month(day);
  std::vector<std::pair<Span, Day>> out{{Span::week, monday}};
  if (monday < month) out.emplace_back(Span::week, month);
  for (int back = 0; back < months_netted; ++back)
    out.emplace_back(Span::month, plus_months(month, -back));
  return out;
}

void contribute(Chain const& chain, int sign, Contributions& to) {
  auto const never = Day::max();
  auto const came = chain.begins.day.value_or(never);
  for (auto const& moved : chain.days) {
    auto const amount = std::abs(money::subtract(moved.after, moved.before)) * sign;
    if (auto const kind = movement_of(moved.before, moved.after, moved.day == came)) {
      add(to, {Span::day, first_of_month(moved.day), moved.day, *kind}, amount, sign);
      add(to, {Span::cohort, first_of_month(came), moved.day, *kind}, amount, sign);
    }
    for (auto const& [span, anchor] : anchors_of(moved.day)) {
      auto const base = level_at(chain, anchor);
      auto const& begins = span == Span::week ? chain.begins.week : chain.begins.month;
      bool const is_first = begins.value_or(never) >= anchor;
      auto const stand = [&](std::int64_t level, int way) {
        if (auto const kind = movement_of(base, level, is_first))
          add(to, {span, anchor, moved.day, *kind}, std::abs(level - base) * way, way);
      };
      stand(moved.before, -sign);
      stand(moved.after, sign);
    }
  }
}

}  // namespace ledger
