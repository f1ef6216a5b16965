// Charts: what is said in words beside them, and that no series makes a file that cannot be read.
#include <doctest/doctest.h>

#include <limits>

#include "platform/pdf/scale.hpp"
#include "platform/pdf/test_file.hpp"

namespace {
using i18n::Locale;
using series::Axis;
using series::Mark;
using series::UnitKind;

series::Series months(std::vector<std::vector<std::optional<std::int64_t>>> const& values,
                      series::Unit unit, std::vector<Mark> const& marks) {
  series::Series out;
  out.unit = std::move(unit);
  out.range.emplace();
  out.range->granularity = series::Granularity::month;
  for (auto const mark : marks)
    out.columns.push_back({"column_" + std::to_string(out.columns.size()), mark});
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const month = std::to_string(i % 12 + 101).substr(1);
    series::Row row;
    row.key = std::to_string(2025 + i / 12) + "-" + month + "-01";
    row.complete = i + 1 < values.size();
    row.values = values[i];
    out.rows.push_back(std::move(row));
  }
  return out;
}

series::Unit money(std::string currency) {
  return {UnitKind::money, currency == "jpy" ? 0 : 2, std::move(currency)};
}

File file_of(pdf::Chart chart, Locale language = Locale::en) {
  pdf::Document document;
  document.title = "Charts";
  document.language = language;
  document.blocks = {chart, table_of(chart, language)};
  return File{document};
}
}  // namespace

TEST_CASE("steps are round in their unit") {
  auto step = [](double least, double most, series::Unit unit) {
    auto const scale = pdf::scale_of(least, most, unit);
    CHECK(scale.low <= std::min(least, 0.0));
    CHECK(scale.high >= std::max(most, 0.0));
    CHECK(scale.low < scale.high);
    return scale.step;
  };
  CHECK(step(0, 3, {UnitKind::count}) == 1);
  CHECK(step(0, 87, {UnitKind::count}) == 50);
  CHECK(step(-40, 87, {UnitKind::count}) == 50);
  CHECK(step(0, 0, {UnitKind::count}) == 1);
  CHECK(step(0, 0, {UnitKind::money, 2}) == 50);
  CHECK(step(0, 490'000, money("eur")) == 200'000);
  CHECK(step(0, 5.0 * 1024 * 1024, {UnitKind::bytes}) == 2 * 1024 * 1024);
  CHECK(step(0, 3'000, {UnitKind::seconds}) == 900);
  CHECK(step(0, 400'000, {UnitKind::seconds}) == 200'000 - 27'200);
  CHECK(step(-9e18, 9e18, {UnitKind::count}) == 5e18);
}

TEST_CASE("values are written as people of both languages read them") {
  auto words = [](std::int64_t value, series::Unit unit, Locale locale = Locale::en) {
    return pdf::value_in_words(value, unit, locale);
  };
  CHECK(words(123'456, money("eur")) == "€1,234.56");
  CHECK(words(123'456, money("eur"), Locale::es) == "1.234,56\u00a0€");
  CHECK(words(1'234, money("jpy")) == "JP¥1,234");
  CHECK(words(-1'234'567, {UnitKind::count}) == "-1,234,567");
  CHECK(words(1'234'567, {UnitKind::count}, Locale::es) == "1.234.567");
  CHECK(words(1536, {UnitKind::bytes}) == "1.5\u00a0KiB");
  CHECK(words(3'221'225'472, {UnitKind::bytes}, Locale::es) == "3\u00a0GiB");
  CHECK(words(0, {UnitKind::bytes}) == "0\u00a0B");
  CHECK(words(123, {UnitKind::percent, 1}, Locale::es) == "12,3\u00a0%");
  CHECK(words(250, {UnitKind::seconds, 3}) == "250\u00a0ms");
  CHECK(words(5'400, {UnitKind::seconds}) == "90\u00a0min");
  CHECK(words(0, {UnitKind::seconds}) == "0\u00a0s");
  CHECK(words(259'200, {UnitKind::seconds}) == "3\u00a0d");
}

TEST_CASE("keys are periods, moments or codes") {
  series::Series series;
  series.range.emplace();
  auto words = [&](std::string_view key, Locale locale = Locale::en) {
    return pdf::key_in_words(key, series, locale);
  };
  series.range->granularity = series::Granularity::month;
  CHECK(words("2026-11-01") == "Nov 2026");
  CHECK(words("2026-01-01", Locale::es) == "ene 2026");
  series.range->granularity = series::Granularity::quarter;
  CHECK(words("2026-10-01") == "Q4 2026");
  CHECK(words("2026-01-01", Locale::es) == "T1 2026");
  series.range->granularity = series::Granularity::week;
  CHECK(words("2026-02-28") == "28 Feb 2026");
  series.axis = Axis::moments;
  CHECK(words("2026-11-23T08:05:00.000Z", Locale::es) == "23 nov, 08:05 UTC");
  CHECK(words("someday") == "someday");
  series.axis = Axis::names;
  CHECK(words("2026-11-01") == "2026-11-01");
}

TEST_CASE("a chart says its extremes in words, and its numbers in a table") {
  auto series = months({{4900, 100}, {std::nullopt, 0}, {9900, -2500}, {0, std::nullopt}},
                       money("eur"), {Mark::bar, Mark::line});
  auto const file = file_of({"Revenue <b>", {"Plan", "Change"}, {}, series});
  file.check_form();
  auto const text = file.text();
  CHECK(has(text, "Revenue <b>"));
  CHECK(has(text, "Plan: least €0.00 (Apr 2025), most €99.00 (Mar 2025)."));
  CHECK(has(text, "Change: least -€25.00 (Mar 2025), most €1.00 (Jan 2025)."));
  CHECK(has(text, "Feb 2025 – €0.00"));
  CHECK(has(text, "Apr 2025 (incomplete) €0.00 –"));
  auto const structure = file.structure();
  CHECK(has(structure, "\"Revenue <b>\""));
  CHECK(!has(structure, "\"€50.00\""));  // the axis belongs to the picture

  auto const spanish = file_of({"Ingresos", {"Plan", "Cambio"}, {}, series}, Locale::es).text();
  CHECK(has(spanish, "Plan: mínimo 0,00 € (abr 2025), máximo 99,00 € (mar 2025)."));
  CHECK(has(spanish, "abr 2025 (incompleto)"));
}

TEST_CASE("what a chart does not know breaks its lines; codes come in words") {
  series::Series series;
  series.axis = Axis::names;
  series.columns = {{"people", Mark::bar}};
  for (auto const* code : {"owner", "support"}) {
    series.rows.emplace_back();
    series.rows.back().key = code;
    series.rows.back().values = {std::nullopt};
  }
  auto const text =
      file_of({"People", {"People"}, {"Dueños \u202Eal revés", "مساعدة"}, series}).text();
  CHECK(has(text, "People: no data."));
  CHECK(has(text, "Dueños \uFFFDal revés"));
  CHECK(!has(text, "owner"));
}

TEST_CASE("any series becomes a file") {
  auto const most = std::numeric_limits<std::int64_t>::max();
  std::vector<Mark> const marks{Mark::bar,  Mark::area, Mark::line,
                                Mark::none, Mark::bar,  Mark::area};
  std::vector<std::vector<std::optional<std::int64_t>>> long_one;
  for (int i = 0; i < 10'000; ++i) long_one.push_back({i, -i, i % 7 ? i : std::optional<int>{}});
  std::vector<std::vector<std::vector<std::optional<std::int64_t>>>> const cases{
      {},
      {{1, 1, 1, 1, 1, 1}},
      {{0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0}},
      {{-5, -5, -5, 0, -5, -5}, {-6, -1, std::nullopt, 0, 2, 2}},
      {{most, most, most, most, most, most}, {-most, -most, -most, -most, -most, -most}},
      {{}, {1}, {1, 2, 3}},
      long_one};
  for (auto const& values : cases) {
    CAPTURE(values.size());
    auto series = months(values, {UnitKind::count}, marks);
    series.limit = 3;
    series.comparison.emplace();
    series.comparison->rows = series.rows;
    series.comparison->rows.emplace_back();
    pdf::Document document;
    document.blocks = {pdf::Chart{"Chart", {"short"}, {}, series}};
    File const file{document};
    file.check_form();
    CHECK(file.bytes == pdf::write(document));
    CHECK(file.pages() == 1);
  }
}
