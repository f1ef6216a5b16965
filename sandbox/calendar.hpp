#pragma once
// Billing periods: months have different lengths, and an anchor on the 31st must not drift.
#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox {

struct Interval {
  std::string_view unit;  // day, week, month, year
  std::int64_t count = 1;
};

/// `anchor` (Unix seconds, UTC) plus `times` intervals; a day that the month lacks becomes its
/// last one: 31 Jan + 1 month = 28 Feb, 31 Jan + 2 months = 31 Mar.
[[nodiscard]] std::int64_t add_intervals(std::int64_t anchor, Interval interval,
                                         std::int64_t times);
/// The first boundary after `moment` of the periods that start at `anchor`.
[[nodiscard]] std::int64_t end_of_period(std::int64_t anchor, Interval interval,
                                         std::int64_t moment);
/// `amount` for `part` of `whole` seconds, rounded to the nearest minor unit, halves away from
/// zero.
[[nodiscard]] std::int64_t prorated(std::int64_t amount, std::int64_t part, std::int64_t whole);
/// "23 Nov 2026", in English, for the descriptions of invoice lines.
[[nodiscard]] std::string day_text(std::int64_t moment);

}  // namespace sandbox
