#pragma once
// Ranges of days as people ask for them ("this_month", from one day to another), resolved in the
// zone of the reports: no page and no program has to know a calendar. All of it is arithmetic with
// days; only what turns them into moments needs a zone, which is PostgreSQL's work.
#include <chrono>

#include "platform/clock/clock.hpp"
#include "platform/json/problem.hpp"
#include "platform/types/fields.hpp"

namespace series {

using Day = std::chrono::sys_days;

enum class Word {
  today,
  yesterday,
  this_week,
  last_week,
  this_month,
  last_month,
  this_quarter,
  last_quarter,
  this_year,
  last_year,
  last_7_days,
  last_30_days,
  last_90_days,
  last_3_months,
  last_6_months,
  last_12_months,
  last_24_months,
};
constexpr auto names_of(Word) {
  return std::array<std::string_view, 17>{
      "today",          "yesterday",     "this_week",    "last_week",     "this_month",
      "last_month",     "this_quarter",  "last_quarter", "this_year",     "last_year",
      "last_7_days",    "last_30_days",  "last_90_days", "last_3_months", "last_6_months",
      "last_12_months", "last_24_months"};
}

enum class Granularity { day, week, month, quarter };
constexpr auto names_of(Granularity) {
  return std::array<std::string_view, 4>{"day", "week", "month", "quarter"};
}

enum class Compare { previous_period, previous_year };
constexpr auto names_of(Compare) {
  return std::array<std::string_view, 2>{"previous_period", "previous_year"};
}

/// What a request says of its range.
struct Question {
  std::optional<Word> range{};
  std::optional<std::string> from{}, to{};
  std::optional<Granularity> granularity{};
};

/// Both days belong to it.
struct Span {
  std::string from, to;
  std::optional<Word> word{};
  static constexpr auto rules() {
    return ::rules(rule(&Span::from, {.example = "2026-11-01"}),
                   rule(&Span::to, {.doc = "Belongs to it", .example = "2026-11-30"}),
                   rule(&Span::word, {.doc = "Of a range that runs: how to ask for it"}));
  }
};

/// A range as it was understood.
struct Range {
  std::optional<Word> word;
  std::string from, to;
  Granularity granularity;
  std::string zone;
  Span earlier;
  std::optional<Span> later;
  static constexpr auto rules() {
    return ::rules(
        rule(&Range::word, {.doc = "As it was asked for; null: from one day to another"}),
        rule(&Range::from, {.example = "2026-11-01"}),
        rule(&Range::to, {.doc = "Belongs to it; never after today"}),
        rule(&Range::zone, {.doc = "Whose days they are", .example = "Europe/Madrid"}),
        rule(&Range::earlier, {.doc = "The range before it, of its length"}),
        rule(&Range::later, {.doc = "The one after it; null: it has not begun"}));
  }
};

/// The days of a range, cut into periods of the calendar.
struct Periods {
  struct Period {
    Day starts;
    bool whole;  // false: the range holds a part of it, or it has not ended
  };
  std::vector<Period> periods;
  Day ends;  // the first day after the last one
};

struct Compared {
  Span span;
  bool until_now;  // its last day counts up to the present time of day
};

/// Throws the problem of its fields where nobody can understand it. `usual` is the range of who
/// asks for none.
[[nodiscard]] Range resolve(Question const& question, Word usual, Day today, std::string zone);
[[nodiscard]] Periods periods_of(Span const& span, Granularity granularity, Day today);
/// Calendar months, quarters and years are compared with such ones, and of a range that has not
/// ended as much is taken as has passed of it.
[[nodiscard]] Compared compared(Range const& range, Compare with, Day today);

inline constexpr FieldCode not_a_day{"not_a_day",
                                     "must be a day as 2026-11-29, from the year 2000 on"};
/// Of such a day nothing.
[[nodiscard]] FieldCode const* day(std::string_view text);

/// "2026-11-29"; none when it is no such day.
[[nodiscard]] std::optional<Day> parse_day(std::string_view text);
[[nodiscard]] std::string day_text(Day day);

}  // namespace series
