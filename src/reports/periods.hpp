#pragma once
// What the reports have in common: months or days as people ask for them, cut into periods of a
// time zone, in one currency, as it was known at an instant.
#include "platform/db/db.hpp"
#include "platform/money/money.hpp"
#include "platform/series/range.hpp"
#include "platform/settings/groups.hpp"

namespace reports {

struct Request {
  std::optional<std::string> from, to;
  std::optional<series::Granularity> granularity;
  std::optional<std::string> currency, timezone;
  std::optional<Time> as_of;
  static constexpr auto rules() {
    return ::rules(
        rule(&Request::from, {.doc = "First month or day; eleven months before unless told",
                              .example = "2026-01",
                              .max_length = 10}),
        rule(&Request::to, {.doc = "Last month or day; the present month unless told",
                            .example = "2026-12",
                            .max_length = 10}),
        rule(&Request::granularity, {.doc = "Of the periods; month unless told"}),
        rule(&Request::currency, {.doc = "ISO 4217, lower case; that of the reports unless told",
                                  .example = "eur",
                                  .check = is_currency}),
        rule(&Request::timezone, {.doc = "Whose days they are; that of the reports unless told",
                                  .example = "Europe/Madrid",
                                  .min_length = 1,
                                  .max_length = 60}),
        rule(&Request::as_of, {.doc = "As it was known then; what came later does not count"}));
  }
  static FieldCode const* is_currency(std::string_view code);
};

struct Period {
  std::string name;  // "2026-01", "2026-Q1", the first day of a week, a day
  bool incomplete;   // it has not ended, or the months hold a part of it
  Time starts, ends;
  series::Day first_day, next_day;  // the day after it
  std::int64_t days;
};

/// A request as it was understood. Without `as_of` it is now that counts.
struct Question {
  std::string currency, timezone;
  std::optional<Time> as_of;
  Time until;
  series::Day today;  // at `until`
  series::Granularity granularity;
  std::vector<Period> periods;  // those that have begun

  /// Where periods begin, and where the last one ends.
  [[nodiscard]] std::vector<Time> edges() const;
};

/// Of an instant that has not come, the fault: nobody knows that yet. Of what is none, nothing.
[[nodiscard]] FieldCode const* future(std::string_view instant);
/// Throws it as the problem of `as_of`.
void require_past(std::optional<Time> as_of);

/// Throws the problem of its fields where nobody can understand it.
[[nodiscard]] Question understood(db::Tx& tx, Request const& request,
                                  settings::Groups const& groups);

/// When these days begin in a zone.
[[nodiscard]] std::vector<Time> beginnings(db::Tx& tx, std::vector<std::string> const& days,
                                           std::string const& zone);

/// As a number with six decimals; none where the denominator is zero.
[[nodiscard]] std::optional<double> ratio(money::Wide numerator, money::Wide denominator);

}  // namespace reports
