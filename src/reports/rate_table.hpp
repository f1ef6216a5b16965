#pragma once
// Exchange rates as people have them: lines out of a spreadsheet.
#include "platform/json/problem.hpp"

namespace reports {

/// Of a month as 2026-11, from the year 2000 on, nothing.
[[nodiscard]] FieldCode const* rate_month(std::string_view text);
/// Of a decimal above zero, at most eight digits before its point and ten after it, nothing.
[[nodiscard]] FieldCode const* rate_decimal(std::string_view text);

struct RateLine {
  std::string month, currency, rate, source;
};
/// Throws the problem of `/csv` where a line is none, or names a month and currency again.
[[nodiscard]] std::vector<RateLine> rates_of(std::string_view csv, std::string_view to_currency);

}  // namespace reports
