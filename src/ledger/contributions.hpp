#pragma once
// What one customer's movements in a currency add to the sums that reports answer from: a function
// of the movements alone. The sums are described where their tables are made (0145).
#include <map>
#include <vector>

#include "ledger/movement.hpp"

namespace ledger {

enum class Span { day, week, month, cohort };
constexpr auto names_of(Span) {
  return std::array<std::string_view, 4>{"day", "week", "month", "cohort"};
}
/// So many months a month's customers are followed.
inline constexpr int months_netted = 12;

/// The first day that ended with revenue, and the first that was in a week and in a month which
/// did.
struct Beginnings {
  std::optional<Day> day, week, month;
  bool operator==(Beginnings const&) const = default;
};

struct MovedDay {
  Day day;
  std::int64_t before, after;
};

/// The movements from a day on.
struct Chain {
  Beginnings begins;
  std::map<Day, std::int64_t> levels;  // at the anchors of the first day
  std::vector<MovedDay> days;
};
/// Where a week, what a month leaves of it, or a month begins that a movement of this day is netted
/// in.
[[nodiscard]] std::vector<std::pair<Span, Day>> anchors_of(Day day);

/// Which sum.
struct Place {
  Span span;
  Day anchor, day;
  Movement kind;
  auto operator<=>(Place const&) const = default;
};
struct Sum {
  std::int64_t amount = 0, customers = 0;
};
using Contributions = std::map<Place, Sum>;

/// `sign`: 1 or -1, which takes away.
void contribute(Chain const& chain, int sign, Contributions& to);

}  // namespace ledger
