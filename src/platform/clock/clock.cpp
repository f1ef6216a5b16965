// Reading, shifting and printing time. Dates are computed with std::chrono's calendar.
#include "platform/clock/clock.hpp"

#include <atomic>
#include <charconv>
#include <cstdio>

namespace clock_source {

namespace {
std::atomic<std::int64_t> shift_microseconds{0};

bool read_digits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty()) return false;
  for (char const c : any_of) {
    if (text.front() != c) continue;
    text.remove_prefix(1);
    return true;
  }
  return false;
}
}  // namespace

Time now() {
  auto const real =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return real + std::chrono::microseconds{shift_microseconds.load(std::memory_order_relaxed)};
}

void advance(std::chrono::microseconds by) { shift_microseconds += by.count(); }

void append_rfc3339(std::string& out, Time time) {
  auto const day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day const date{day};
  auto const since_midnight = (time - day).count() / 1000;  // milliseconds
  char text[] = "0000-00-00T00:00:00.000Z";
  auto digits = [&text](int from, int to, unsigned value) {
    for (int i = to; i >= from; --i, value /= 10) text[i] = char('0' + value % 10);
  };
  digits(0, 3, unsigned(int(date.year())));
  digits(5, 6, unsigned(date.month()));
  digits(8, 9, unsigned(date.day()));
  digits(11, 12, unsigned(since_midnight / 3'600'000));
  digits(14, 15, unsigned(since_midnight / 60'000 % 60));
  digits(17, 18, unsigned(since_midnight / 1000 % 60));
  digits(20, 22, unsigned(since_midnight % 1000));
  out.append(text, sizeof text - 1);
}

std::string rfc3339(Time time) {
  std::string out;
  append_rfc3339(out, time);
  return out;
}

std::optional<Time> parse(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_digits(text, 4, year) || !skip(text, "-") || !read_digits(text, 2, month) ||
      !skip(text, "-") || !read_digits(text, 2, day) || !skip(text, "T t") ||
      !read_digits(text, 2, hour) || !skip(text, ":") || !read_digits(text, 2, minute) ||
      !skip(text, ":") || !read_digits(text, 2, second))
    return {};
  std::chrono::year_month_day const date{std::chrono::year{year},
                                         std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return {};

  std::int64_t fraction = 0;
  if (skip(text, ".")) {
    int scale = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      if (scale++ < 6) fraction = fraction * 10 + (text.front() - '0');
      text.remove_prefix(1);
    }
    if (scale == 0) return {};
    for (; scale < 6; ++scale) fraction *= 10;
  }
  int offset_hours = 0, offset_minutes = 0, sign = 0;
  if (skip(text, "Zz")) {
    if (!text.empty()) return {};
  } else {
    if (text.empty()) return {};
    sign = text.front() == '-' ? -1 : 1;
    if (!skip(text, "+-") || !read_digits(text, 2, offset_hours)) return {};
    if (!text.empty()) {
      skip(text, ":");
      if (!read_digits(text, 2, offset_minutes) || !text.empty()) return {};
    }
  }
  if (offset_hours > 23 || offset_minutes > 59) return {};
  using namespace std::chrono;
  auto const time = Time{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} +
                    microseconds{fraction} - sign * (hours{offset_hours} + minutes{offset_minutes});
  if (time < earliest || time > latest) return {};
  return time;
}

std::int64_t unix_seconds(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Time from_unix_seconds(std::int64_t seconds) { return Time{std::chrono::seconds{seconds}}; }

}  // namespace clock_source
