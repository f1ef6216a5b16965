// Tables as spreadsheets give them.
#include "reports/rate_table.hpp"

#include <doctest/doctest.h>

namespace {
std::string read(std::string_view csv) {
  std::string out;
  for (auto const& [month, currency, rate, source] : reports::rates_of(csv, "eur"))
    out += month + " " + currency + " " + rate + (source.empty() ? "" : " " + source) + "; ";
  return out;
}
}  // namespace

TEST_CASE("rates are read with commas, with semicolons and decimal commas, with tabs") {
  CHECK(read("month,currency,rate\r\n2026-11,USD,0.9234\r\n2026-10,jpy,0.00612\r\n") ==
        "2026-11 usd 0.9234; 2026-10 jpy 0.00612; ");
  CHECK(read("\xEF\xBB\xBFmes;moneda;tipo;fuente\n2026-11;usd;0,9234;BCE\n\n") ==
        "2026-11 usd 0.9234 BCE; ");
  CHECK(read("2026-11\tusd\t1") == "2026-11 usd 1; ");
  CHECK(read("\"2026-11\",\"usd\",\"1.5\"") == "2026-11 usd 1.5; ");
}

TEST_CASE("one wrong line and nothing is read") {
  for (auto const* wrong :
       {"", "month,currency,rate", "2026-13,usd,1", "2026-11,usd", "2026-11,zzz,1", "2026-11,usd,0",
        "2026-11,usd,-1", "2026-11,usd,1e3", "2026-11,usd,0,9234,x", "2026-11,usd,1,0834",
        "2026-11,eur,1", "2026-11,usd,1\n2026-11,USD,2", "2026-11,usd,123456789",
        "2026-11,usd,1.12345678901"}) {
    CAPTURE(wrong);
    CHECK_THROWS(static_cast<void>(reports::rates_of(wrong, "eur")));
  }
}
