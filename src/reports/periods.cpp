#include "reports/periods.hpp"

#include "organisation/organisation.hpp"
#include "platform/db/time_zones.hpp"

namespace reports {

namespace {
using series::Day;
using series::Granularity;
using std::chrono::year_month_day;

constexpr FieldCode no_rates{"no_rates", "must be one currency: there are no exchange rates yet"};
constexpr FieldCode not_a_month{"not_a_month",
                                "must be a month as 2026-11 or a day, from the year 2000 on"};
constexpr FieldCode not_past{"not_past", "must not lie in the future"};

db::Query const local_day{"reports.local_day",
                          "SELECT ($1::timestamptz AT TIME ZONE $2)::date::text"};
db::Query const midnights{"reports.midnights", R"sql(
  SELECT day::timestamp AT TIME ZONE $2
    FROM unnest($1::date[]) WITH ORDINALITY AS asked (day, place) ORDER BY place
)sql"};

Day day_at(db::Tx& tx, Time at, std::string const& zone) {
  return *series::parse_day(tx.one<std::string>(local_day, at, zone));
}

Day first_of_month(Day day) {
  year_month_day const date{day};
  return Day{date.year() / date.month() / 1};
}
Day plus_months(Day first, int count) {
  return Day{year_month_day{first} + std::chrono::months{count}};
}
Day last_of_month(Day day) { return plus_months(first_of_month(day), 1) - std::chrono::days{1}; }

/// The first day that is meant, and the last.
struct Asked {
  Day first, last;
};
Asked asked(std::string const& text, std::string_view pointer) {
  bool const is_month = text.size() <= 7;
  auto const day = series::parse_day(is_month ? text + "-01" : text);
  if (!day || year_month_day{*day}.year() < std::chrono::year{2000})
    throw refusal(wrong<not_a_month>(std::string{pointer}));
  return {*day, is_month ? last_of_month(*day) : *day};
}

series::Span asked_span(Request const& request, Granularity granularity, Day today,
                        std::string const& zone) {
  auto const last = request.to ? asked(*request.to, "?to").last : last_of_month(today);
  auto const first =
      request.from ? asked(*request.from, "?from").first : plus_months(first_of_month(last), -11);
  // Says what is wrong with them, and what is too fine.
  auto const range = series::resolve(
      {.from = series::day_text(first), .to = series::day_text(last), .granularity = granularity},
      series::Word::last_12_months, today, zone);
  // The present month is shown as one that has not ended.
  bool const is_whole = last == last_of_month(last) && range.to != series::day_text(last);
  return {range.from,
          is_whole ? series::day_text(last_of_month(*series::parse_day(range.to))) : range.to};
}

std::string name_of(Granularity granularity, Day starts) {
  auto const text = series::day_text(starts);
  if (granularity == Granularity::month) return text.substr(0, 7);
  if (granularity != Granularity::quarter) return text;
  auto const month = unsigned(year_month_day{starts}.month());
  return text.substr(0, 5) + "Q" + std::to_string((month + 2) / 3);
}

std::vector<Period> periods_of(db::Tx& tx, series::Span const& span, Granularity granularity,
                               Day today, std::string const& zone) {
  auto const known = series::periods_of(span, granularity, today);
  std::vector<Day> days;
  std::vector<std::string> texts;
  for (auto const& period : known.periods) days.push_back(period.starts);
  days.push_back(known.ends);
  for (auto const day : days) texts.push_back(series::day_text(day));
  auto const instants = beginnings(tx, texts, zone);
  std::vector<Period> out;
  for (std::size_t i = 0; i < known.periods.size(); ++i)
    out.push_back({name_of(granularity, days[i]), !known.periods[i].whole, instants[i],
                   instants[i + 1], days[i], days[i + 1], (days[i + 1] - days[i]).count()});
  std::erase_if(out, [&](Period const& period) { return period.first_day > today; });
  return out;
}
}  // namespace

std::vector<Time> beginnings(db::Tx& tx, std::vector<std::string> const& days,
                             std::string const& zone) {
  return tx.all<Time>(midnights, days, zone);
}

FieldCode const* Request::is_currency(std::string_view code) {
  return code == "reporting" ? &no_rates : money::currency(code);
}

void require_past(std::optional<Time> as_of) {
  if (as_of && *as_of > clock_source::now()) throw refusal(wrong<not_past>("?as_of"));
}

std::vector<Time> Question::edges() const {
  std::vector<Time> out;
  for (auto const& period : periods) out.push_back(period.starts);
  out.push_back(periods.back().ends);
  return out;
}

FieldCode const* future(std::string_view instant) {
  auto const at = clock_source::parse(instant);
  return at && *at > clock_source::now() ? &not_past : nullptr;
}

Question understood(db::Tx& tx, Request const& request, settings::Groups const& groups) {
  auto const organisation = groups.now<organisation::Organisation>();
  auto const now = clock_source::now();
  require_past(request.as_of);
  if (request.timezone && !db::is_time_zone(tx, *request.timezone))
    throw refusal(wrong<faults::not_a_time_zone>("?timezone"));
  Question out{.currency = request.currency.value_or(organisation->reporting_currency),
               .timezone = request.timezone.value_or(organisation->reporting_zone),
               .as_of = request.as_of,
               .until = request.as_of.value_or(now)};
  out.granularity = request.granularity.value_or(Granularity::month);
  // Then nobody knew of a period that had not begun.
  out.today = day_at(tx, out.until, out.timezone);
  auto const span = asked_span(request, out.granularity, out.today, out.timezone);
  out.periods = periods_of(tx, span, out.granularity, out.today, out.timezone);
  return out;
}

std::optional<double> ratio(money::Wide numerator, money::Wide denominator) {
  constexpr std::int64_t million = 1'000'000;
  if (denominator == 0) return {};
  if (denominator < 0) numerator = -numerator, denominator = -denominator;
  auto const millionths =
      money::divide(money::multiply(numerator, million), denominator, money::Rounding::half_up);
  return double(millionths) / double(million);
}

}  // namespace reports
