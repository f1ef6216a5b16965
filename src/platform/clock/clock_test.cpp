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
  CHECK_FALSE(clock_source::parse("2026-11-23T07:20:12"));
  CHECK_FALSE(clock_source::parse("2026-11-23T07:20:12Zjunk"));
}
