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
  auto const [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc{} || end != text.data() + count) return false;
  text.remove_prefix(count);
  return true;
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
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
  auto digits = [&out](long value, int width) {
    char buffer[8];
    for (int i = width - 1; i >= 0; --i, value /= 10) buffer[i] = char('0' + value % 10);
    out.append(buffer, std::size_t(width));
  };
  digits(int(date.year()), 4);
  out += '-';
  digits(unsigned(date.month()), 2);
  out += '-';
  digits(unsigned(date.day()), 2);
  out += 'T';
  digits(since_midnight / 3'600'000, 2);
  out += ':';
  digits(since_midnight / 60'000 % 60, 2);
  out += ':';
  digits(since_midnight / 1000 % 60, 2);
  out += '.';
  digits(since_midnight % 1000, 3);
  out += 'Z';
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
  using namespace std::chrono;
  return Time{sys_days{date}} + hours{hour} + minutes{minute} + seconds{second} +
         microseconds{fraction} - sign * (hours{offset_hours} + minutes{offset_minutes});
}

std::int64_t unix_seconds(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

Time from_unix_seconds(std::int64_t seconds) { return Time{std::chrono::seconds{seconds}}; }

}  // namespace clock_source
