// Days and calendars.
#include "platform/series/range.hpp"

#include <charconv>

namespace series {

namespace {
using std::chrono::days;
using std::chrono::last;
using std::chrono::months;
using std::chrono::year_month_day;

constexpr std::size_t most_periods = 400;
constexpr std::chrono::year first_year{2000};

struct Days {
  Day from, to;
};

year_month_day calendar(Day day) { return year_month_day{day}; }

/// The same day of another month, or that month's last one.
Day plus_months(Day day, int count) {
  auto const then = calendar(day) + months{count};
  return then.ok() ? Day{then} : Day{then.year() / then.month() / last};
}

Day month_begin(Day day) {
  auto const date = calendar(day);
  return Day{date.year() / date.month() / 1};
}
Day month_end(Day day) { return plus_months(month_begin(day), 1) - days{1}; }
Day quarter_begin(Day day) {
  auto const first = month_begin(day);
  return plus_months(first, -int((unsigned(calendar(first).month()) - 1) % 3));
}
Day year_begin(Day day) { return Day{calendar(day).year() / std::chrono::January / 1}; }
Day week_begin(Day day) { return day - (std::chrono::weekday{day} - std::chrono::Monday); }

Day begin_of(Granularity granularity, Day day) {
  switch (granularity) {
    case Granularity::day:
      return day;
    case Granularity::week:
      return week_begin(day);
    case Granularity::month:
      return month_begin(day);
    case Granularity::quarter:
      return quarter_begin(day);
  }
  return day;
}

Day next_of(Granularity granularity, Day begin) {
  switch (granularity) {
    case Granularity::day:
      return begin + days{1};
    case Granularity::week:
      return begin + days{7};
    case Granularity::month:
      return plus_months(begin, 1);
    case Granularity::quarter:
      return plus_months(begin, 3);
  }
  return begin + days{1};
}

/// Those that are not over end today.
Days days_of(Word word, Day today) {
  auto const ago = [&](int count) { return Days{today - days{count - 1}, today}; };
  auto const months_back = [&](int count) {
    return Days{plus_months(month_begin(today), 1 - count), today};
  };
  auto const before = [](Day end, Day (*begin)(Day)) {
    return Days{begin(end - days{1}), end - days{1}};
  };
  switch (word) {
    case Word::today:
      return {today, today};
    case Word::yesterday:
      return {today - days{1}, today - days{1}};
    case Word::this_week:
      return {week_begin(today), today};
    case Word::last_week:
      return before(week_begin(today), week_begin);
    case Word::this_month:
      return {month_begin(today), today};
    case Word::last_month:
      return before(month_begin(today), month_begin);
    case Word::this_quarter:
      return {quarter_begin(today), today};
    case Word::last_quarter:
      return before(quarter_begin(today), quarter_begin);
    case Word::this_year:
      return {year_begin(today), today};
    case Word::last_year:
      return before(year_begin(today), year_begin);
    case Word::last_7_days:
      return ago(7);
    case Word::last_30_days:
      return ago(30);
    case Word::last_90_days:
      return ago(90);
    case Word::last_3_months:
      return months_back(3);
    case Word::last_6_months:
      return months_back(6);
    case Word::last_12_months:
      return months_back(12);
    case Word::last_24_months:
      return months_back(24);
  }
  return {today, today};
}

/// How far it is to the range before: whole months where it holds whole ones, whole weeks likewise.
struct Stride {
  int months = 0;
  days count{};
  Day full_to;  // its last day once it is over
};

/// What is said in days is days, even where they happen to begin with a month.
bool counts_days(std::optional<Word> word) {
  return word == Word::today || word == Word::yesterday || word == Word::last_7_days ||
         word == Word::last_30_days || word == Word::last_90_days;
}

/// A quarter or a year that runs is one all the same; nobody would see that from its days.
int months_of(std::optional<Word> word) {
  if (word == Word::this_year || word == Word::last_year) return 12;
  return word == Word::this_quarter || word == Word::last_quarter ? 3 : 0;
}

/// The word for a range of that length that runs.
std::optional<Word> running(int months, std::chrono::days length) {
  if (months == 1) return Word::this_month;
  if (months == 3) return Word::this_quarter;
  if (months == 12) return Word::this_year;
  return months == 0 && length == days{7} ? std::optional{Word::this_week} : std::nullopt;
}

Stride stride_of(Days span, std::optional<Word> word, Day today) {
  bool const open = span.to >= today;
  auto const length = span.to - span.from + days{1};
  if (counts_days(word)) return {0, length, span.to};
  if (auto const count = months_of(word)) return {count, {}, month_end(span.to)};
  auto const first = calendar(span.from), final = calendar(span.to);
  if (unsigned(first.day()) == 1 && (open || span.to == month_end(span.to))) {
    auto const count = (final.year() / final.month() - first.year() / first.month()).count() + 1;
    return {int(count), {}, month_end(span.to)};
  }
  if (span.from == week_begin(span.from) &&
      (open || span.to + days{1} == week_begin(span.to + days{1}))) {
    auto const weeks = (length.count() + 6) / 7;
    return {0, days{weeks * 7}, span.from + days{weeks * 7 - 1}};
  }
  return {0, length, span.to};
}

Days moved(Days span, Stride const& stride, int by) {
  if (stride.months == 0)
    return {span.from + by * stride.count, stride.full_to + by * stride.count};
  auto const from = plus_months(span.from, by * stride.months);
  return {from, plus_months(from, stride.months) - days{1}};
}

Span text_of(Days span) { return {day_text(span.from), day_text(span.to)}; }
Days days_of(Span const& span) { return {*parse_day(span.from), *parse_day(span.to)}; }

constexpr FieldCode not_alone{"not_alone", "must stand alone, without from and to"};
constexpr FieldCode after_today{"after_today", "must not be after today"};
constexpr FieldCode ends_before{"ends_before", "must not be before from"};
constexpr FieldCode too_fine{"too_fine", "must cut the range into at most {max} periods"};

/// A day that somebody asks for. What is counted back from one may lie before the first year.
Day asked_day(std::string_view text, std::string_view pointer) {
  if (day(text)) throw refusal(wrong<not_a_day>(std::string{pointer}));
  return *parse_day(text);
}

Days asked_days(Question const& question, Word usual, Day today) {
  if (question.range && (question.from || question.to)) throw refusal(wrong<not_alone>("?range"));
  if (!question.from && !question.to) return days_of(question.range.value_or(usual), today);
  if (!question.from) throw refusal(wrong<faults::required>("?from"));
  Days const span{asked_day(*question.from, "?from"),
                  question.to ? std::min(asked_day(*question.to, "?to"), today) : today};
  if (span.from > today) throw refusal(wrong<after_today>("?from"));
  if (span.to < span.from) throw refusal(wrong<ends_before>("?to"));
  return span;
}

Granularity usual_granularity(Days span) {
  auto const length = (span.to - span.from).count() + 1;
  if (length <= 31) return Granularity::day;
  return length <= 92 ? Granularity::week : Granularity::month;
}
}  // namespace

Range resolve(Question const& question, Word usual, Day today, std::string zone) {
  auto const span = asked_days(question, usual, today);
  auto const granularity = question.granularity.value_or(usual_granularity(span));
  Range out{};
  if (!question.from) out.word = question.range.value_or(usual);
  auto const stride = stride_of(span, out.word, today);
  auto const later = moved(span, stride, 1);
  out.from = day_text(span.from);
  out.to = day_text(span.to);
  out.granularity = granularity;
  out.zone = std::move(zone);
  out.earlier = text_of(moved(span, stride, -1));
  if (later.from <= today) {
    out.later = text_of({later.from, std::min(later.to, today)});
    auto const word = running(stride.months, stride.count);
    if (later.to >= today && word && days_of(*word, today).from == later.from)
      out.later->word = word;
  }
  if (periods_of({out.from, out.to}, granularity, today).periods.size() > most_periods)
    throw refusal(wrong<too_fine>("?granularity", most_periods));
  return out;
}

Periods periods_of(Span const& span, Granularity granularity, Day today) {
  auto const [from, to] = days_of(span);
  Periods out{{}, to + days{1}};
  for (auto begin = begin_of(granularity, from); begin <= to;) {
    auto const next = next_of(granularity, begin);
    out.periods.push_back(
        {std::max(begin, from), begin >= from && next <= out.ends && next <= today});
    begin = next;
  }
  return out;
}

Compared compared(Range const& range, Compare with, Day today) {
  auto const span = days_of(Span{range.from, range.to});
  bool const open = span.to >= today;
  auto const stride = stride_of(span, range.word, today);
  auto const back = with == Compare::previous_year ? 12 : stride.months;
  auto const earlier_of = [&](Day day) {
    return back ? plus_months(day, -back) : day - stride.count;
  };
  Days earlier{earlier_of(span.from), earlier_of(span.to)};
  // The last day of a month is compared with the last day of another, however long they are.
  if (!open && back && span.to == month_end(span.to)) earlier.to = month_end(earlier.to);
  bool const has_that_day = !back || calendar(earlier.to).day() == calendar(span.to).day();
  return {text_of(earlier), open && has_that_day};
}

FieldCode const* day(std::string_view text) {
  auto const parsed = parse_day(text);
  return parsed && calendar(*parsed).year() >= first_year ? nullptr : &not_a_day;
}

std::optional<Day> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return {};
  auto const number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    auto const part = text.substr(at, length);
    auto const [end, error] = std::from_chars(part.data(), part.data() + length, value);
    return error == std::errc{} && end == part.data() + length ? value : -1;
  };
  auto const year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (year < 1 || month < 1 || day < 1) return {};
  year_month_day const date{std::chrono::year{year}, std::chrono::month(unsigned(month)),
                            std::chrono::day(unsigned(day))};
  return date.ok() ? std::optional{Day{date}} : std::nullopt;
}

std::string day_text(Day day) {
  auto const date = calendar(day);
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", int(date.year()), unsigned(date.month()),
                unsigned(date.day()));
  return text;
}

}  // namespace series
