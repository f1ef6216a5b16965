#pragma once
// What a change of somebody's MRR is called (D7), between any two times.
#include <chrono>
#include <cstdint>
#include <optional>

#include "platform/types/fields.hpp"

namespace ledger {

enum class Movement { new_business, reactivation, expansion, contraction, churn };
constexpr auto names_of(Movement) {
  return std::array<std::string_view, 5>{"new", "reactivation", "expansion", "contraction",
                                         "churn"};
}
inline constexpr std::size_t movements = 5;

/// Whether it brings more.
[[nodiscard]] constexpr bool is_up(Movement movement) {
  return movement != Movement::contraction && movement != Movement::churn;
}

/// From one level to another; none where they are the same. `is_first`: who had nothing never had
/// anything.
[[nodiscard]] constexpr std::optional<Movement> movement_of(std::int64_t before, std::int64_t after,
                                                            bool is_first) {
  if (before == after) return {};
  if (before == 0) return is_first ? Movement::new_business : Movement::reactivation;
  if (after == 0) return Movement::churn;
  return after > before ? Movement::expansion : Movement::contraction;
}

using Day = std::chrono::sys_days;

[[nodiscard]] constexpr Day first_of_month(Day day) {
  std::chrono::year_month_day const date{day};
  return Day{date.year() / date.month() / 1};
}
[[nodiscard]] constexpr Day plus_months(Day first, int count) {
  return Day{std::chrono::year_month_day{first} + std::chrono::months{count}};
}
[[nodiscard]] constexpr Day monday_of(Day day) {
  return day - (std::chrono::weekday{day} - std::chrono::Monday);
}

}  // namespace ledger
