// A series travels as JSON that names everything a drawing needs.
#include "platform/series/series.hpp"

#include <doctest/doctest.h>

#include "platform/json/write.hpp"

TEST_CASE("a series is written with its unit, its open period and what is not known") {
  series::Series const made{
      .definition = "mrr_movements",
      .unit = {series::UnitKind::money, 0, "jpy"},
      .range = series::Range{series::Word::this_month,
                             "2026-11-01",
                             "2026-11-29",
                             series::Granularity::month,
                             "Europe/Madrid",
                             {"2026-10-01", "2026-10-31"},
                             {}},
      .columns = {{"new", series::Mark::bar}},
      .rows = {{"2026-11-01", false, {4900, {}, -3}, "/admin/tenants?state=live"}}};
  CHECK(json::text(made) ==
        R"({"definition":"mrr_movements","unit":{"kind":"money","decimals":0,"currency":"jpy"},)"
        R"("axis":"periods","range":{"word":"this_month","from":"2026-11-01","to":"2026-11-29",)"
        R"("granularity":"month","zone":"Europe/Madrid","earlier":{"from":"2026-10-01",)"
        R"("to":"2026-10-31","word":null},"later":null},"columns":[{"id":"new","mark":"bar"}],)"
        R"("rows":[{"key":"2026-11-01","complete":false,"values":[4900,null,-3],)"
        R"("drill":"/admin/tenants?state=live"}],"comparison":null,"limit":null})");
}
