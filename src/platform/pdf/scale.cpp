// Round steps, and numbers and periods in words.
#include "platform/pdf/scale.hpp"

#include <array>
#include <cmath>

#include "platform/money/money.hpp"
#include "platform/money/number.hpp"

namespace pdf {

namespace {
using series::UnitKind;
constexpr std::string_view no_break_space = "\u00a0";
constexpr double minute = 60, hour = 3'600, day = 86'400;

double decimal_step(double least) {
  auto const power = std::pow(10, std::floor(std::log10(least)));
  for (double const factor : {1, 2, 5})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

double seconds_step(double least) {
  constexpr std::array steps{1.0,    2.0,        5.0,        10.0,        15.0,        30.0,
                             minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
                             hour,   2 * hour,   3 * hour,   6 * hour,    12 * hour,   day};
  for (auto const step : steps)
    if (step >= least) return step;
  return decimal_step(least / day) * day;
}

double step_of(double least, series::Unit const& unit) {
  least = std::max(least, 1.0);  // never finer than the smallest part
  if (unit.kind == UnitKind::bytes) return std::exp2(std::ceil(std::log2(least)));
  auto const second = std::pow(10, double(unit.decimals));
  if (unit.kind == UnitKind::seconds && least > second)
    return seconds_step(least / second) * second;
  return decimal_step(least);
}

/// "1.5 GiB": one place where the number is not whole.
std::string with_name(double value, std::string_view name, i18n::Locale locale) {
  auto const tenths = std::llround(value * 10);
  auto const text =
      tenths % 10 ? money::number(tenths, 1, locale) : money::number(tenths / 10, 0, locale);
  return text + std::string{no_break_space} + std::string{name};
}

std::string bytes_in_words(double bytes, i18n::Locale locale) {
  constexpr std::array<std::string_view, 6> names{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t at = 0;
  for (; std::abs(bytes) >= 1024 && at + 1 < names.size(); ++at) bytes /= 1024;
  return with_name(bytes, names[at], locale);
}

std::string seconds_in_words(double seconds, i18n::Locale locale) {
  auto const size = std::abs(seconds);
  if (size > 0 && size < 1) return with_name(seconds * 1'000, "ms", locale);
  if (size < 2 * minute) return with_name(seconds, "s", locale);
  if (size < 2 * hour) return with_name(seconds / minute, "min", locale);
  if (size < 2 * day) return with_name(seconds / hour, "h", locale);
  return with_name(seconds / day, "d", locale);
}

std::string_view month_in_words(int month, i18n::Locale locale) {
  constexpr std::array<std::string_view, 12> english{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::array<std::string_view, 12> spanish{"ene", "feb", "mar",  "abr", "may", "jun",
                                                     "jul", "ago", "sept", "oct", "nov", "dic"};
  return (locale == i18n::Locale::es ? spanish : english)[std::size_t(month - 1)];
}
}  // namespace

Scale scale_of(double least, double most, series::Unit const& unit) {
  least = std::min(least, 0.0);
  most = std::max(most, 0.0);
  if (least == most) most = unit.kind == UnitKind::bytes ? 1024 : std::pow(10, unit.decimals);
  auto const step = step_of((most - least) / 4, unit);
  return {std::floor(least / step) * step, std::ceil(most / step) * step, step};
}

std::string value_in_words(std::int64_t value, series::Unit const& unit, i18n::Locale locale) {
  auto const whole = double(value) / std::pow(10, double(unit.decimals));
  switch (unit.kind) {
    case UnitKind::money:
      return money::text(value, unit.currency.value_or(""), locale);
    case UnitKind::percent:
      return with_name(whole, "%", locale);
    case UnitKind::bytes:
      return bytes_in_words(whole, locale);
    case UnitKind::seconds:
      return seconds_in_words(whole, locale);
    case UnitKind::count:
      break;
  }
  return money::number(value, int(unit.decimals), locale);
}

std::string key_in_words(std::string_view key, series::Series const& series, i18n::Locale locale) {
  using series::Axis;
  auto const date = series::parse_day(key.substr(0, 10));
  if (series.axis == Axis::names || !date) return std::string{key};
  std::chrono::year_month_day const parts{*date};
  auto const year = std::to_string(int(parts.year()));
  auto const month = int(unsigned(parts.month()));
  auto const month_text = std::string{month_in_words(month, locale)};
  auto const day_text = std::to_string(unsigned(parts.day())) + " " + month_text;
  if (series.axis == Axis::moments)
    return key.size() < 16 ? day_text : day_text + ", " + std::string{key.substr(11, 5)} + " UTC";
  auto const granularity = series.range ? series.range->granularity : series::Granularity::day;
  if (granularity == series::Granularity::quarter)
    return (locale == i18n::Locale::es ? "T" : "Q") + std::to_string((month + 2) / 3) + " " + year;
  return (granularity == series::Granularity::month ? month_text : day_text) + " " + year;
}

}  // namespace pdf
