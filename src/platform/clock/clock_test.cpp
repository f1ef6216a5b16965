// Times in both spellings that reach us.
#include "platform/clock/clock.hpp"

#include <doctest/doctest.h>

TEST_CASE("times are read as RFC 3339 and as PostgreSQL prints them") {
  auto const wanted = clock_source::from_unix_seconds(1795423212);
  CHECK(clock_source::parse("2026-11-23T07:20:12Z") ==
        clock_source::parse("2026-11-23 07:20:12+00"));
  CHECK(clock_source::parse(clock_source::rfc3339(wanted)) == wanted);
  CHECK(clock_source::parse("2026-11-23T09:20:12.5+02:00") ==
        *clock_source::parse("2026-11-23T07:20:12Z") + std::chrono::milliseconds{500});
  CHECK_FALSE(clock_source::parse("2026-02-30T00:00:00Z"));
  for (auto const* outside : {"0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01",
                              "9999-12-31T23:59:59-00:01", "2026-01-01T00:00:00+24:00"})
    CHECK_FALSE(clock_source::parse(outside));
  CHECK(clock_source::parse("0001-01-01T00:00:00Z") == clock_source::earliest);
  CHECK(clock_source::parse("9999-12-31T23:59:59.999999Z") == clock_source::latest);
  CHECK_FALSE(clock_source::parse("2026-11-23T07:20:12"));
  CHECK_FALSE(clock_source::parse("2026-11-23T07:20:12Zjunk"));
}
