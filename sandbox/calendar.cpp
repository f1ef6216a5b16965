// Always computed from the anchor, never from the period before: clamped days come back.
#include "sandbox/calendar.hpp"

#include <chrono>
#include <string>

#include "platform/money/money.hpp"

namespace sandbox {

using namespace std::chrono;

std::int64_t add_intervals(std::int64_t anchor, Interval interval, std::int64_t times) {
  auto const amount = interval.count * times;
  if (interval.unit == "day") return anchor + amount * 86'400;
  if (interval.unit == "week") return anchor + amount * 7 * 86'400;
  sys_seconds const moment{seconds{anchor}};
  auto const day = floor<days>(moment);
  year_month_day const date{day};
  auto const target = year_month{date.year(), date.month()} +
                      months{interval.unit == "year" ? amount * 12 : amount};
  auto const last = year_month_day_last{target.year(), month_day_last{target.month()}}.day();
  year_month_day const clamped{target.year(), target.month(), std::min(date.day(), last)};
  return (sys_days{clamped} + (moment - day)).time_since_epoch() / seconds{1};
}

std::int64_t end_of_period(std::int64_t anchor, Interval interval, std::int64_t moment) {
  std::int64_t const shortest = (interval.unit == "day"    ? 1
                                 : interval.unit == "week" ? 7
                                 : interval.unit == "year" ? 366
                                                           : 31) *
                                86'400 * interval.count;
  auto times = moment > anchor ? (moment - anchor) / shortest : 0;
  while (add_intervals(anchor, interval, times) <= moment) ++times;
  return add_intervals(anchor, interval, times);
}

std::int64_t prorated(std::int64_t amount, std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return 0;
  money::Wide const product = money::Wide{amount < 0 ? -amount : amount} * part;
  auto const rounded = money::divide(product, whole, money::Rounding::half_up);
  return amount < 0 ? -rounded : rounded;
}

std::string day_text(std::int64_t moment) {
  static constexpr char const* names[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  year_month_day const date{floor<days>(sys_seconds{seconds{moment}})};
  return std::to_string(unsigned(date.day())) + " " + names[unsigned(date.month()) - 1] + " " +
         std::to_string(int(date.year()));
}

}  // namespace sandbox
