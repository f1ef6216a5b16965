#pragma once
// From a series' numbers to places and words: round steps by their unit, values and periods as
// people read them. Internal to this folder.
#include "platform/i18n/i18n.hpp"
#include "platform/series/series.hpp"

namespace pdf {

/// An axis from `low` to `high`; zero is always on it.
struct Scale {
  double low = 0, high = 1, step = 1;
};
/// Four steps or so around values that are the unit's smallest parts.
[[nodiscard]] Scale scale_of(double least, double most, series::Unit const& unit);

[[nodiscard]] std::string value_in_words(std::int64_t value, series::Unit const& unit,
                                         i18n::Locale locale);
/// "nov 2026" of 2026-11-01; a key that is neither a day nor a moment stays as it is.
[[nodiscard]] std::string key_in_words(std::string_view key, series::Series const& series,
                                       i18n::Locale locale);

}  // namespace pdf
