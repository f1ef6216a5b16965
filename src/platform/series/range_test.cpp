// What people mean by a range of days, on the days where calendars are awkward.
#include "platform/series/range.hpp"

#include <doctest/doctest.h>

using namespace series;

namespace {
Day parsed(std::string_view text) { return *parse_day(text); }

std::string text(Span const& span) { return span.from + " " + span.to; }

Range asked(Word word, std::string_view today, std::optional<Granularity> by = {}) {
  return resolve({.range = word, .granularity = by}, Word::this_month, parsed(today),
                 "Europe/Madrid");
}
Range asked(std::string from, std::string to, std::string_view today,
            std::optional<Granularity> by = {}) {
  return resolve({.from = from, .to = to, .granularity = by}, Word::this_month, parsed(today),
                 "UTC");
}
std::string days(Range const& range) { return range.from + " " + range.to; }

std::string previous(Range const& range, std::string_view today) {
  auto const [span, until_now] = compared(range, Compare::previous_period, parsed(today));
  return text(span) + (until_now ? " until now" : "");
}
std::string year_before(Range const& range, std::string_view today) {
  auto const [span, until_now] = compared(range, Compare::previous_year, parsed(today));
  return text(span) + (until_now ? " until now" : "");
}

/// "2026-11-01+ 2026-11-02": the starts of all periods, a plus on whole ones.
std::string starts(Range const& range, std::string_view today) {
  std::string out;
  for (auto const& period :
       periods_of({range.from, range.to}, range.granularity, parsed(today)).periods)
    out += (out.empty() ? "" : " ") + day_text(period.starts) + (period.whole ? "+" : "");
  return out;
}

/// "?from not_a_day" of a refusal.
std::string refusal(Question const& question) {
  try {
    static_cast<void>(resolve(question, Word::this_month, parsed("2026-11-29"), "UTC"));
    return "none";
  } catch (Problem const& problem) {
    return problem.errors.at(0).pointer + " " + problem.errors.at(0).code;
  }
}
}  // namespace

TEST_CASE("days are read strictly") {
  CHECK(day_text(*parse_day("2024-02-29")) == "2024-02-29");
  for (auto const* text :
       {"", "2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "2026-11-31", "0000-12-31",
        "2026-11-29T", "2026/11/29", "-026-11-29", "+026-11-29", "20२6-11-29"}) {
    CAPTURE(text);
    CHECK(!parse_day(text));
  }
}

TEST_CASE("words become days") {
  auto const* today = "2026-11-29";  // a Sunday
  CHECK(days(asked(Word::today, today)) == "2026-11-29 2026-11-29");
  CHECK(days(asked(Word::yesterday, "2026-03-01")) == "2026-02-28 2026-02-28");
  CHECK(days(asked(Word::this_week, today)) == "2026-11-23 2026-11-29");
  CHECK(days(asked(Word::last_week, today)) == "2026-11-16 2026-11-22");
  CHECK(days(asked(Word::this_month, today)) == "2026-11-01 2026-11-29");
  CHECK(days(asked(Word::last_month, "2024-03-31")) == "2024-02-01 2024-02-29");
  CHECK(days(asked(Word::this_quarter, today)) == "2026-10-01 2026-11-29");
  CHECK(days(asked(Word::last_quarter, "2026-02-10")) == "2025-10-01 2025-12-31");
  CHECK(days(asked(Word::this_year, today)) == "2026-01-01 2026-11-29");
  CHECK(days(asked(Word::last_year, today)) == "2025-01-01 2025-12-31");
  CHECK(days(asked(Word::last_7_days, today)) == "2026-11-23 2026-11-29");
  CHECK(days(asked(Word::last_30_days, "2026-01-10")) == "2025-12-12 2026-01-10");
  CHECK(days(asked(Word::last_12_months, today)) == "2025-12-01 2026-11-29");
  CHECK(days(asked(Word::last_24_months, "2026-12-31")) == "2025-01-01 2026-12-31");
}

TEST_CASE("no word is the usual one, an echo says which, and a day after today is not waited for") {
  auto const usual = resolve({}, Word::last_month, parsed("2026-11-29"), "Europe/Madrid");
  CHECK(usual.word == Word::last_month);
  CHECK(usual.zone == "Europe/Madrid");
  auto const custom = asked("2026-11-10", "2027-05-01", "2026-11-29");
  CHECK(!custom.word);
  CHECK(days(custom) == "2026-11-10 2026-11-29");
  CHECK(!custom.later);
}

TEST_CASE("what nobody can understand is refused with its field") {
  CHECK(refusal({.range = Word::today, .from = "2026-01-01"}) == "?range not_alone");
  CHECK(refusal({.to = "2026-01-01"}) == "?from required");
  CHECK(refusal({.from = "yesterday"}) == "?from not_a_day");
  CHECK(refusal({.from = "2026-01-01", .to = "2026-02-30"}) == "?to not_a_day");
  CHECK(refusal({.from = "1999-12-31"}) == "?from not_a_day");
  CHECK(refusal({.from = "2026-11-30"}) == "?from after_today");
  CHECK(refusal({.from = "2026-02-01", .to = "2026-01-31"}) == "?to ends_before");
  CHECK(refusal({.from = "2001-01-01", .granularity = Granularity::day}) ==
        "?granularity too_fine");
  CHECK(refusal({.from = "2001-01-01", .granularity = Granularity::month}) == "none");
}

TEST_CASE("periods follow the calendar, and say whether the range holds all of them") {
  CHECK(starts(asked(Word::last_3_months, "2026-11-29", Granularity::month), "2026-11-29") ==
        "2026-09-01+ 2026-10-01+ 2026-11-01");
  CHECK(starts(asked("2026-09-15", "2026-11-10", "2026-11-29", Granularity::month), "2026-11-29") ==
        "2026-09-15 2026-10-01+ 2026-11-01");
  CHECK(starts(asked(Word::this_month, "2026-12-10", Granularity::week), "2026-12-10") ==
        "2026-12-01 2026-12-07");
  CHECK(starts(asked(Word::last_year, "2026-11-29", Granularity::quarter), "2026-11-29") ==
        "2025-01-01+ 2025-04-01+ 2025-07-01+ 2025-10-01+");
  CHECK(starts(asked(Word::today, "2026-11-29"), "2026-11-29") == "2026-11-29");
  CHECK(starts(asked(Word::yesterday, "2026-11-29"), "2026-11-29") == "2026-11-28+");
}

TEST_CASE("how fine it is cut follows from its length, unless told") {
  CHECK(asked(Word::this_month, "2026-11-29").granularity == Granularity::day);
  CHECK(asked(Word::last_90_days, "2026-11-29").granularity == Granularity::week);
  CHECK(asked(Word::last_12_months, "2026-11-29").granularity == Granularity::month);
  CHECK(asked(Word::this_month, "2026-11-29", Granularity::month).granularity ==
        Granularity::month);
}

TEST_CASE("months are compared with months, and as much as has passed") {
  CHECK(previous(asked(Word::this_month, "2026-11-29"), "2026-11-29") ==
        "2026-10-01 2026-10-29 until now");
  // February has no 31st: all of it has passed.
  CHECK(previous(asked(Word::this_month, "2026-03-31"), "2026-03-31") == "2026-02-01 2026-02-28");
  CHECK(previous(asked(Word::last_month, "2026-03-10"), "2026-03-10") == "2026-01-01 2026-01-31");
  CHECK(previous(asked(Word::last_12_months, "2026-11-29"), "2026-11-29") ==
        "2024-12-01 2025-11-29 until now");
  CHECK(previous(asked(Word::last_year, "2026-11-29"), "2026-11-29") == "2024-01-01 2024-12-31");
}

TEST_CASE("what a long range is compared with may lie before the first year that one can ask for") {
  auto const long_range = asked("2000-01-01", "2026-11-30", "2026-11-30");
  CHECK(previous(long_range, "2026-11-30") == "1973-02-01 1999-12-30 until now");
  CHECK(periods_of(compared(long_range, Compare::previous_period, parsed("2026-11-30")).span,
                   long_range.granularity, parsed("2026-11-30"))
            .periods.size() == 323);
}

TEST_CASE("a quarter and a year that run are compared with such ones") {
  CHECK(previous(asked(Word::this_year, "2026-11-30"), "2026-11-30") ==
        "2025-01-01 2025-11-30 until now");
  CHECK(previous(asked(Word::this_quarter, "2026-11-29"), "2026-11-29") ==
        "2026-07-01 2026-08-29 until now");
  CHECK(previous(asked(Word::last_quarter, "2026-11-29"), "2026-11-29") == "2026-04-01 2026-06-30");
  CHECK(text(asked(Word::this_year, "2026-11-30").earlier) == "2025-01-01 2025-12-31");
  CHECK(text(asked(Word::this_quarter, "2026-11-30").earlier) == "2026-07-01 2026-09-30");
}

TEST_CASE("who steps forward to a range that runs gets its word, so that stepping back works") {
  auto const year = asked("2025-01-01", "2025-12-31", "2026-11-30");
  CHECK(text(*year.later) == "2026-01-01 2026-11-30");
  CHECK(year.later->word == Word::this_year);
  CHECK(asked("2026-10-01", "2026-10-31", "2026-11-29").later->word == Word::this_month);
  CHECK(asked("2026-07-01", "2026-09-30", "2026-11-29").later->word == Word::this_quarter);
  CHECK(asked(Word::last_week, "2026-11-25").later->word == Word::this_week);
  CHECK(!asked("2026-08-01", "2026-08-31", "2026-11-29").later->word);
  CHECK(!asked("2026-11-03", "2026-11-09", "2026-11-12").later->word);
}

TEST_CASE("weeks are compared with weeks, days with days") {
  CHECK(previous(asked(Word::this_week, "2026-11-25"), "2026-11-25") ==
        "2026-11-16 2026-11-18 until now");
  CHECK(previous(asked(Word::last_week, "2026-11-25"), "2026-11-25") == "2026-11-09 2026-11-15");
  // Seven days stay seven days, even where they begin with a month.
  CHECK(previous(asked(Word::last_7_days, "2026-11-07"), "2026-11-07") ==
        "2026-10-25 2026-10-31 until now");
  CHECK(previous(asked(Word::today, "2026-11-01"), "2026-11-01") ==
        "2026-10-31 2026-10-31 until now");
  CHECK(previous(asked("2026-11-03", "2026-11-12", "2026-11-29"), "2026-11-29") ==
        "2026-10-24 2026-11-02");
}

TEST_CASE("a year ago is a calendar year ago, on leap days too") {
  CHECK(year_before(asked(Word::this_month, "2026-11-29"), "2026-11-29") ==
        "2025-11-01 2025-11-29 until now");
  CHECK(year_before(asked(Word::today, "2024-02-29"), "2024-02-29") == "2023-02-28 2023-02-28");
  CHECK(year_before(asked(Word::last_month, "2025-03-01"), "2025-03-01") ==
        "2024-02-01 2024-02-29");
}

TEST_CASE("the ranges before and after are of the same kind") {
  auto const month = asked(Word::this_month, "2026-11-29");
  CHECK(text(month.earlier) == "2026-10-01 2026-10-31");
  CHECK(!month.later);
  auto const october = asked("2026-10-01", "2026-10-31", "2026-11-29");
  CHECK(text(october.earlier) == "2026-09-01 2026-09-30");
  CHECK(text(*october.later) == "2026-11-01 2026-11-29");
  auto const week = asked(Word::last_week, "2026-11-25");
  CHECK(text(week.earlier) == "2026-11-09 2026-11-15");
  CHECK(text(*week.later) == "2026-11-23 2026-11-25");
  CHECK(text(asked(Word::last_12_months, "2026-11-29").earlier) == "2024-12-01 2025-11-30");
  CHECK(text(asked("2026-11-03", "2026-11-12", "2026-11-29").earlier) == "2026-10-24 2026-11-02");
}
