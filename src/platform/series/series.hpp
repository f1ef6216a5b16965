#pragma once
// Numbers over time or by name: the one shape that pages, CSV files and PDFs draw from. All that a
// drawing would have to guess is said here by whoever counted.
//
//   unit        values are whole numbers of its smallest part: with two decimals 4900 means 49.00
//   columns     what is counted; `mark` says how it is drawn, several bars or areas are stacked:
//               positive ones up from zero, negative ones down
//   rows        oldest first, one value a column; null is "not known", which is not zero.
//               `key` is the period's first day, a moment, or a code with words in the catalogues
//   complete    false: the period has not ended or is cut by the range; it is drawn dotted
//   comparison  rows of another range, the first under the first; drawn dashed
//   drill       address of the rows behind a point, with their filters
#include "platform/series/range.hpp"

namespace series {

enum class UnitKind { count, money, percent, bytes, seconds };
constexpr auto names_of(UnitKind) {
  return std::array<std::string_view, 5>{"count", "money", "percent", "bytes", "seconds"};
}

struct Unit {
  UnitKind kind = UnitKind::count;
  std::int64_t decimals = 0;
  std::optional<std::string> currency{};
  static constexpr auto rules() {
    return ::rules(
        rule(&Unit::kind, {.doc = "Bytes are counted in KiB, MiB and GiB"}),
        rule(&Unit::decimals,
             {.doc = "Digits after the point: 4900 with two of them is 49.00", .min = 0, .max = 6}),
        rule(&Unit::currency, {.doc = "ISO 4217, lower case; of money only"}));
  }
};

enum class Axis { periods, moments, names };
constexpr auto names_of(Axis) {
  return std::array<std::string_view, 3>{"periods", "moments", "names"};
}

enum class Mark { bar, area, line, none };
constexpr auto names_of(Mark) {
  return std::array<std::string_view, 4>{"bar", "area", "line", "none"};
}

struct Column {
  std::string id;
  Mark mark = Mark::line;
  static constexpr auto rules() {
    return ::rules(rule(&Column::id, {.doc = "Its words stand in the catalogues"}),
                   rule(&Column::mark, {.doc = "none: in the table only"}));
  }
};

struct Row {
  std::string key;
  bool complete = true;
  std::vector<std::optional<std::int64_t>> values{};
  std::optional<std::string> drill{};
  static constexpr auto rules() {
    return ::rules(
        rule(&Row::key, {.doc = "First day of the period, a moment, or a code"}),
        rule(&Row::complete,
             {.doc = "false: the period has not ended, or the range holds a part of it"}),
        rule(&Row::values, {.doc = "One a column; null: not known"}),
        rule(&Row::drill, {.doc = "Address of the rows behind it"}));
  }
};

struct Comparison {
  std::string from, to;
  std::vector<Row> rows{};
  static constexpr auto rules() {
    return ::rules(rule(&Comparison::rows,
                        {.doc = "The first is compared with the first; of a range that has not "
                                "ended, as much as has passed of it"}));
  }
};

struct Series {
  std::string definition;
  Unit unit{};
  Axis axis = Axis::periods;
  std::optional<Range> range{};
  std::vector<Column> columns{};
  std::vector<Row> rows{};
  std::optional<Comparison> comparison{};
  std::optional<std::int64_t> limit{};
  static constexpr auto rules() {
    return ::rules(rule(&Series::definition, {.doc = "What is counted, as the catalogues name it"}),
                   rule(&Series::rows, {.doc = "Oldest first"}),
                   rule(&Series::limit, {.doc = "What the values must stay below"}));
  }
};

}  // namespace series
