#include "reports/rate_table.hpp"

#include <algorithm>
#include <set>

#include "platform/json/checks.hpp"
#include "platform/money/money.hpp"
#include "platform/series/range.hpp"

namespace reports {

namespace {
constexpr FieldCode not_a_month{"not_a_rate_month", "must be a month as 2026-11"};
constexpr FieldCode not_a_rate{"not_a_rate", "must be a number above zero as 0.9234"};
constexpr FieldCode wrong_rate_line{"wrong_rate_line",
                                    "must have a month, a currency and a rate in line {line}"};
constexpr FieldCode repeated_rate_line{"repeated_rate_line",
                                       "must name a month and currency once: line {line}"};
constexpr FieldCode no_rates{"no_rate_lines", "must have a line with a rate"};

bool are_digits(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\"";
  auto const first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> cut(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (std::size_t begin = 0;;) {
    auto const end = std::min(text.find(at, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    if (end == text.size()) return out;
    begin = end + 1;
  }
}

/// A line is a rate's, or nothing is taken from it.
std::optional<RateLine> read(std::string_view line) {
  char separator = ',';
  for (char const other : {';', '\t'})
    if (line.find(other) != std::string_view::npos) separator = other;
  auto const cells = cut(line, separator);
  if (cells.size() < 3 || cells.size() > 4) return {};
  RateLine out{std::string{trimmed(cells[0])}, std::string{trimmed(cells[1])},
               std::string{trimmed(cells[2])},
               std::string{cells.size() > 3 ? trimmed(cells[3]) : ""}};
  for (auto& c : out.currency)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  if (separator != ',') std::ranges::replace(out.rate, ',', '.');
  // A decimal comma between commas is a line that says something else.
  bool const is_split = are_digits(out.source, out.source.size());
  bool const is_fine = !rate_month(out.month) && !money::currency(out.currency) &&
                       !rate_decimal(out.rate) && !is_split && out.source.size() <= 120 &&
                       !checks::one_line_or_none(out.source);
  return is_fine ? std::optional{out} : std::nullopt;
}

/// Names of columns: nothing that could be a month.
bool is_head(std::string_view line) {
  return std::ranges::none_of(line.substr(0, line.find_first_of(",;\t")),
                              [](char c) { return c >= '0' && c <= '9'; });
}
}  // namespace

FieldCode const* rate_month(std::string_view text) {
  return text.size() == 7 && !series::day(std::string{text} + "-01") ? nullptr : &not_a_month;
}

FieldCode const* rate_decimal(std::string_view text) {
  constexpr std::size_t most_whole = 8, most_places = 10;
  auto const point = text.find('.');
  bool const is_number =
      are_digits(text.substr(0, point), most_whole) &&
      (point == std::string_view::npos || are_digits(text.substr(point + 1), most_places));
  bool const is_something = text.find_first_of("123456789") != std::string_view::npos;
  return is_number && is_something ? nullptr : &not_a_rate;
}

std::vector<RateLine> rates_of(std::string_view csv, std::string_view to_currency) {
  std::vector<RateLine> out;
  std::set<std::pair<std::string, std::string>> seen;
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (csv.starts_with(mark)) csv.remove_prefix(mark.size());
  std::int64_t number = 0;
  for (auto const line : cut(csv, '\n')) {
    ++number;
    if (trimmed(line).empty() || (out.empty() && is_head(line))) continue;
    auto rate = read(line);
    if (!rate || rate->currency == to_currency)
      throw refusal(wrong<wrong_rate_line>("/csv", number));
    if (!seen.emplace(rate->month, rate->currency).second)
      throw refusal(wrong<repeated_rate_line>("/csv", number));
    out.push_back(std::move(*rate));
  }
  if (out.empty()) throw refusal(wrong<no_rates>("/csv"));
  return out;
}

}  // namespace reports
